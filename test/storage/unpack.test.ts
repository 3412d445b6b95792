// Packed and piped inputs: what was packed comes out, damage and a full disk are named.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { InputError, LocalError } from '../../lib/errors.ts';
import { type UnpackOptions, unpackFile, unpackStream } from '../../lib/storage/unpack.ts';
import { cannotMount, smallDisk, temporaryFolder } from '../support/folder.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { sampleNamed } from '../support/samples.ts';

const SEED = seedOr(20261123);
const rdb = sampleNamed('shared types').bytes;
const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const zstd = (bytes: Buffer) => zstdCompressSync(bytes, checked);

/** Pieces of which the first is shorter than what tells a format. */
const thirds = [rdb.subarray(0, 3), rdb.subarray(3, 9000), rdb.subarray(9000)];

const packings: [name: string, format: 'gzip' | 'zstd', packed: Buffer][] = [
  ['gzip', 'gzip', gzipSync(rdb)],
  ['gzip of several members', 'gzip', Buffer.concat(thirds.map((part) => gzipSync(part)))],
  ['zstd', 'zstd', zstdCompressSync(rdb)],
  ['zstd with checksum', 'zstd', zstd(rdb)],
  ['zstd of several frames', 'zstd', Buffer.concat(thirds.map(zstd))],
];

function piecesOf(bytes: Buffer, size: number): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
  );
}

/** Unpacks in a folder of its own: what came out, what went wrong, and that nothing but that is left. */
async function unpacked(run: (to: string) => Promise<void>): Promise<{ bytes?: Buffer; error?: unknown }> {
  const folder = join(temporaryFolder(), 'out');
  mkdirSync(folder);
  const to = join(folder, 'rdb');
  let error: unknown;
  try {
    await run(to);
  } catch (thrown) {
    error = thrown;
  }
  expect(readdirSync(folder)).toEqual(error === undefined ? ['rdb'] : []);
  return error === undefined ? { bytes: readFileSync(to) } : { error };
}

function fromFile(packed: Buffer, format: 'gzip' | 'zstd', options?: UnpackOptions) {
  return unpacked((to) => {
    const from = join(temporaryFolder(), 'packed');
    writeFileSync(from, packed);
    return unpackFile(from, format, to, options);
  });
}

const fromStream = (input: Readable, options?: UnpackOptions) =>
  unpacked((to) => unpackStream('standard input', input, to, options));

describe('what was packed comes out', () => {
  test.each(packings)('of a file: %s', async (_, format, packed) => {
    expect((await fromFile(packed, format)).bytes?.equals(rdb)).toBe(true);
  });

  test.each(packings)('of a stream in pieces of any size: %s', async (_, _format, packed) => {
    for (const size of [1, 15, 16, 1000, packed.length]) {
      expect((await fromStream(piecesOf(packed, size))).bytes?.equals(rdb), `pieces of ${size}`).toBe(true);
    }
  });

  test('of a plain stream, also byte by byte', async () => {
    for (const size of [1, 9, 1000, rdb.length]) {
      expect((await fromStream(piecesOf(rdb, size))).bytes?.equals(rdb), `pieces of ${size}`).toBe(true);
    }
  });

  test('of an RDB shorter than what tells a format', async () => {
    const shortest = Buffer.from('REDIS0003\xff', 'latin1');
    for (const packed of [shortest, gzipSync(shortest), zstd(shortest)]) {
      expect((await fromStream(piecesOf(packed, 1))).bytes).toEqual(shortest);
    }
  });

  const pzstd = spawnSync('pzstd', ['--version']).error === undefined ? '' : ' [skipped: this machine lacks pzstd]';
  test.skipIf(pzstd !== '')(`of what pzstd wrote${pzstd}`, async () => {
    const folder = temporaryFolder();
    const large = Buffer.concat([rdb, new Random(SEED).bytes(9_000_000)]);
    writeFileSync(join(folder, 'rdb'), large);
    expect(spawnSync('pzstd', ['-q', '-p', '2', join(folder, 'rdb'), '-o', join(folder, 'packed')]).status).toBe(0);
    const packed = readFileSync(join(folder, 'packed'));
    expect(packed.indexOf(Buffer.from('28b52ffd', 'hex'), 20), 'a second frame').toBeGreaterThan(0);
    expect((await fromStream(piecesOf(packed, 65_536))).bytes?.equals(large)).toBe(true);
  });

  test('and is counted on the way', async () => {
    const told: number[] = [];
    await fromFile(gzipSync(rdb), 'gzip', { onBytes: (bytes) => told.push(bytes) });
    expect(told.at(-1)).toBe(rdb.length);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });
});

describe('packed input that is damaged is named, and leaves nothing behind', () => {
  test.each(packings)('cut off: %s', async (name, format, packed) => {
    const random = new Random(SEED).fork(name);
    const cuts = [1, 2, 5, 17, packed.length - 1, packed.length - 4, packed.length - 9];
    for (let run = 0; run < runs(12, 300); run++) cuts.push(random.int(1, packed.length - 1));
    for (const cut of cuts) {
      const { bytes, error } = await fromFile(packed.subarray(0, cut), format);
      // Between two members or frames nothing can be seen to be missing: the RDB will be.
      if (bytes !== undefined && name.includes('several')) {
        expect(rdb.subarray(0, bytes.length).equals(bytes)).toBe(true);
        continue;
      }
      expect(error, `seed ${SEED}, cut at ${cut}`).toBeInstanceOf(InputError);
      // Of the first of several three bytes come out, which are not enough to be an RDB.
      const three = name.includes('several') && (error as InputError).code === 'INPUT_NOT_RDB';
      if (!three) {
        expect(error).toMatchObject({ code: 'INPUT_COMPRESSION', remedy: expect.stringContaining('fetch it again') });
      }
    }
  });

  test.each(packings.filter(([name]) => name !== 'zstd'))('with bits flipped: %s', async (name, format, packed) => {
    const random = new Random(SEED).fork(name);
    let refused = 0;
    const count = runs(15, 500);
    for (let run = 0; run < count; run++) {
      const damaged = Buffer.from(packed);
      const at = random.int(0, packed.length - 1);
      damaged[at] = (damaged[at] as number) ^ (1 << random.int(0, 7));
      const { bytes, error } = await fromFile(damaged, format);
      const note = `seed ${SEED}, run ${run}, byte ${at}`;
      if (error === undefined) {
        // Some bits say nothing of the content: times and names in a header.
        expect(bytes?.equals(rdb), note).toBe(true);
        continue;
      }
      expect(error, note).toBeInstanceOf(InputError);
      expect((error as InputError).code, note).toMatch(/^INPUT_(COMPRESSION|NOT_RDB)$/);
      refused++;
    }
    expect(refused).toBeGreaterThan(count / 2);
  });

  test('followed by something else', async () => {
    for (const [format, packed] of [
      ['gzip', gzipSync(rdb)],
      ['zstd', zstd(rdb)],
    ] as const) {
      const { error } = await fromFile(Buffer.concat([packed, Buffer.from('something else')]), format);
      expect(error, format).toMatchObject({ code: 'INPUT_COMPRESSION' });
    }
  });

  test.each<[string, Buffer, string]>([
    ['gzip in gzip', gzipSync(gzipSync(rdb)), 'INPUT_COMPRESSION'],
    ['gzip in zstd', zstd(gzipSync(rdb)), 'INPUT_COMPRESSION'],
    ['zstd in gzip', gzipSync(zstd(rdb)), 'INPUT_COMPRESSION'],
    ['JSON in gzip', gzipSync('{"key":1}'), 'INPUT_NOT_RDB'],
    ['commands in zstd', zstd(Buffer.from('*1\r\n$4\r\nPING\r\n')), 'INPUT_AOF'],
    ['nothing in gzip', gzipSync(''), 'INPUT_EMPTY'],
    ['nothing in zstd', zstd(Buffer.alloc(0)), 'INPUT_EMPTY'],
    ['nothing', Buffer.alloc(0), 'INPUT_EMPTY'],
    ['JSON', Buffer.from('{"key":1}'), 'INPUT_NOT_RDB'],
    ['three bytes', Buffer.from('abc'), 'INPUT_NOT_RDB'],
    ['half a gzip header', gzipSync(rdb).subarray(0, 5), 'INPUT_COMPRESSION'],
  ])('%s', async (_, packed, code) => {
    const { error } = await fromStream(piecesOf(packed, 5));
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code, where: 'standard input' });
  });

  test('a stream that breaks, at its first byte or later', async () => {
    for (const after of [0, 1, 20, 5000]) {
      const broken = Readable.from(
        (function* () {
          if (after > 0) yield rdb.subarray(0, after);
          throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
        })(),
      );
      const { error } = await fromStream(broken);
      expect(error, `after ${after}`).toBeInstanceOf(InputError);
      expect(error).toMatchObject({ code: 'INPUT_READ', where: 'standard input' });
    }
  });
});

describe('what the local machine does', () => {
  test('a job that is told to stop leaves nothing behind', async () => {
    const stop = new AbortController();
    const endless = Readable.from(
      (async function* () {
        yield rdb;
        stop.abort(new Error('told to'));
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          yield rdb;
        }
      })(),
    );
    const { error } = await fromStream(endless, { signal: stop.signal });
    expect((error as Error).name).toBe('AbortError');
  });

  test('a folder that is not there is named', async () => {
    const to = join(temporaryFolder(), 'missing', 'rdb');
    const error = await unpackStream('standard input', piecesOf(rdb, 1000), to).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code: 'LOCAL_DISK', remedy: expect.stringContaining('--work-dir') });
  });

  test.skipIf(cannotMount !== '')(`a full disk is named, and emptied again${cannotMount}`, async () => {
    const disk = smallDisk(64);
    for (const [format, packed] of [
      ['gzip', gzipSync(Buffer.concat([rdb, Buffer.alloc(10_000_000)]))],
      ['zstd', zstd(Buffer.concat([rdb, Buffer.alloc(10_000_000)]))],
    ] as const) {
      const from = join(temporaryFolder(), 'packed');
      writeFileSync(from, packed);
      const error = await unpackFile(from, format, join(disk, 'rdb')).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(LocalError);
      expect(error).toMatchObject({ code: 'LOCAL_DISK_FULL', remedy: expect.stringContaining('--work-dir') });
      expect(readdirSync(disk)).toEqual([]);
    }
  });

  test('what was there before stays until the new one is whole', async () => {
    const to = join(temporaryFolder(), 'rdb');
    writeFileSync(to, 'before');
    const packed = gzipSync(rdb);
    await expect(unpackStream('in', piecesOf(packed.subarray(0, -1), 1000), to)).rejects.toThrow(InputError);
    expect(readFileSync(to, 'latin1')).toBe('before');
    await unpackStream('in', piecesOf(packed, 1000), to);
    expect(readFileSync(to).equals(rdb)).toBe(true);
    expect(existsSync(`${to}.partial`)).toBe(false);
  });
});
