// Inputs of any packing become a planned RDB, or a named error that leaves nothing behind.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { InputError, LocalError, RdbError } from '../../lib/errors.ts';
import { type InputOptions, openRdb, type RdbInput, STDIN, workPath } from '../../lib/sources/rdb/input.ts';
import { planRdb } from '../../lib/sources/rdb/plan.ts';
import { Progress } from '../../lib/telemetry/progress.ts';
import { cannotMount, smallDisk, temporaryFolder } from '../support/folder.ts';
import { memorySource } from '../support/memory-source.ts';
import { Random, seedOr } from '../support/random.ts';
import { sampleNamed } from '../support/samples.ts';

const SEED = seedOr(20261123);
const rdb = sampleNamed('shared types').bytes;
const chunkBytes = 1000;

/** A file of these bytes in a folder of its own. */
function stored(bytes: Buffer | string, name = 'dump.rdb'): { folder: string; path: string } {
  const folder = temporaryFolder();
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { folder, path };
}

/** Opens, proves that what is given is the RDB, and closes. */
async function opened(path: string, options: InputOptions = {}, done = false): Promise<RdbInput> {
  const input = await openRdb(path, { chunkBytes, ...options });
  const { source, plan, chunks } = input;
  expect((await source.read(0, plan.bytes)).equals(rdb)).toBe(true);
  const chunksNow: unknown[] = [];
  const bytes = await source.read(0, source.size);
  const planNow = await planRdb(memorySource(bytes), {
    chunkBytes: options.chunkBytes ?? chunkBytes,
    onChunk: (chunk) => void chunksNow.push(chunk),
  });
  expect(plan).toEqual(planNow);
  expect(chunks).toEqual(chunksNow);
  await input.close(done);
  return input;
}

async function refusal(path: string, options: InputOptions = {}): Promise<unknown> {
  return openRdb(path, { chunkBytes, ...options }).then(
    () => undefined,
    (thrown) => thrown,
  );
}

describe('a plain file', () => {
  test('is planned once, and again only when it has changed', async () => {
    const { folder, path } = stored(rdb);
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    expect((await opened(path)).reused).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(['dump.rdb', 'dump.rdb.chunks.jsonl', 'dump.rdb.plan.json']);
    expect((await opened(path)).reused).toBe(true);
    expect((await opened(path, { chunkBytes: 500 })).reused, 'with other chunks').toBe(false);
    expect((await opened(path)).reused).toBe(false);
    utimesSync(path, 1_700_000_001, 1_700_000_001);
    expect((await opened(path)).reused, 'touched').toBe(false);
    expect((await opened(path)).reused).toBe(true);
    writeFileSync(path, Buffer.concat([rdb, Buffer.from('*1\r\n')]));
    utimesSync(path, 1_700_000_001, 1_700_000_001);
    expect((await opened(path)).reused, 'grown').toBe(false);
    expect((await opened(path, { fresh: true })).reused, 'on demand').toBe(false);
    expect(readdirSync(folder).sort()).toEqual(['dump.rdb', 'dump.rdb.chunks.jsonl', 'dump.rdb.plan.json']);
  });

  test('is named as the user named it', async () => {
    const { path } = stored(rdb);
    const input = await opened(path);
    expect(input.name).toBe(path);
    expect(input.planPath).toBe(`${path}.plan.json`);
    expect(existsSync(path), 'it stays').toBe(true);
  });

  test('is not removed when a job on it is done', async () => {
    const { path } = stored(rdb);
    await opened(path, {}, true);
    expect(readFileSync(path).equals(rdb)).toBe(true);
  });

  test('has its plan in another folder where one is named', async () => {
    const { folder, path } = stored(rdb);
    const workDir = temporaryFolder();
    expect((await opened(path, { workDir })).reused).toBe(false);
    expect((await opened(path, { workDir })).reused).toBe(true);
    expect(readdirSync(folder)).toEqual(['dump.rdb']);
    expect(readdirSync(workDir).sort()).toEqual(['dump.rdb.chunks.jsonl', 'dump.rdb.plan.json']);
  });

  test('is planned without a trace when nothing is to be written', async () => {
    const { folder, path } = stored(rdb);
    expect((await opened(path, { noWrite: true })).reused).toBe(false);
    expect(readdirSync(folder)).toEqual(['dump.rdb']);
  });

  test('with a damaged plan or chunk index is planned again', async () => {
    const { path } = stored(rdb);
    await opened(path);
    writeFileSync(`${path}.chunks.jsonl`, 'damage');
    expect((await opened(path)).reused).toBe(false);
    rmSync(`${path}.chunks.jsonl`);
    expect((await opened(path)).reused).toBe(false);
    expect((await opened(path)).reused).toBe(true);
    for (const damage of ['', 'null', '{}', readFileSync(`${path}.plan.json`, 'utf8').slice(0, 500)]) {
      writeFileSync(`${path}.plan.json`, damage);
      expect((await opened(path)).reused, damage).toBe(false);
    }
  });

  test('may be an append-only file whose commands follow the RDB', async () => {
    const commands = '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n';
    const { path } = stored(Buffer.concat([rdb, Buffer.from(commands)]), 'appendonly.aof');
    const { plan } = await opened(path);
    expect(plan.tail).toEqual({ offset: rdb.length, bytes: commands.length, kind: 'aof' });
  });
});

describe.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)('a file packed by %s', (_, pack) => {
  test('is unpacked once, and planned once', async () => {
    const { folder, path } = stored(pack(rdb), 'dump.packed');
    expect((await opened(path)).reused).toBe(false);
    const files = ['dump.packed', 'dump.packed.chunks.jsonl', 'dump.packed.plan.json', 'dump.packed.unpacked.rdb'];
    expect(readdirSync(folder).sort()).toEqual(files);
    const before = statSync(`${path}.unpacked.rdb`);
    expect((await opened(path)).reused).toBe(true);
    const after = statSync(`${path}.unpacked.rdb`);
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
  });

  test('is unpacked again where its copy is gone or was cut', async () => {
    const { path } = stored(pack(rdb), 'dump.packed');
    await opened(path);
    rmSync(`${path}.unpacked.rdb`);
    expect((await opened(path)).reused, 'the plan is as good as before').toBe(true);
    writeFileSync(`${path}.unpacked.rdb`, rdb.subarray(0, 100));
    await opened(path);
  });

  test('is unpacked again where it has changed', async () => {
    const { path } = stored(pack(sampleNamed('redis 8.10').bytes), 'dump.packed');
    await (await openRdb(path, { chunkBytes })).close(false);
    writeFileSync(path, pack(rdb));
    expect((await opened(path)).reused).toBe(false);
  });

  test('leaves no copy when the job on it is done', async () => {
    const { folder, path } = stored(pack(rdb), 'dump.packed');
    await opened(path, {}, true);
    expect(readdirSync(folder)).not.toContain('dump.packed.unpacked.rdb');
  });

  test('is read without a trace when nothing is to be written, and the copy of a job under way stays', async () => {
    const { folder, path } = stored(pack(rdb), 'dump.packed');
    await opened(path, { noWrite: true }, true);
    expect(readdirSync(folder)).toEqual(['dump.packed']);
    await opened(path);
    await opened(path, { noWrite: true }, true);
    expect(readdirSync(folder)).toContain('dump.packed.unpacked.rdb');
  });

  test('may be an append-only file whose commands follow the RDB', async () => {
    const { path } = stored(pack(Buffer.concat([rdb, Buffer.from('*1\r\n')])), 'dump.packed');
    expect((await opened(path)).plan.tail).toMatchObject({ bytes: 4, kind: 'aof' });
    expect((await opened(path)).reused).toBe(true);
  });

  test('that is cut off, or holds a damaged RDB, leaves nothing behind', async () => {
    const damaged = Buffer.from(rdb);
    damaged[5000] = (damaged[5000] as number) ^ 1;
    for (const [bytes, type] of [
      [pack(rdb).subarray(0, -5), InputError],
      [pack(damaged), RdbError],
      [pack(rdb.subarray(0, 5000)), RdbError],
      [pack(Buffer.from('{"key":1}')), InputError],
      [pack(pack(rdb)), InputError],
    ] as const) {
      const { folder, path } = stored(bytes, 'dump.packed');
      expect(await refusal(path)).toBeInstanceOf(type);
      expect(readdirSync(folder)).toEqual(['dump.packed']);
    }
  });

  test.skipIf(cannotMount !== '')(`on a full disk is an error by name, and leaves nothing${cannotMount}`, async () => {
    const { path } = stored(pack(Buffer.concat([rdb, new Random(SEED).bytes(200_000)])), 'dump.packed');
    const workDir = smallDisk(64);
    expect(await refusal(path, { workDir })).toMatchObject({ code: 'LOCAL_DISK_FULL' });
    expect(readdirSync(workDir)).toEqual([]);
  });
});

test.skipIf(cannotMount !== '')(`a disk that only the plan fills is an error by name${cannotMount}`, async () => {
  const { path } = stored(rdb);
  const workDir = smallDisk(8);
  expect(await refusal(path, { workDir, chunkBytes: 1 })).toMatchObject({ code: 'LOCAL_DISK_FULL' });
  // The chunk index may have found room; without a plan nobody takes it for one.
  expect(readdirSync(workDir).filter((name) => name !== 'dump.rdb.chunks.jsonl')).toEqual([]);
});

test('a folder that cannot be written to is an error by name', async () => {
  const { path } = stored(rdb);
  const workDir = join(temporaryFolder(), 'missing');
  for (const input of [path, stored(gzipSync(rdb)).path]) {
    const error = await refusal(input, { workDir });
    expect(error).toBeInstanceOf(LocalError);
    expect((error as LocalError).remedy).toContain('--work-dir');
  }
});

describe('standard input', () => {
  const pieces = (bytes: Buffer, size: number) =>
    Readable.from(
      (function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      })(),
    );

  test.each([
    ['plain', rdb],
    ['packed by gzip', gzipSync(rdb)],
    ['packed by zstd', zstdCompressSync(rdb)],
  ])('%s is kept in the work folder', async (_, bytes) => {
    for (const size of [1, 4096]) {
      const workDir = temporaryFolder();
      const input = await opened(STDIN, { workDir, stdin: pieces(bytes, size) });
      expect(input).toMatchObject({ name: 'standard input', reused: false });
      expect(readdirSync(workDir).sort()).toEqual(['stdin.chunks.jsonl', 'stdin.plan.json', 'stdin.unpacked.rdb']);
    }
  });

  test('is never taken for what was read before', async () => {
    const workDir = temporaryFolder();
    await opened(STDIN, { workDir, stdin: pieces(rdb, 4096) });
    const other = sampleNamed('redis 8.10').bytes;
    const input = await openRdb(STDIN, { workDir, chunkBytes, stdin: pieces(other, 4096) });
    expect(input.plan.version).toBe(15);
    await input.close(true);
    expect(readdirSync(workDir), 'nothing of it is kept').toEqual([]);
  });

  test('that is empty, breaks, is no RDB or a damaged one leaves nothing behind', async () => {
    const broken = Readable.from(
      (function* () {
        yield rdb.subarray(0, 100);
        throw Object.assign(new Error('read EIO'), { code: 'EIO', syscall: 'read' });
      })(),
    );
    for (const [stdin, code] of [
      [pieces(Buffer.alloc(0), 1), 'INPUT_EMPTY'],
      [pieces(Buffer.from('{"key":1}'), 1), 'INPUT_NOT_RDB'],
      [pieces(rdb.subarray(0, -3), 100), 'RDB_TRUNCATED'],
      [broken, 'INPUT_READ'],
    ] as const) {
      const workDir = temporaryFolder();
      expect(await refusal(STDIN, { workDir, stdin })).toMatchObject({ code });
      expect(readdirSync(workDir)).toEqual([]);
    }
  });
});

describe('what is no RDB is refused by name, and nothing is written', () => {
  test.each<[string, (folder: string) => string, string]>([
    ['a file that is not there', (folder) => join(folder, 'missing.rdb'), 'INPUT_NOT_FOUND'],
    ['a folder', (folder) => folder, 'INPUT_DIRECTORY'],
    ['an empty file', (folder) => write(folder, ''), 'INPUT_EMPTY'],
    ['JSON', (folder) => write(folder, '{"key": [1, 2]}'), 'INPUT_NOT_RDB'],
    ['an RDB in an LZ4 envelope', (folder) => write(folder, 'VKCS\x01\x01\x00\x00'), 'INPUT_LZ4'],
    ['commands', (folder) => write(folder, '*1\r\n$4\r\nPING\r\n'), 'INPUT_AOF'],
    ['a device', () => '/dev/zero', 'INPUT_NOT_A_FILE'],
    ['a pipe', (folder) => pipe(folder), 'INPUT_NOT_A_FILE'],
    ['the magic alone', (folder) => write(folder, 'REDIS0011'), 'RDB_TRUNCATED'],
    ['an unknown version', (folder) => write(folder, 'REDIS0099\xff'), 'RDB_VERSION'],
    ['a truncated RDB', (folder) => write(folder, rdb.subarray(0, 20_000)), 'RDB_TRUNCATED'],
  ])('%s', async (_, path, code) => {
    const folder = temporaryFolder();
    const error = await refusal(path(folder));
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code });
    for (const name of readdirSync(folder)) expect(['input', 'pipe']).toContain(name);
  });

  function write(folder: string, bytes: Buffer | string): string {
    writeFileSync(join(folder, 'input'), bytes);
    return join(folder, 'input');
  }

  function pipe(folder: string): string {
    expect(spawnSync('mkfifo', [join(folder, 'pipe')]).status).toBe(0);
    return join(folder, 'pipe');
  }

  test('damage that is found on the way leaves a plan of before alone', async () => {
    const { folder, path } = stored(rdb);
    await opened(path);
    const before = readFileSync(`${path}.plan.json`, 'utf8');
    writeFileSync(path, rdb.subarray(0, 20_000));
    expect(await refusal(path)).toMatchObject({ code: 'RDB_TRUNCATED' });
    expect(readdirSync(folder).sort()).toEqual(['dump.rdb', 'dump.rdb.chunks.jsonl', 'dump.rdb.plan.json']);
    expect(readFileSync(`${path}.plan.json`, 'utf8')).toBe(before);
  });
});

test('a job that is told to stop leaves no plan', async () => {
  const stop = new AbortController();
  stop.abort(new Error('told to'));
  for (const bytes of [rdb, gzipSync(rdb)]) {
    const { folder, path } = stored(bytes);
    expect(await refusal(path, { signal: stop.signal })).toBeInstanceOf(Error);
    expect(readdirSync(folder)).toEqual(['dump.rdb']);
  }
});

test('progress says what is being done with which file, and how far it is', async () => {
  const { path } = stored(gzipSync(rdb));
  const progress = new Progress();
  const phases: string[] = [];
  const begin = progress.begin.bind(progress);
  progress.begin = (phase, totals) => {
    phases.push(`${phase} ${totals?.file}`);
    begin(phase, totals);
  };
  await opened(path, { progress });
  expect(phases).toEqual([`unpacking ${path}`, `planning ${path}`]);
  expect(progress).toMatchObject({ bytes: rdb.length, bytesTotal: rdb.length });
  expect(progress.keys).toBe(sampleNamed('shared types').records.filter(({ event }) => event === 'KEY').length);
});

test('two runs do not write the same work files at once', async () => {
  const { folder, path } = stored(rdb);
  const runs = await Promise.allSettled([1, 2, 3].map(() => openRdb(path, { chunkBytes })));
  const done = runs.filter((run) => run.status === 'fulfilled');
  expect(done.length).toBeGreaterThan(0);
  for (const run of runs) {
    if (run.status === 'rejected') expect(run.reason).toMatchObject({ code: 'JOB_RUNNING' });
    else await run.value.close(true);
  }
  expect(readdirSync(folder).sort()).toEqual(['dump.rdb', 'dump.rdb.chunks.jsonl', 'dump.rdb.plan.json']);
  await opened(path);
});

test('work files are named after the input', () => {
  expect(workPath('/data/dump.rdb', undefined)).toBe('/data/dump.rdb');
  expect(workPath('/data/dump.rdb', '/work')).toBe('/work/dump.rdb');
  expect(workPath('dump.rdb', undefined)).toBe('dump.rdb');
  expect(workPath(STDIN, undefined)).toBe('stdin');
  expect(workPath(STDIN, '/work')).toBe('/work/stdin');
});
