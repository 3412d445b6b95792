import { describe, expect, test } from 'vitest';
import type { Output } from '../../../lib/storage/output.ts';
import { PrettyJson, PrettyOutput } from '../../../lib/targets/json/pretty.ts';
import { Random, runs, seedOr } from '../../support/random.ts';

function pretty(compact: string | Buffer, sizes: () => number = () => 1 << 20): string {
  const json = new PrettyJson();
  const bytes = Buffer.from(compact);
  const written: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + sizes();
    written.push(Buffer.from(json.push(bytes.subarray(at, end))));
    at = end;
  }
  written.push(Buffer.from(json.end()));
  return Buffer.concat(written).toString();
}

describe('is what JSON.stringify gives', () => {
  test.each([
    ['an object', { a: 1, b: [1, 2, { c: null }], d: {}, e: [], f: [[]], g: true }],
    ['strings with the characters of tokens', { '{"[,: ': '}]\\"\n', '\\': '\\\\' }],
    ['an array', [1.5, 'x', [], {}]],
    ['a string alone', 'x'],
    ['a number alone', 12],
    ['characters of several bytes', ['Käse €𝄞']],
  ])('%s', (_, value) => {
    expect(pretty(JSON.stringify(value))).toBe(`${JSON.stringify(value, null, 2)}\n`);
  });
});

test('each line becomes a text of its own', () => {
  expect(pretty('{"a":1}\n[]\n7\n"x"\n')).toBe('{\n  "a": 1\n}\n[]\n7\n"x"\n');
});

test('numbers and escapes stay as they are written', () => {
  expect(pretty('[-0.0,1.0e+16,9007199254740993,"\\u001F\\/"]')).toBe(
    '[\n  -0.0,\n  1.0e+16,\n  9007199254740993,\n  "\\u001F\\/"\n]\n',
  );
});

test('space that was there makes no difference', () => {
  expect(pretty('[{\n    "s":"x",\r\n\t"t" : 1 },{ }]\n')).toBe(pretty('[{"s":"x","t":1},{}]'));
});

test('any slicing of random values gives the same text, which parses to the same', () => {
  const seed = seedOr(20_261_128);
  for (let run = 0; run < runs(300, 5000); run++) {
    const random = new Random(seed + run);
    const values = Array.from({ length: random.int(0, 4) }, () => randomValue(random, 0));
    const compact = values.map((value) => `${JSON.stringify(value)}\n`).join('');
    const expected = values.map((value) => `${JSON.stringify(value, null, 2)}\n`).join('');
    expect(
      pretty(compact, () => random.int(1, 9)),
      `seed ${seed + run}`,
    ).toBe(expected);
  }
});

function randomValue(random: Random, depth: number): unknown {
  const kind = random.int(0, depth > 4 ? 3 : 5);
  if (kind === 0) return random.pick([null, true, false, 0, -1.5e-7, 123456789]);
  if (kind < 4) return random.bytes(random.int(0, 12)).toString('utf8');
  const elements = Array.from({ length: random.int(0, 4) }, () => randomValue(random, depth + 1));
  return kind === 4 ? elements : Object.fromEntries(elements.map((each, i) => [`${i}${random.text(3)}"\\`, each]));
}

test('as an output it hands on what it has made of the bytes, and how the writing ended', async () => {
  const events: string[] = [];
  const inner: Output = {
    write: async (bytes) => void events.push(bytes.toString()),
    commit: async () => void events.push('commit'),
    leave: async () => void events.push('leave'),
  };
  const whole = new PrettyOutput(inner);
  await whole.write(Buffer.from('{"a":'));
  await whole.write(Buffer.from('[]}\n12'));
  await whole.commit();
  const partial = new PrettyOutput(inner);
  await partial.write(Buffer.from('[1'));
  await partial.leave();
  expect(events).toEqual(['{\n  "a": ', '[]\n}\n12', '\n', 'commit', '[\n  1', 'leave']);
});
