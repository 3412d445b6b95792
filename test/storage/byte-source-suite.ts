// What every ByteSource does, run by the tests of each implementation.
import { describe, expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import { type ByteSource, samePin } from '../../lib/storage/byte-source.ts';
import { Random, seedOr } from '../support/random.ts';

/** What a test needs of an implementation. */
export interface Stored {
  open(): Promise<ByteSource>;
  /** Puts other bytes in the place of those that are stored. */
  replace(bytes: Buffer): Promise<void>;
  remove(): Promise<void>;
}

const SEED = seedOr(20261123);
const content = new Random(SEED).bytes(100_000);

/** @param name what the bytes are in, with a note where the tests are skipped */
export function byteSourceSuite(name: string, store: (bytes: Buffer) => Promise<Stored>, skip = false): void {
  describe.skipIf(skip)(`bytes in ${name}`, () => {
    test('are read by range', async () => {
      const source = await (await store(content)).open();
      expect(source.size).toBe(content.length);
      for (const [start, end] of [
        [0, 1],
        [0, 9],
        [99_999, 100_000],
        [4095, 4097],
        [12_345, 99_999],
      ] as const) {
        expect((await source.read(start, end)).equals(content.subarray(start, end)), `${start} to ${end}`).toBe(true);
      }
      await source.close();
    });

    test('are read as a whole', async () => {
      const source = await (await store(content)).open();
      expect((await source.read(0, source.size)).equals(content)).toBe(true);
      await source.close();
    });

    test('no bytes are read for an empty range, wherever it is', async () => {
      const source = await (await store(content)).open();
      for (const at of [0, 50_000, content.length]) expect(await source.read(at, at)).toHaveLength(0);
      await source.close();
    });

    test('may be none at all', async () => {
      const source = await (await store(Buffer.alloc(0))).open();
      expect(source.size).toBe(0);
      expect(await source.read(0, 0)).toHaveLength(0);
      await source.close();
    });

    test('go where the reader wants them, and nowhere else', async () => {
      const source = await (await store(content)).open();
      const into = Buffer.alloc(300, 0x2e);
      const given = await source.read(1000, 1100, into.subarray(50));
      expect(given.buffer).toBe(into.buffer);
      expect(into.subarray(50, 150).equals(content.subarray(1000, 1100))).toBe(true);
      expect(into.subarray(0, 50).equals(Buffer.alloc(50, 0x2e))).toBe(true);
      expect(into.subarray(150).equals(Buffer.alloc(150, 0x2e))).toBe(true);
      await source.close();
    });

    test('are read at many places at once', async () => {
      const source = await (await store(content)).open();
      const random = new Random(SEED).fork('concurrent');
      const ranges = Array.from({ length: 200 }, () => {
        const start = random.int(0, content.length);
        return [start, random.int(start, content.length)] as const;
      });
      const reads = await Promise.all(ranges.map(([start, end]) => source.read(start, end)));
      ranges.forEach(([start, end], i) => {
        expect(reads[i]?.equals(content.subarray(start, end)), `seed ${SEED}, ${start} to ${end}`).toBe(true);
      });
      await source.close();
    });

    test('that became fewer since are a changed input', async () => {
      const stored = await store(content);
      const source = await stored.open();
      await stored.replace(content.subarray(0, 60_000));
      const error = await source.read(50_000, 70_000).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(InputError);
      expect(error).toMatchObject({ code: 'INPUT_CHANGED', remedy: expect.stringContaining('--fresh') });
      expect(error.where).toContain(source.name);
      await source.close();
    });

    test('have a pin that stays the same while they do', async () => {
      const stored = await store(content);
      const [first, second] = [await stored.open(), await stored.open()];
      expect(samePin(first.pin, second.pin)).toBe(true);
      expect(first.pin.size).toBe(content.length);
      await Promise.all([first.close(), second.close()]);
      await stored.replace(Buffer.concat([content, Buffer.of(1)]));
      const grown = await stored.open();
      expect(samePin(first.pin, grown.pin)).toBe(false);
      await grown.close();
    });

    test('that are gone cannot be opened', async () => {
      const stored = await store(content);
      await stored.remove();
      const error = await stored.open().catch((thrown) => thrown);
      expect(error).toBeInstanceOf(InputError);
      expect(error.code).toBe('INPUT_NOT_FOUND');
    });
  });
}
