// RDB files as they are written: the version, the records, the checksum; read back by the scanner.
import { describe, expect, test } from 'vitest';
import { encodeValue } from '../../../lib/rdb/encode.ts';
import type { RewritableSink } from '../../../lib/storage/file-sink.ts';
import { magicOf } from '../../../lib/targets/rdb/rdb-version.ts';
import { type RdbRecord, RdbWriter } from '../../../lib/targets/rdb/rdb-writer.ts';
import { type BuiltValue, values } from '../../support/rdb-builders.ts';
import { scanFile } from '../../support/scan-events.ts';

const b = (text: string) => Buffer.from(text);
const string = encodeValue({ kind: 'string', bytes: b('value') });
const record = (more: Partial<RdbRecord> = {}): RdbRecord => ({ db: 0, key: b('key'), ...string, ...more });
const of = ({ type, value }: BuiltValue) => ({ type, value });

class MemorySink implements RewritableSink {
  bytes = Buffer.alloc(0);
  async write(bytes: Buffer): Promise<void> {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }
  async rewrite(bytes: Buffer, position: number): Promise<void> {
    bytes.copy(this.bytes, position);
  }
}

/** The whole file that `write` makes, its magic, and its records; the scanner has verified the checksum. */
async function written(
  write: (writer: RdbWriter) => Promise<void>,
  version?: { family: 'redis' | 'valkey'; rdb: number },
) {
  const sink = new MemorySink();
  const writer = version === undefined ? RdbWriter.ofLowest(sink) : RdbWriter.of(version, sink);
  await write(writer);
  const summary = await writer.end();
  const { records, scanner } = scanFile(sink.bytes);
  expect(scanner.checksum).toBe('ok');
  expect(summary.bytes).toBe(sink.bytes.length);
  expect(summary.checksum).toBe(sink.bytes.readBigUInt64LE(sink.bytes.length - 8));
  expect(magicOf(summary.version)).toEqual(sink.bytes.subarray(0, 9));
  return { ...summary, records, magic: sink.bytes.toString('latin1', 0, 9), file: sink.bytes };
}

describe('records', () => {
  test('aux fields, functions, databases and all that a key can have are read back', async () => {
    const meta = Buffer.from([0xf3, 1, ...b('abc1'), 0]);
    const full = { expireAt: -5n, idle: 70_000, freq: 255, meta };
    const { records, keys, magic } = await written(async (writer) => {
      await writer.aux(b('redis-ver'), b('8.6.0'));
      await writer.functionLibrary(b('#!lua name=one\n'));
      await writer.selectDb(3, { keys: 2, expires: 1 });
      await writer.key(record({ db: 3, key: b('12345'), ...full }));
      await writer.key(record({ db: 3, key: Buffer.of(0, 255), freq: 0 }));
      await writer.key(record({ db: 16, idle: 0 }));
    });
    expect([magic, keys]).toEqual(['REDIS0013', 3]);
    const events = ['AUX', 'FUNCTION', 'SELECTDB', 'RESIZEDB', 'KEY', 'KEY', 'SELECTDB', 'KEY'];
    expect(records.map(({ event }) => event)).toEqual(events);
    expect(records[3]?.resize).toEqual([2, 1]);
    const found = records.filter(({ event }) => event === 'KEY');
    expect(found.map(({ db, key, expireAt, idle, freq }) => ({ db, key, expireAt, idle, freq }))).toEqual([
      { db: 3, key: b('12345'), expireAt: -5n, idle: 70_000, freq: 255 },
      { db: 3, key: Buffer.of(0, 255), expireAt: undefined, idle: -1, freq: 0 },
      { db: 16, key: b('key'), expireAt: undefined, idle: 0, freq: -1 },
    ]);
  });

  test('values of any size, on both sides of a block', async () => {
    const sizes = [0, 1, 262_000, 262_143, 262_144, 262_145, 700_000, 3];
    const { records, file } = await written(async (writer) => {
      for (const [i, size] of sizes.entries()) {
        await writer.key(
          record({ key: b(`key ${i}`), ...encodeValue({ kind: 'string', bytes: Buffer.alloc(size, i) }) }),
        );
      }
    });
    const found = records.filter(({ event }) => event === 'KEY');
    const sizesFound = found.map(({ valueStart = 0, end }, i) => {
      const value = file.subarray(valueStart, end);
      expect(value.subarray(-Math.min(3, sizes[i] as number)).every((byte) => byte === i || sizes[i] === 0)).toBe(true);
      return value.length;
    });
    const prefix = (size: number) => (size < 64 ? 1 : 5);
    expect(sizesFound).toEqual(sizes.map((size) => size + prefix(size)));
  });

  test('numbers that would be read as something else are refused, and the file goes on without the key', async () => {
    const { records } = await written(async (writer) => {
      for (const wrong of [{ idle: -1 }, { idle: 0.5 }, { freq: 256 }, { db: -1 }, { expireAt: 2n ** 63n }]) {
        await expect(writer.key(record(wrong)), JSON.stringify(Object.keys(wrong))).rejects.toThrow(RangeError);
      }
      await writer.key(record());
    });
    expect(records.filter(({ event }) => event === 'KEY').length).toBe(1);
  });

  test('an empty file is one', async () => {
    const { records, magic, bytes } = await written(async () => {});
    expect([records.length, magic, bytes]).toEqual([0, 'REDIS0009', 18]);
  });
});

describe('the lowest version that holds all', () => {
  const soon = 1_900_000_000_000n;
  test.each<[string, BuiltValue | undefined, string]>([
    ['nothing new', undefined, 'REDIS0009'],
    ['a listpack', values.HASH_LISTPACK([['f', 'v']]), 'REDIS0010'],
    ['a set as a listpack', values.SET_LISTPACK(['a']), 'REDIS0011'],
    ['expiring fields', values.HASH_METADATA([['f', 'v', soon]]), 'REDIS0012'],
    ['an array', values.ARRAY([[0n, { string: 'x' }]]), 'REDIS0014'],
    ['expiring fields of Valkey', values.HASH_2([['f', 'v', soon]]), 'VALKEY080'],
    ['a path hash', values.PATH_HASH([['/a', [['f', 'v']]]]), 'VALKEY081'],
  ])('with %s', async (_, built, expected) => {
    const { magic } = await written(async (writer) => {
      await writer.key(record());
      if (built !== undefined) await writer.key(record({ key: b('new'), ...of(built) }));
      await writer.key(record({ key: b('last') }));
    });
    expect(magic).toBe(expected);
  });

  test('with a function library', async () => {
    expect((await written((writer) => writer.functionLibrary(b('#!lua name=a\n')))).magic).toBe('REDIS0010');
  });
});

describe('a version that was asked for', () => {
  test.each([
    ['redis', 9, 'REDIS0009'],
    ['redis', 15, 'REDIS0015'],
    ['valkey', 11, 'REDIS0011'],
    ['valkey', 80, 'VALKEY080'],
  ] as const)('%s %d is written by a sink that can only append', async (family, rdb, expected) => {
    const sink = new MemorySink();
    const writer = RdbWriter.of({ family, rdb }, { write: (bytes) => sink.write(bytes) });
    await writer.key(record());
    await writer.end();
    expect(sink.bytes.toString('latin1', 0, 9)).toBe(expected);
    expect(scanFile(sink.bytes).scanner.checksum).toBe('ok');
  });

  test.each([
    ['redis', 8],
    ['redis', 16],
    ['redis', 80],
    ['valkey', 12],
    ['valkey', 82],
    ['redis', 9.5],
  ] as const)('%s %d is refused', (family, rdb) => {
    const open = () => RdbWriter.of({ family, rdb }, new MemorySink());
    expect(open).toThrow(expect.objectContaining({ code: 'OUTPUT_VERSION' }));
  });

  test('what it does not have is refused, and the file goes on without it', async () => {
    const refused = { code: 'OUTPUT_VERSION' };
    const { records } = await written(
      async (writer) => {
        await expect(writer.key(record(of(values.HASH_LISTPACK([['f', 'v']]))))).rejects.toMatchObject(refused);
        await expect(writer.key(record({ meta: Buffer.of(0xf3, 0) }))).rejects.toMatchObject(refused);
        await expect(writer.functionLibrary(b('#!lua name=a\n'))).rejects.toMatchObject(refused);
        await writer.key(record());
      },
      { family: 'redis', rdb: 9 },
    );
    expect(records.map(({ event }) => event)).toEqual(['SELECTDB', 'KEY']);
  });

  test('one file never holds what Redis and what Valkey alone know', async () => {
    await written(async (writer) => {
      await writer.key(record(of(values.HASH_2([['f', 'v', 5n]]))));
      const other = writer.key(record({ key: b('other'), ...of(values.HASH_METADATA([['f', 'v', 5n]])) }));
      await expect(other).rejects.toMatchObject({
        code: 'OUTPUT_VERSION',
        message: expect.stringContaining('Redis alone'),
      });
    });
  });

  test('hashes that refer to a template of another file are refused', async () => {
    await written(async (writer) => {
      const refused = writer.key(record(of(values.HASH_TMPL_ARRAY_REF(3n, ['1']))));
      await expect(refused).rejects.toMatchObject({ code: 'OUTPUT_VERSION' });
    });
  });
});

test('an error of the sink comes out of the call that met it', async () => {
  const full = { write: () => Promise.reject(new Error('full')) };
  const writer = RdbWriter.of({ family: 'redis', rdb: 9 }, full);
  const value = encodeValue({ kind: 'string', bytes: Buffer.alloc(300_000) });
  await expect(writer.key(record(value))).rejects.toThrow('full');
});
