// What every Output does that has a name, run by the tests of each implementation.
import { describe, expect, test } from 'vitest';
import type { RewritableSink } from '../../lib/storage/file-sink.ts';
import type { Output } from '../../lib/storage/output.ts';
import { Random, seedOr } from '../support/random.ts';

/** A place where an output is to appear. */
export interface Place {
  begin(): Output | Promise<Output>;
  /** What stands under the name; `undefined` where nothing does. */
  read(): Promise<Buffer | undefined>;
  /** True when something of a broken-off output is left that costs room and is not seen. */
  leavings(): Promise<boolean>;
}

/** A place for an output whose beginning can be written over. */
export interface RewritablePlace {
  begin(): (Output & RewritableSink) | Promise<Output & RewritableSink>;
  read(): Promise<Buffer | undefined>;
}

const SEED = seedOr(20261123);
const content = new Random(SEED).bytes(100_000);

/** @param name where the output goes, with a note where the tests are skipped */
export function outputSuite(name: string, place: () => Promise<Place>, skip = false): void {
  describe.skipIf(skip)(`an output in ${name}`, () => {
    test('has its name when it is committed, and not before', async () => {
      const { begin, read, leavings } = await place();
      const output = await begin();
      await output.write(content);
      expect(await read()).toBeUndefined();
      await output.commit();
      expect((await read())?.equals(content)).toBe(true);
      expect(await leavings()).toBe(false);
    });

    test('leaves an older one in its place until then', async () => {
      const { begin, read } = await place();
      const older = await begin();
      await older.write(Buffer.from('older'));
      await older.commit();
      const newer = await begin();
      await newer.write(Buffer.from('new'));
      await newer.write(Buffer.from('er, and longer'));
      expect((await read())?.toString()).toBe('older');
      await newer.commit();
      expect((await read())?.toString()).toBe('newer, and longer');
    });

    test('has no name when it was left', async () => {
      const { begin, read } = await place();
      const output = await begin();
      await output.write(content);
      await output.leave();
      expect(await read()).toBeUndefined();
    });

    test('may be empty', async () => {
      const { begin, read } = await place();
      await (await begin()).commit();
      expect(await read()).toHaveLength(0);
    });

    test('keeps the order of its writes, and lets their buffers be used again', async () => {
      const { begin, read } = await place();
      const random = new Random(SEED).fork('writes');
      const output = await begin();
      const buffer = Buffer.alloc(5000);
      for (let at = 0; at < content.length; ) {
        const length = Math.min(random.int(0, buffer.length), content.length - at);
        content.copy(buffer, 0, at, at + length);
        await output.write(buffer.subarray(0, length));
        buffer.fill(0);
        at += length;
      }
      await output.commit();
      expect((await read())?.equals(content), `seed ${SEED}`).toBe(true);
    });
  });
}

/** @param bytes how much is written, where that makes a difference */
export function rewritableSuite(
  name: string,
  bytes: number,
  place: () => Promise<RewritablePlace>,
  skip = false,
): void {
  describe.skipIf(skip)(`an output in ${name} whose beginning is written over`, () => {
    const written = Buffer.alloc(bytes);
    for (let at = 0; at < bytes; at += content.length) content.copy(written, at);
    const head = Buffer.from('REDIS0012');

    test('has what was written over, and all else as it was', async () => {
      const { begin, read } = await place();
      const output = await begin();
      await output.write(written);
      await output.rewrite(head, 0);
      await output.write(Buffer.from('more'));
      await output.rewrite(Buffer.from('3'), head.length - 1);
      expect(await read()).toBeUndefined();
      await output.commit();
      const expected = Buffer.concat([Buffer.from('REDIS0013'), written.subarray(head.length), Buffer.from('more')]);
      expect((await read())?.equals(expected)).toBe(true);
    });

    test('has no name when it was left', async () => {
      const { begin, read } = await place();
      const output = await begin();
      await output.write(written);
      await output.rewrite(head, 0);
      await output.leave();
      expect(await read()).toBeUndefined();
    });
  });
}
