import { describe, expect, test } from 'vitest';
import { expandLzfKernel, kernelInput, kernelOutput } from '../../lib/bytes/kernels.ts';
import { expandLzf, LzfError } from '../../lib/bytes/lzf.ts';
import { expandLzfTwin } from '../../lib/bytes/twin.ts';
import { KeyferryError } from '../../lib/errors.ts';
import { compressLzf } from '../support/lzf-compress.ts';
import { Random, runs, seedOr } from '../support/random.ts';

const literals = (text: string): Buffer => Buffer.concat([Buffer.of(text.length - 1), Buffer.from(text, 'latin1')]);

/** A back reference of 3 to 264 bytes, 1 to 8192 back. */
function reference(distance: number, count: number): Buffer {
  const back = distance - 1;
  const extra = count - 2;
  if (extra < 7) return Buffer.of((extra << 5) | (back >> 8), back & 0xff);
  return Buffer.of((7 << 5) | (back >> 8), extra - 7, back & 0xff);
}

const block = (...tokens: Buffer[]): Buffer => Buffer.concat(tokens);

/** Data of every grain: runs, words, repetitions at all distances, noise. */
function compressible(random: Random, length: number): Buffer {
  const parts: Buffer[] = [];
  let made = 0;
  while (made < length) {
    const period = random.bytes(random.int(1, 40));
    const run = Buffer.alloc(random.int(1, 600), period);
    const part = random.pick([run, random.bytes(random.int(1, 80)), Buffer.from(random.text(random.int(1, 300)))]);
    const again = parts.length === 0 ? part : random.pick(parts);
    parts.push(random.chance(0.3) ? again : part);
    made += parts.at(-1)!.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** What `expandLzf` throws; fails when it does not. */
function thrown(input: Uint8Array, length: number): LzfError {
  try {
    expandLzf(input, length);
  } catch (error) {
    if (error instanceof LzfError) return error;
    throw error;
  }
  throw new Error(`a damaged block was expanded to ${length} bytes`);
}

describe('expandLzf', () => {
  test.each([
    ['literals alone', block(literals('abc')), 'abc'],
    ['32 literals, the most of a token', block(literals('x'.repeat(32))), 'x'.repeat(32)],
    ['a reference', block(literals('abcd'), reference(4, 3)), 'abcdabc'],
    ['a reference to one byte, which repeats it', block(literals('a'), reference(1, 264)), 'a'.repeat(265)],
    ['a reference that reaches into itself', block(literals('abc'), reference(3, 10)), 'abcabcabcabca'],
    ['the shortest with a length byte', block(literals('ab'), reference(2, 9)), 'abababababa'],
    [
      'tokens after an overlap',
      block(literals('xy'), reference(2, 20), literals('z'), reference(3, 4)),
      `${'xy'.repeat(11)}zxyzx`,
    ],
    ['nothing', Buffer.alloc(0), ''],
  ])('expands %s', (_name, input, text) => {
    expect(expandLzf(input, text.length).toString('latin1')).toBe(text);
  });

  test.each(Array.from({ length: 40 }, (_, index) => index + 1))(
    'repeats a period of %i bytes at any length',
    (period) => {
      const text = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'.slice(0, period);
      const first = period <= 32 ? [literals(text)] : [literals(text.slice(0, 32)), literals(text.slice(32))];
      for (let count = 3; count <= 264; count++) {
        const expected = text.repeat(Math.ceil(count / period) + 1).slice(0, period + count);
        const input = block(...first, reference(period, count), literals('!'));
        expect(expandLzf(input, expected.length + 1).toString('latin1'), `${count} bytes`).toBe(`${expected}!`);
      }
    },
  );

  test('expands what Redis 7.0 compressed', () => {
    const input = Buffer.from(
      '1a7b2275736572223a22616e6e61222c22766973697473223a5b312ce00801085d2c22667269656e64401fc030a0374006062d6d6172' +
        '696122202640530032c054017d61e02000016161',
      'hex',
    );
    const text =
      '{"user":"anna","visits":[1,1,1,1,1,1,1,1,1,1],"friends":["anna","anna","anna-maria"],"user2":"anna"}' +
      'a'.repeat(44);
    expect(expandLzf(input, 144).toString('latin1')).toBe(text);
  });

  test('reaches back 8192 bytes', () => {
    const far = new Random(651).bytes(8192);
    const tokens = Array.from({ length: 256 }, (_, i) => block(Buffer.of(31), far.subarray(i * 32, i * 32 + 32)));
    const expanded = expandLzf(block(...tokens, reference(8192, 264)), 8192 + 264);
    expect(expanded.equals(Buffer.concat([far, far.subarray(0, 264)]))).toBe(true);
  });

  test('gives back whatever was compressed', () => {
    const random = new Random(seedOr(652));
    let compressed = 0;
    const count = runs(300, 3000);
    for (let run = 0; run < count; run++) {
      const raw = compressible(random, random.int(1, random.pick([60, 1000, 20_000, 300_000])));
      const input = compressLzf(raw);
      if (input === null) continue;
      compressed++;
      expect(expandLzf(input, raw.length).equals(raw), `seed ${random.seed}, run ${run}: ${raw.length} bytes`).toBe(
        true,
      );
    }
    expect(compressed).toBeGreaterThanOrEqual(Math.floor(count / 2));
  });

  test('expands what is too large for the kernel', () => {
    const random = new Random(seedOr(653));
    const raw = Buffer.concat([compressible(random, 3_000_000), Buffer.alloc(kernelOutput.length), random.bytes(1000)]);
    const input = compressLzf(raw)!;
    expect(expandLzf(input, raw.length).equals(raw), `seed ${random.seed}`).toBe(true);
    expect(thrown(input, raw.length - 1).code).toBe('RDB_LZF');
    expect(thrown(input, raw.length + 1).code).toBe('RDB_LZF');
  });

  test('the result is not overwritten by the next', () => {
    const first = expandLzf(block(literals('first'), reference(5, 200)), 205);
    expandLzf(block(literals('other'), reference(5, 200)), 205);
    expect(first.toString('latin1')).toBe('first'.repeat(41));
  });

  test('takes a view into a larger buffer as the block', () => {
    const whole = Buffer.concat([Buffer.from('###'), literals('abc'), Buffer.from('###')]);
    expect(expandLzf(new Uint8Array(whole.buffer, whole.byteOffset + 3, 4), 3).toString()).toBe('abc');
  });
});

describe('a damaged block', () => {
  const whole = block(literals('abcd'), reference(4, 12));

  test.each([
    ['ends within literals', block(literals('abcd').subarray(0, 3)), 4, 0, 'it ends within literal bytes'],
    ['ends before a distance', block(literals('abcd'), Buffer.of(0x20)), 7, 5, 'it ends within a back reference'],
    ['ends before a length', block(literals('abcd'), Buffer.of(0xe0)), 20, 5, 'it ends within a back reference'],
    ['ends after a length', block(literals('abcd'), Buffer.of(0xe0, 1)), 20, 5, 'it ends within a back reference'],
    ['begins with a reference', reference(1, 3), 3, 0, 'it refers to 1 bytes before its own beginning'],
    [
      'refers too far back',
      block(literals('abcd'), reference(5, 3)),
      7,
      5,
      'it refers to 1 bytes before its own beginning',
    ],
    ['expands too far by a reference', whole, 15, 5, 'it expands to more than that'],
    ['expands too far by literals', block(literals('abcd')), 3, 0, 'it expands to more than that'],
    ['expands to less', whole, 17, 8, 'it expands to 16 bytes'],
    ['is empty and declares bytes', Buffer.alloc(0), 1, 0, 'no block of that size expands so far'],
    ['declares what no block of its size holds', whole, 1000, 0, 'no block of that size expands so far'],
    ['declares more than any memory', whole, 2 ** 53, 0, 'no block of that size expands so far'],
  ])('that %s is refused with its place', (_name, input, length, at, what) => {
    const error = thrown(input, length);
    expect(error).toBeInstanceOf(KeyferryError);
    expect(error.code).toBe('RDB_LZF');
    expect(error.at).toBe(at);
    expect(error.describe()).toBe(
      `RDB_LZF at byte ${at} of the block: an LZF block of ${input.length} bytes, ` +
        `declared to expand to ${length}, is damaged: ${what}.`,
    );
  });

  test('cut at any byte is refused', () => {
    const random = new Random(seedOr(654));
    const raw = compressible(random, 3000);
    const input = compressLzf(raw)!;
    for (let cut = 0; cut < input.length; cut++) {
      expect(thrown(input.subarray(0, cut), raw.length).code, `seed ${random.seed}, cut at ${cut}`).toBe('RDB_LZF');
    }
  });

  test('takes no memory for what it declares', () => {
    // 3 MB of literals that say they become 250 MB.
    const input = Buffer.alloc(3_000_000);
    const before = process.memoryUsage();
    thrown(input, 250_000_000);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 2 ** 20);
  });

  test('of random bytes never crashes or hangs, and the kernel and the twin agree on it', () => {
    const random = new Random(seedOr(655));
    let whole = 0;
    const count = runs(3000, 100_000);
    for (let run = 0; run < count; run++) {
      const { input, length } = hostile(random);
      const said = `seed ${random.seed}, run ${run}: ${length} from ${input.toString('hex').slice(0, 2000)}`;
      kernelInput.set(input);
      const accepted = expandLzfKernel(input.length, length);
      const twin = expandLzfTwin(input, length);
      expect(accepted, said).toBe(Buffer.isBuffer(twin));
      if (!Buffer.isBuffer(twin)) {
        expect(thrown(input, length).code, said).toBe('RDB_LZF');
        continue;
      }
      whole++;
      expect(twin.equals(kernelOutput.subarray(0, length)), said).toBe(true);
      expect(expandLzf(input, length).equals(twin), said).toBe(true);
    }
    expect(whole).toBeGreaterThanOrEqual(Math.floor(count / 20));
  });
});

/** Noise, or a good block with some bytes changed, cut or with another length; some of them still whole. */
function hostile(random: Random): { input: Buffer; length: number } {
  if (random.chance(0.3)) {
    const input = random.bytes(random.int(0, 60));
    if (input.length > 0 && random.chance(0.8)) input[0]! &= 31;
    return { input, length: expandedLength(input) ?? random.int(0, 2000) };
  }
  const raw = compressible(random, random.int(20, 3000));
  const input = compressLzf(raw) ?? random.bytes(50);
  for (let flips = random.int(0, 3); flips > 0; flips--)
    input[random.int(0, input.length - 1)]! ^= 1 << random.int(0, 7);
  const cut = random.chance(0.2) ? random.int(0, input.length) : input.length;
  const length = random.chance(0.8) ? raw.length : Math.max(0, raw.length + random.int(-20, 20));
  return { input: input.subarray(0, cut), length };
}

/** The length that the last complete token of noise reaches, so that the length alone does not refuse it. */
function expandedLength(input: Buffer): number | undefined {
  const fault = expandLzfTwin(input, Number.MAX_SAFE_INTEGER);
  if (Buffer.isBuffer(fault)) return undefined;
  const length = /^it expands to (\d+) bytes$/.exec(fault.what)?.[1];
  return length === undefined ? undefined : Number(length);
}
