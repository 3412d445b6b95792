import { isUtf8 } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { expandedText, JsonBuffer } from '../../../lib/targets/json/json-buffer.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { text } from './model.ts';

const SEED = seedOr(20261125);

/** Pieces that a string may be made of: what is special, what is damaged, and what surrounds it. */
const PIECES = [
  ...['a', 'plain text of some length, ', '"', '\\', '\n', '\u0001', '\u001f', '\u007f', 'é', '€', '\ud7ff', '\ue000', '𝄞'],
  ...['\u{10ffff}', '\u2028'],
].map((piece) => Buffer.from(piece)); // biome-ignore format: a list
const DAMAGED = [
  ...['00', '80', 'bf', 'c0af', 'c1bf', 'c3', 'e08080', 'e09fbf', 'eda080', 'edbfbf', 'e282', 'f0808080', 'f08fbfbf'],
  ...['f4908080', 'f5808080', 'ff', 'f09d84', 'c328', 'e228a1', 'f0288cbc', 'f09d8428'],
].map((hex) => Buffer.from(hex, 'hex')); // biome-ignore format: a list

function written(write: (out: JsonBuffer) => void): string {
  const out = new JsonBuffer(Buffer.alloc(1));
  write(out);
  return out.written.toString('latin1');
}

/** The string as JSON by the kernel, from where LZF expands to, and from elsewhere. */
function everyWay(bytes: Buffer): string[] {
  bytes.copy(expandedText, 3);
  const inPlace = written((out) => out.string(expandedText, 3, 3 + bytes.length));
  return [written((out) => out.string(bytes)), inPlace];
}

describe('a string', () => {
  test('each byte, and each sequence that is no UTF-8, in front, inside, and at the end of one of any length', () => {
    const single = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte));
    for (const piece of [...single, ...PIECES, ...DAMAGED]) {
      for (const [before, behind] of [
        [0, 0],
        [1, 200],
        [14, 3],
        [15, 40],
        [200, 0],
        [5000, 5000],
      ] as const) {
        // biome-ignore format: pairs
        const bytes = Buffer.concat([Buffer.alloc(before, 'x'), piece, Buffer.alloc(behind, 'y')]);
        const expected = Buffer.from(JSON.stringify(text(bytes)));
        for (const json of everyWay(bytes))
          expect(JSON.parse(Buffer.from(json, 'latin1').toString())).toEqual(text(bytes));
        for (const json of everyWay(bytes)) expect(json.length, piece.toString('hex')).toBe(expected.length);
      }
    }
  });

  test('random ones: the kernel and the plain way agree, and base64 marks only what is no text', () => {
    const random = new Random(SEED);
    for (let run = 0; run < runs(2000, 50_000); run++) {
      const pieces = Array.from({ length: random.int(0, 60) }, () => random.pick(PIECES));
      if (random.chance(0.3)) pieces.push(random.pick(DAMAGED), random.pick(PIECES));
      const bytes = Buffer.concat(pieces);
      const isText = isUtf8(bytes) && !bytes.includes(0);
      for (const json of everyWay(bytes)) {
        expect(json.startsWith('{"base64":'), `seed ${SEED}, run ${run}`).toBe(!isText);
        expect(JSON.parse(Buffer.from(json, 'latin1').toString()), `seed ${SEED}, run ${run}`).toEqual(text(bytes));
      }
    }
  });

  test('larger than the kernel takes, or than it can hold when it is escaped', () => {
    for (const bytes of [Buffer.alloc(5 << 20, 'ab"'), Buffer.alloc(3 << 20, 1)]) {
      expect(JSON.parse(written((out) => out.string(bytes)))).toBe(bytes.toString());
    }
  });
});

test('numbers: each is the same number when it is read, and text only where JSON has none', () => {
  const doubles = [
    0,
    1,
    -1,
    10,
    99,
    100,
    999,
    1000,
    2 ** 31,
    -(2 ** 31),
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    0.1,
    1e-7,
    5e-324,
  ];
  for (const value of doubles) expect(JSON.parse(written((out) => out.double(value)))).toBe(value);
  expect(written((out) => out.double(-0))).toBe('-0.0');
  expect([2 ** 53, 1e300, Infinity, -Infinity, Number.NaN].map((value) => written((out) => out.double(value)))).toEqual(
    ['"9007199254740992"', '"1e+300"', '"inf"', '"-inf"', '"nan"'],
  );
  expect(written((out) => out.wideInteger(-(2n ** 53n) + 1n))).toBe('-9007199254740991');
  expect(written((out) => out.wideInteger(2n ** 64n - 1n))).toBe('"18446744073709551615"');
  for (let digits = 0; digits < 16; digits++) {
    for (const value of [10 ** digits, 10 ** digits - 1])
      expect(written((out) => out.integer(value))).toBe(String(value));
  }
});
