// Whatever ends a dump half-way leaves nothing that looks like a backup, and the next run is as if it had not been.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dump } from '../../lib/jobs/dump/dump.ts';
import { verifyBackup } from '../../lib/jobs/verify-backup.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { root } from '../docs/documents.ts';
import { withCluster } from '../support/cluster.ts';
import { type Cut, cutProxy } from '../support/cut-proxy.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { cannotMount, smallDisk, temporaryFolder } from '../support/folder.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';

const FAULTS = ['source killed', 'connection cut', 'stalled', 'process killed'] as const;
type Fault = (typeof FAULTS)[number];

const name = anyServer();
const config = { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0' };
let source: Server;
let rdb = '';
let bytes = 0;

beforeAll(async () => {
  source = await startServer(name, { config });
  await fill(source, { seed: 1, scale: 0.5 });
  rdb = await saveRdb(source);
  bytes = (await dumpOf(source.url, join(source.dir, 'whole.rdb'))).manifest.bytes;
}, 60_000);
afterAll(() => source.stop());

const dumpOf = (url: string, output: string) =>
  dump({
    source: parseRedisUrl(url),
    output,
    name: 'set',
    stallMs: 300,
    replyTimeoutMs: 2000,
    patienceMs: 0,
    version: 'test',
  });

/** Files in a folder of backups, as paths from it on. */
const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
        entry.isFile() ? [entry.name] : [],
      )
    : [];

function processOf(url: string, output: string): ChildProcess {
  const words = ['dump', '--from', url, '-o', output, '--quiet', ...(output.endsWith('.rdb') ? [] : ['--name', 'set'])];
  return spawn(process.execPath, [join(root, 'cli/keyferry.ts'), ...words], { stdio: 'ignore' });
}

const ended = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once('exit', () => resolve()));

/** Dumps through a proxy that lets `after` bytes of the replica's connection through. */
async function broken(fault: Fault, after: number, output: string): Promise<string> {
  const victim = fault === 'source killed' ? await startServer(name, { config, rdb }) : source;
  try {
    const child: { process?: ChildProcess } = {};
    const act: Record<Fault, Cut['act']> = {
      'source killed': (client, server) => {
        server.once('close', () => client.destroy());
        victim.process.kill('SIGKILL');
      },
      'connection cut': (client) => void client.resetAndDestroy(),
      stalled: () => {},
      'process killed': () => void child.process?.kill('SIGKILL'),
    };
    const proxy = await cutProxy(victim, () => ({ after, act: act[fault] }));
    if (fault === 'process killed') {
      child.process = processOf(proxy.url, output);
      await ended(child.process);
      return String(child.process.signalCode);
    }
    return await dumpOf(proxy.url, output).then(
      () => 'no failure',
      (error: { code?: string }) => String(error.code),
    );
  } finally {
    if (victim !== source) await victim.stop();
  }
}

const ENDS: Readonly<Record<Fault, RegExp>> = {
  'source killed': /^(SOURCE_CLOSED|TARGET_UNREACHABLE)$/,
  'connection cut': /^(SOURCE_CLOSED|TARGET_UNREACHABLE)$/,
  stalled: /^(SOURCE_STALLED|TARGET_UNREACHABLE)$/,
  'process killed': /^SIGKILL$/,
};

describe('a fault at a seeded place', () => {
  test.each(Array.from({ length: runs(8, 100) }, (_, run) => run))(
    'run %i',
    async (run) => {
      const seed = seedOr(9000 + run);
      const random = new Random(seed);
      const fault = FAULTS[run % FAULTS.length] as Fault;
      // Some INFO comes before the RDB on another connection, which the proxy counts for itself.
      const after = random.chance(0.2) ? random.int(0, 300) : random.int(6000, bytes - 2000);
      const output = random.chance(0.5) ? join(temporaryFolder(), 'dump.rdb') : join(temporaryFolder(), 'backups');
      const what = `seed ${seed}: ${fault} after ${after} of ${bytes} bytes`;
      expect(await broken(fault, after, output), what).toMatch(ENDS[fault]);
      const left = filesIn(join(output, '..'));
      // A killed process cleans nothing up: what it leaves says by its name that it is not whole.
      expect(
        left.filter((file) => !file.endsWith('.partial')),
        what,
      ).toEqual([]);
      if (fault !== 'process killed') expect(left, what).toEqual([]);
      const again = output.endsWith('.rdb') ? output : join(output, 'again');
      const { manifest } = await dump({
        source: parseRedisUrl(source.url),
        output,
        name: output.endsWith('.rdb') ? undefined : 'again',
        version: 'test',
      });
      expect(manifest.keys, what).toBeGreaterThan(100);
      expect((await verifyBackup({ path: again })).good, what).toBe(true);
    },
    30_000,
  );
});

test('a fault in the second of the shards that go into one file leaves nothing', async () => {
  await withCluster(name, { replicas: 0, config: { ...config, rdbcompression: 'no' } }, async (cluster) => {
    const masters = await cluster.masters();
    for (const master of masters) {
      await master.call('DEBUG', 'POPULATE', 1, 'key', 2_000_000);
    }
    const second = masters[1]!;
    for (let run = 0; run < runs(3, 12); run++) {
      const seed = seedOr(9700 + run);
      const after = new Random(seed).int(10_000, 2_000_000);
      const proxy = await cutProxy(second, () => ({ after, act: (client) => void client.resetAndDestroy() }));
      const addressMap = new Map([[`127.0.0.1:${second.port}`, `127.0.0.1:${proxy.port}`]]);
      const folder = temporaryFolder();
      const merging = dump({
        source: parseRedisUrl(masters[0]!.url),
        output: join(folder, 'dump.rdb'),
        merge: true,
        addressMap,
        version: 'test',
      });
      await expect(merging, `seed ${seed}`).rejects.toMatchObject({ code: 'SOURCE_CLOSED' });
      expect(filesIn(folder), `seed ${seed}`).toEqual([]);
    }
  });
}, 60_000);

test('a dump over an older one that fails leaves the older one as it was', async () => {
  const output = join(temporaryFolder(), 'dump.rdb');
  await dumpOf(source.url, output);
  expect(await broken('connection cut', bytes >> 1, output)).toBe('SOURCE_CLOSED');
  expect((await verifyBackup({ path: output })).good).toBe(true);
  expect(filesIn(join(output, '..')).sort()).toEqual(['dump.rdb', 'dump.rdb.manifest.json']);
});

test.skipIf(cannotMount !== '')(`a disk without room ends it, and nothing is left${cannotMount}`, async () => {
  const disk = smallDisk(256);
  await expect(dumpOf(source.url, join(disk, 'backups'))).rejects.toMatchObject({ code: 'LOCAL_DISK_FULL' });
  expect(filesIn(disk)).toEqual([]);
  await expect(dumpOf(source.url, join(disk, 'dump.rdb.zst'))).rejects.toMatchObject({ code: 'LOCAL_DISK_FULL' });
  expect(filesIn(disk)).toEqual([]);
});

test('Ctrl-C ends it, and nothing is left', async () => {
  const output = join(temporaryFolder(), 'backups');
  const child: { process?: ChildProcess } = {};
  const proxy = await cutProxy(source, () => ({ after: bytes >> 1, act: () => void child.process?.kill('SIGINT') }));
  child.process = processOf(proxy.url, output);
  await ended(child.process);
  expect(child.process.exitCode).toBe(130);
  expect(filesIn(output)).toEqual([]);
});

test('an address that is no server’s, and a place that is no folder, are told at once', async () => {
  const folder = temporaryFolder();
  await expect(dumpOf('redis://127.0.0.1:1', folder)).rejects.toMatchObject({
    code: 'TARGET_UNREACHABLE',
    message: expect.not.stringContaining('target'),
    remedy: expect.stringMatching(/Then run the same command again: it begins anew\.$/),
  });
  await expect(dumpOf(source.url, join(rdb, 'below-a-file'))).rejects.toMatchObject({ code: 'LOCAL_NOT_WRITABLE' });
  expect(readdirSync(folder)).toEqual([]);
});
