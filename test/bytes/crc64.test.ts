import { describe, expect, test } from 'vitest';
import { Crc64, combineCrc64, crc64, writeCrc64 } from '../../lib/bytes/crc64.ts';
import { crc64Twin } from '../../lib/bytes/twin.ts';
import { Random, runs, seedOr } from '../support/random.ts';

/** What `crc64.c` of the servers gives for the usual check string. */
const CHECK = { text: Buffer.from('123456789'), crc: 0xe9c6d914c4b8d9can };

/** `DUMP` of the string "keyferry", by Redis 7.0.15. */
const DUMPED = Buffer.from('00086b657966657272790a00d0a1a30a4923357d', 'hex');

/** Around every place where the kernel changes its method: words, the fold's threshold and reach, blocks. */
const EDGES = [
  ...[0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 127, 128, 129, 3999, 4000, 4001],
  ...[8191, 8192, 8193, 8200, 8207, 8208, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 139_263, 139_264, 262_145],
];

/** A range somewhere in a larger buffer, so that stray bytes around it would be noticed. */
function range(random: Random, length: number): { bytes: Buffer; start: number; end: number } {
  const start = random.int(0, 40);
  return { bytes: random.bytes(start + length + random.int(0, 40)), start, end: start + length };
}

describe('crc64', () => {
  test('the check string has the CRC that the servers compute', () => {
    expect(crc64(CHECK.text)).toBe(CHECK.crc);
    expect(crc64Twin(CHECK.text)).toBe(CHECK.crc);
  });

  test('a DUMP payload of Redis 7.0 ends in the CRC of the rest', () => {
    expect(crc64(DUMPED, 0, DUMPED.length - 8)).toBe(DUMPED.readBigUInt64LE(DUMPED.length - 8));
  });

  test('nothing has the CRC 0, and so have zeros', () => {
    expect(crc64(Buffer.alloc(0))).toBe(0n);
    expect(crc64(Buffer.alloc(100_000))).toBe(0n);
  });

  test.each(EDGES)('the kernel gives what the twin gives for %i bytes', (length) => {
    const random = new Random(seedOr(640 + length));
    const { bytes, start, end } = range(random, length);
    expect(crc64(bytes, start, end), `seed ${random.seed}`).toBe(crc64Twin(bytes.subarray(start, end)));
  });

  test('the kernel gives what the twin gives for any range of any bytes', () => {
    const random = new Random(seedOr(641));
    for (let run = 0; run < runs(150, 3000); run++) {
      const { bytes, start, end } = range(random, random.int(0, random.pick([40, 500, 10_000, 71_680])));
      const what = `seed ${random.seed}, run ${run}: ${end - start} bytes from ${start}`;
      expect(crc64(bytes, start, end), what).toBe(crc64Twin(bytes.subarray(start, end)));
    }
  });

  test('each single bit of a folded input counts', () => {
    const length = 12_345;
    const zeros = Buffer.alloc(length);
    const random = new Random(seedOr(642));
    for (let run = 0; run < runs(60, 1000); run++) {
      const bit = random.int(0, length * 8 - 1);
      zeros[bit >> 3]! ^= 1 << (bit & 7);
      expect(crc64(zeros), `seed ${random.seed}: bit ${bit}`).toBe(crc64Twin(zeros.subarray(bit >> 3)));
      zeros[bit >> 3] = 0;
    }
  });

  test('the fold’s distances are right: a vector has the CRC of its twelve copies that far on', () => {
    const reach = 250;
    const vector = new Random(643).bytes(16);
    const alone = Buffer.alloc((reach + 1) * 16);
    alone.set(vector);
    const copies = Buffer.alloc(alone.length);
    for (const distance of [8, 15, 75, 86, 94, 113, 170, 178, 183, 190, 230, reach]) copies.set(vector, distance * 16);
    expect(crc64Twin(copies)).toBe(crc64Twin(alone));
  });
});

describe('Crc64', () => {
  test('pieces of any size give the CRC of the whole', () => {
    const random = new Random(seedOr(644));
    for (let run = 0; run < runs(60, 1000); run++) {
      const bytes = random.bytes(random.int(0, 60_000));
      const running = new Crc64();
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + random.int(0, random.pick([3, 100, 30_000])));
        running.update(bytes, at, end);
        at = end;
      }
      expect(running.value, `seed ${random.seed}, run ${run}: ${bytes.length} bytes`).toBe(crc64(bytes));
    }
  });

  test('a saved value resumes, also when its highest bit is set', () => {
    const random = new Random(seedOr(645));
    for (let run = 0; run < runs(60, 1000); run++) {
      const bytes = random.bytes(random.int(1, 30_000));
      const cut = random.int(0, bytes.length);
      const saved = BigInt(`0x${crc64(bytes, 0, cut).toString(16)}`);
      expect(saved).toBeGreaterThanOrEqual(0n);
      const resumed = new Crc64(saved).update(bytes, cut).value;
      expect(resumed, `seed ${random.seed}, run ${run}: ${bytes.length} cut at ${cut}`).toBe(crc64(bytes));
    }
  });

  test('two running CRCs do not disturb each other', () => {
    const [a, b] = [new Crc64(), new Crc64()];
    a.update(CHECK.text, 0, 4);
    b.update(Buffer.alloc(20_000, 'b'));
    a.update(CHECK.text, 4);
    expect(a.value).toBe(CHECK.crc);
    expect(b.value).toBe(crc64Twin(Buffer.alloc(20_000, 'b')));
  });

  test.each([
    [-1, 3],
    [2, 1],
    [0, 10],
    [Number.NaN, 3],
  ])('bytes %d to %d of nine are refused, not guessed', (start, end) => {
    expect(() => new Crc64().update(CHECK.text, start, end)).toThrow(RangeError);
    expect(() => writeCrc64(Buffer.alloc(9), 1, start, end)).toThrow(RangeError);
  });
});

describe('writeCrc64', () => {
  test('writes the CRC of the range, little endian, and nothing else', () => {
    const random = new Random(seedOr(646));
    for (let run = 0; run < runs(300, 10_000); run++) {
      const length = random.int(0, random.pick([30, 140, 1000, 20_000, 140_000]));
      const { bytes, start, end } = range(random, length);
      // Not always the same ArrayBuffer, and not always behind the range.
      const into = random.chance(0.5) ? Buffer.concat([bytes, Buffer.alloc(8)]) : Buffer.alloc(bytes.length + 8);
      into.set(bytes);
      const at = random.pick([end, into.length - 8, random.int(0, into.length - 8)]);
      const expected = Buffer.from(into);
      expected.writeBigUInt64LE(crc64(bytes, start, end), at);
      writeCrc64(into, at, start, end);
      expect(into.equals(expected), `seed ${random.seed}, run ${run}: ${start} to ${end} at ${at}`).toBe(true);
    }
  });

  test('finds the place in a view that begins within its buffer', () => {
    const whole = Buffer.alloc(64, 0x55);
    const part = whole.subarray(10, 40);
    part.set(CHECK.text, 3);
    writeCrc64(part, 12, 3, 12);
    expect(part.readBigUInt64LE(12)).toBe(CHECK.crc);
    expect(whole.subarray(0, 10).equals(Buffer.alloc(10, 0x55))).toBe(true);
    expect(whole.subarray(40).equals(Buffer.alloc(24, 0x55))).toBe(true);
  });

  test('a place that does not hold eight bytes is refused', () => {
    expect(() => writeCrc64(Buffer.alloc(16), 9, 0, 9)).toThrow(RangeError);
    expect(() => writeCrc64(Buffer.alloc(16), -1, 0, 9)).toThrow(RangeError);
  });
});

describe('combineCrc64', () => {
  test('joins the CRCs of two halves, either of which may be empty', () => {
    const random = new Random(seedOr(647));
    for (let run = 0; run < runs(60, 1000); run++) {
      const bytes = random.bytes(random.int(0, 40_000));
      const cut = random.pick([0, bytes.length, random.int(0, bytes.length)]);
      const joined = combineCrc64(crc64(bytes, 0, cut), crc64(bytes, cut), bytes.length - cut);
      expect(joined, `seed ${random.seed}, run ${run}: ${bytes.length} cut at ${cut}`).toBe(crc64(bytes));
    }
  });

  test.each([2 ** 32 + 1, 40 * 2 ** 30, 2 ** 53 - 1])(
    '%i zero bytes, appended at once or in parts, come to the same',
    (length) => {
      const once = combineCrc64(CHECK.crc, 0n, length);
      const random = new Random(seedOr(648));
      let inParts = CHECK.crc;
      for (let left = length; left > 0; ) {
        const part = left < 1000 ? left : random.int(1, left);
        inParts = combineCrc64(inParts, 0n, part);
        left -= part;
      }
      expect(inParts, `seed ${random.seed}`).toBe(once);
      expect(once).not.toBe(CHECK.crc);
    },
  );

  test('parts of more than 4 GiB join in any order', () => {
    const [a, b, c] = [crc64(Buffer.from('a')), crc64(Buffer.from('b')), crc64(Buffer.from('c'))];
    const [bBytes, cBytes] = [2 ** 33 + 7, 2 ** 40 + 1];
    const leftFirst = combineCrc64(combineCrc64(a, b, bBytes), c, cBytes);
    const rightFirst = combineCrc64(a, combineCrc64(b, c, cBytes), bBytes + cBytes);
    expect(leftFirst).toBe(rightFirst);
  });

  test.each([-1, 0.5, 2 ** 53, Number.NaN])('%d bytes are refused', (length) => {
    expect(() => combineCrc64(1n, 2n, length)).toThrow(RangeError);
  });
});
