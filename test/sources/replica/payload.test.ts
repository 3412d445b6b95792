// The RDB comes out of a master's stream byte for byte, however the network cuts it, and so does what follows it.
import { describe, expect, test } from 'vitest';
import type { Bytes } from '../../../lib/sources/replica/link.ts';
import { parseFraming, payload } from '../../../lib/sources/replica/payload.ts';
import { Random, runs, seedOr } from '../../support/random.ts';

/** Pieces of any sizes, with what is given back. */
class Pieces implements Bytes {
  readonly #pieces: Buffer[] = [];

  constructor(bytes: Buffer, random: Random, longest: number) {
    for (let at = 0; at < bytes.length; ) {
      const size = random.int(1, longest);
      this.#pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
  }

  async read(): Promise<Buffer> {
    const piece = this.#pieces.shift();
    if (piece === undefined) throw new Error('no more bytes');
    return piece;
  }

  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#pieces.unshift(bytes);
  }

  get rest(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

const MARK = Buffer.from('0123456789abcdef0123456789abcdef01234567');

async function read(pieces: Pieces, framing: Parameters<typeof payload>[1], whole?: (bytes: Buffer) => boolean) {
  let out = Buffer.alloc(0);
  for await (const piece of payload(pieces, framing, whole === undefined ? undefined : () => whole(out))) {
    expect(piece.length).toBeGreaterThan(0);
    out = Buffer.concat([out, piece]);
  }
  return out;
}

/** Data that is full of beginnings of the mark, so that every way to be mistaken occurs. */
function treacherous(random: Random, mark: Buffer): Buffer {
  const parts = Array.from({ length: random.int(0, 12) }, () =>
    random.chance(0.5) ? mark.subarray(0, random.int(1, mark.length - 1)) : random.bytes(random.int(0, 60)),
  );
  return Buffer.concat(parts);
}

describe('any cut gives the same', () => {
  test.each(Array.from({ length: runs(60, 2000) }, (_, run) => run))('run %i', async (run) => {
    const seed = seedOr(7000 + run);
    const random = new Random(seed);
    const mark = random.chance(0.3) ? Buffer.alloc(40, 'a') : MARK;
    const data = treacherous(random, mark);
    const rest = random.bytes(random.int(0, 50));
    const longest = random.pick([1, 2, 39, 40, 41, 100, 1000]);
    // Behind an `a` the mark of `a`s would begin earlier: the data's own end has to tell.
    const whole = (out: Buffer) => out.length >= data.length;
    const marked = new Pieces(Buffer.concat([data, mark, rest]), random, longest);
    expect(await read(marked, { mark }, whole), `seed ${seed}`).toEqual(data);
    expect(marked.rest, `seed ${seed}`).toEqual(rest);
    const counted = new Pieces(Buffer.concat([data, rest]), random, longest);
    expect(await read(counted, { bytes: data.length }), `seed ${seed}`).toEqual(data);
    expect(counted.rest, `seed ${seed}`).toEqual(rest);
  });
});

test('the whole mark inside the data is data', async () => {
  const data = Buffer.concat([Buffer.from('before'), MARK, Buffer.from('between'), MARK, MARK, Buffer.from('after')]);
  for (const longest of [1, 7, 1000]) {
    const pieces = new Pieces(Buffer.concat([data, MARK, Buffer.from('*1\r\n')]), new Random(1), longest);
    expect(await read(pieces, { mark: MARK }, (out) => out.length === data.length)).toEqual(data);
    expect(pieces.rest.toString()).toBe('*1\r\n');
  }
});

test('without somebody who knows better the first mark ends it, as servers have it', async () => {
  const pieces = new Pieces(Buffer.concat([Buffer.from('data'), MARK, Buffer.from('rest')]), new Random(1), 5);
  expect((await read(pieces, { mark: MARK })).toString()).toBe('data');
  expect(pieces.rest.toString()).toBe('rest');
});

describe('the line before it', () => {
  test('has a length or a mark', () => {
    expect(parseFraming('$18446', 'x')).toEqual({ bytes: 18_446 });
    expect(parseFraming('$0', 'x')).toEqual({ bytes: 0 });
    expect(parseFraming(`$EOF:${MARK}`, 'x')).toEqual({ mark: MARK });
  });

  test.each([
    ['$EOF:short', 'SOURCE_PROTOCOL'],
    ['$-1', 'SOURCE_PROTOCOL'],
    ['$99999999999999999', 'SOURCE_PROTOCOL'],
    ['+OK', 'SOURCE_PROTOCOL'],
    ['-ERR Unable to perform background save', 'SOURCE_SAVE_FAILED'],
  ])('%s is neither', (line, code) => {
    expect(() => parseFraming(line, 'x')).toThrow(expect.objectContaining({ code }));
  });
});
