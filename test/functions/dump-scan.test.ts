// A backup by SCAN over many calls of its function, on the local AWS: the real handlers, stopped every few keys, killed and
// done again at any of their calls to AWS. A server loads what comes of it, and holds what the source holds.
import { copyFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ScanLimits } from '../../lib/jobs/aws/backup/run.ts';
import { verifyBackup } from '../../lib/jobs/verify-backup.ts';
import { slotTag } from '../../lib/redis/slots.ts';
import type { InputFormat } from '../../lib/storage/input-format.ts';
import { unpackFile } from '../../lib/storage/unpack.ts';
import { startCluster } from '../support/cluster.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { getObject, openUploads, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { configureDump, type DumpRun, executeDump } from './dump-machine.ts';
import { Died, dieAt } from './dying-calls.ts';
import { deploy } from './machine.ts';

const SEED = seedOr(20_261_124);
const missing = awsLacks || lacks('redis-7.0');
const skip = missing !== '';
const aws = skip ? undefined : await startLocalAws();

const MIB = 1024 * 1024;
const SINCE = '2026-11-02T03:30:00.000Z';
const SET = 'backups/cache/20261102T033000Z/';
const WORK = 'work/dump/cache/20261102T033000Z/';
const SCAN = { via: 'scan' } as const;
/** Of the fingerprints some thousand stay in memory. */
const SMALL: ScanLimits = { callKeys: 60, pageKeys: 20, memoryBytes: 1 };

type Call = () => Promise<object>;

describe.skipIf(skip)(`backups by SCAN in many calls${missing}`, () => {
  let s3: S3Client;
  let bucket: string;
  let source: Server;
  const folder = new WorkFolder();
  const rdb = folder.file('source.rdb');

  beforeAll(async () => {
    ({ s3, bucket } = await deploy(aws as NonNullable<typeof aws>));
    await using filled = await startServer('redis-7.0');
    await fill(filled, { seed: SEED, scale: 0.5 });
    await filled.client.mset(...Array.from({ length: 1500 }, (_, i) => [`key:${i}`, i]).flat());
    const random = new Random(SEED);
    // More than two parts of an upload, whatever packs it.
    for (let i = 0; i < 13; i++) await filled.client.set(`large:${i}`, random.bytes(MIB));
    copyFileSync(await saveRdb(filled), rdb);
    // What has expired in it is gone from a server that has loaded it.
    source = await startServer('redis-7.0', { rdb });
  }, 60_000);
  afterAll(async () => {
    await source?.stop();
    await aws?.stop();
    folder[Symbol.dispose]();
  });
  beforeEach(clear);

  async function keys(Prefix: string): Promise<string[]> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }));
    return Contents.map(({ Key = '' }) => Key);
  }

  async function clear() {
    for (const Key of [...(await keys('backups/')), ...(await keys('work/'))])
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }

  /** Runs an execution; `shard` has the calls of the function that scans, from 1 on. */
  async function execute(shard: (n: number, call: Call) => Promise<object>, run: Partial<DumpRun> = {}) {
    let n = 0;
    const around = (name: string, call: Call) => (name === 'dump-shard' ? shard(++n, call) : call());
    const { status, end } = await executeDump({ since: SINCE, around, ...run });
    return { status, end, calls: n };
  }

  /** A server that has loaded the file of the set. */
  async function loaded(work: WorkFolder, file = 'dump.rdb', format: InputFormat = 'rdb'): Promise<Server> {
    writeFileSync(work.file('stored'), (await getObject(s3, bucket, `${SET}${file}`)) as Buffer);
    await unpackFile(work.file('stored'), format, work.file('loaded.rdb'));
    return startServer('redis-7.0', { rdb: work.file('loaded.rdb') });
  }
  const digest = (server: Server) => server.call('DEBUG', 'DIGEST');

  test.each([
    ['none', 'dump.rdb', 'rdb'],
    ['gz', 'dump.rdb.gz', 'gzip'],
    ['zst', 'dump.rdb.zst', 'zstd'],
  ] as const)(
    'packed as %s: killed and done again at any point, it is the source’s data',
    async (pack, file, format) => {
      using work = new WorkFolder();
      for (let round = 0; round < runs(1, 15); round++) {
        const at = `seed ${SEED}, ${pack}, round ${round}`;
        const random = new Random(SEED + 1000 * round + file.length);
        configureDump(source.url, { ...SCAN, pack }, { ...SMALL, callKeys: random.int(80, 250) });
        let deaths = 0;
        const { status, end, calls } = await execute(
          async (n, call) => {
            // Of three, two may die, at a call to AWS that is carried out or not. Each is done again.
            if (n % 3 === 0) return call();
            return dieAt(random.int(1, 16), random.int(0, 1) === 1, call).catch((error: unknown) => {
              if (error instanceof Died) deaths++;
              throw error;
            });
          },
          { tries: 4 },
        );
        expect(end?.error, at).toBe('');
        expect(status, at).toBe('SUCCEEDED');
        expect(deaths, at).toBeGreaterThan(3);
        expect(calls - deaths, at).toBeGreaterThan(5);
        const report = await verifyBackup({ path: `s3://${bucket}/${SET}manifest.json`, level: 'full', s3 });
        expect(
          report.files.map(({ error }) => error?.message),
          at,
        ).toEqual([undefined]);
        await using copy = await loaded(work, file, format);
        expect(await digest(copy), at).toEqual(await digest(source));
        await clear();
      }
    },
    300_000,
  );

  test('while keys are written, those that were there throughout are there, each once and with a value that it had', async () => {
    using work = new WorkFolder();
    await using busy = await startServer('redis-7.0');
    const count = 3000;
    const name = (i: number) => `key:${i}`;
    await busy.client.mset(...Array.from({ length: count }, (_, i) => [name(i), 0]).flat());
    configureDump(busy.url, SCAN, { ...SMALL, callKeys: 300, pageKeys: 50 });
    const random = new Random(SEED);
    const written = new Uint32Array(count);
    let others = 0;
    const write = async () => {
      const pipeline = busy.client.pipeline();
      for (let i = 0; i < 200; i++) {
        const key = random.int(0, count - 1);
        pipeline.set(name(key), String(++written[key]!));
        // The table grows and shrinks, so that SCAN gives keys again.
        pipeline.set(`other:${others++ % 2000}`, 'x');
        if (i % 2 === 0) pipeline.del(`other:${random.int(0, 1999)}`);
      }
      await pipeline.exec();
      await sleep(20);
    };
    let running = true;
    const writes = (async () => {
      while (running) await write();
    })();
    const { end, calls } = await execute((_, call) => call());
    running = false;
    await writes;
    expect(end?.error).toBe('');
    expect(calls).toBeGreaterThan(5);
    await using copy = await loaded(work);
    const values = await copy.client.mget(...Array.from({ length: count }, (_, i) => name(i)));
    const wrong = values.flatMap((value, i) =>
      Number(value ?? -1) >= 0 && Number(value) <= written[i]! ? [] : [name(i)],
    );
    expect(wrong, `seed ${SEED}`).toEqual([]);
  }, 30_000);

  test('a server that took the place of the one before between two calls is scanned anew, and no key is there twice', async () => {
    using work = new WorkFolder();
    await using other = await startServer('redis-7.0', { rdb });
    await other.call('SET', 'its own', '1');
    const limits = { ...SMALL, callKeys: 300 };
    configureDump(source.url, SCAN, limits);
    const { end } = await execute((n, call) => {
      if (n === 4) configureDump(other.url, SCAN, limits);
      return call();
    });
    expect(end?.error).toBe('');
    await using copy = await loaded(work);
    expect(await digest(copy)).toEqual(await digest(other));
  }, 30_000);

  test('slots that came to a node between two calls are not lost: it is scanned anew', async () => {
    using work = new WorkFolder();
    await using cluster = await startCluster('redis-7.0', { masters: 2, replicas: 0 });
    const [home, guest] = (await cluster.masters()) as [Server, Server];
    const slots = Array.from({ length: 20 }, (_, i) => i * 800);
    const own: number[] = [];
    for (const slot of slots) {
      const owner = await cluster.slotOwner(slot);
      if (owner === guest) own.push(slot);
      const tag = slotTag(slot);
      await owner.client.mset(...Array.from({ length: 60 }, (_, i) => [`{${tag}}:${i}`, i]).flat());
    }
    configureDump(cluster.url, SCAN, { ...SMALL, callKeys: 150, pageKeys: 10 });
    const { end, calls } = await execute(async (n, call) => {
      if (n === 4) for (const slot of own) await cluster.moveSlot(slot, home);
      return call();
    });
    expect(end?.error).toBe('');
    expect(calls).toBeGreaterThan(6);
    await using copy = await loaded(work);
    expect(await copy.call('DBSIZE')).toBe(60 * slots.length);
  }, 30_000);

  test('a source that dies in the middle leaves no object, no upload and no work', async () => {
    await using dying = await startServer('redis-7.0', { rdb });
    configureDump(dying.url, SCAN, { ...SMALL, callKeys: 150 });
    let killed = false;
    const { status, end } = await execute(
      async (_, call) => {
        // Parts are there by now.
        if (!killed && (await openUploads(s3, bucket)).length > 0) {
          killed = true;
          await dying.kill();
        }
        return call();
      },
      { ms: 2000 },
    );
    expect(killed).toBe(true);
    expect(status).toBe('FAILED');
    expect(end?.error).toBe('TARGET_UNREACHABLE');
    expect(await openUploads(s3, bucket)).toEqual([]);
    expect([...(await keys(SET)), ...(await keys(WORK))]).toEqual([]);
  }, 30_000);

  test('what another execution has saved is not taken', async () => {
    configureDump(source.url, SCAN, SMALL);
    const { end } = await execute(async (n, call) => {
      if (n === 2) {
        const [state = ''] = (await keys(`${WORK}shard-0/`)).filter((key) => key.includes('state'));
        const text = String(await getObject(s3, bucket, state));
        await putObject(s3, bucket, state, Buffer.from(text.replace(/"owner":"[^"]*"/, '"owner":"another"')));
      }
      return call();
    });
    expect(end?.error).toBe('JOB_NOT_OWNED');
  }, 30_000);

  test('keys that were written are known by their log: without it the backup ends by name', async () => {
    configureDump(source.url, SCAN, SMALL);
    const { end } = await execute(async (n, call) => {
      if (n === 3) {
        const [log = ''] = (await keys(`${WORK}shard-0/`)).filter((key) => key.includes('keys'));
        await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: log }));
      }
      return call();
    });
    expect(end?.error).toBe('WORK_GONE');
  }, 30_000);
});
