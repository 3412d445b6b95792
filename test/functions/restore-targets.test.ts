// What targets do to a restore on AWS: clusters, servers that are restarted, keys that they refuse; and what is behind an RDB.
import { readFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openCloud } from '../../functions/environment.ts';
import { endJob, jobIdOf } from '../../lib/checkpoint/dynamodb/jobs.ts';
import { startProxy } from '../support/chaos-proxy.ts';
import { withCluster } from '../support/cluster.ts';
import { clusterSnapshot } from '../support/cluster-oracle.ts';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { seedOr } from '../support/random.ts';
import { moduleId, moduleItem, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { filledFile, WorkFolder, wipe } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { Crash, configure, deploy, execute } from './machine.ts';
import { slowIn } from './slow-input.ts';

const SEED = seedOr(20261126);
const NAME = 'redis-7.0';
const missing = awsLacks || lacks(NAME);

describe.skipIf(missing !== '')(`a restore on AWS${missing}`, () => {
  const folder = new WorkFolder();
  const path = folder.file('data.rdb');
  let aws: Awaited<ReturnType<typeof startLocalAws>>;
  let s3: S3Client;
  let bucket: string;
  let server: Server;
  let rdb: Buffer;
  let digest: unknown;

  beforeAll(async () => {
    aws = await startLocalAws();
    ({ s3, bucket } = await deploy(aws));
    await filledFile(path, NAME, { seed: SEED });
    rdb = readFileSync(path);
    server = await startServer(NAME, { rdb: path });
    digest = await server.call('DEBUG', 'DIGEST');
  });
  afterAll(async () => {
    await server?.stop();
    await aws?.stop();
    folder[Symbol.dispose]();
  });
  beforeEach(async () => {
    await wipe(server);
    configure(server.url);
  });

  async function drop(content: Buffer, name: string) {
    const key = `restore/cache/${name}`;
    return { bucket, key, version: await putObject(s3, bucket, key, content), sequencer: '0055AED6DCD90281E5' };
  }
  const report = async ({ key, version }: { key: string; version: string }) =>
    JSON.parse(String(await getObject(s3, bucket, `results/${key}/${version}.json`)));

  test('puts every key of a packed file on the node of its slot', async () => {
    await withCluster(NAME, { replicas: 0 }, async (cluster) => {
      configure(cluster.url, { onlyDb: [0] });
      const event = await drop(zstdCompressSync(rdb), 'cluster.rdb.zst');
      const { end } = await execute(s3, event);
      expect(end?.cause).toBe('');
      expect((await report(event)).target.server).toMatch(/cluster of 3 masters/);
      await using loaded = await startServer(NAME, { rdb: path });
      for (const db of [1, 9]) {
        const other = loaded.connect({ db });
        await other.flushdb();
        other.disconnect();
      }
      expect((await clusterSnapshot(cluster)).digest).toBe(await loaded.call('DEBUG', 'DIGEST'));
    });
  });

  test('writes again what a server had lost that was restarted before the end', async () => {
    await using before = await startServer(NAME);
    await using proxy = await startProxy(before);
    configure(proxy.url);
    const event = await drop(rdb, 'restarted.rdb');
    const { status, steps, end } = await execute(s3, event, {
      before: async ({ name, round }) => {
        if (name !== 'finish' || round > 0) return;
        // A process without data answers at the same address.
        proxy.upstream = server;
        proxy.resetAll();
      },
    });
    expect(end?.cause).toBe('');
    expect(status).toBe('SUCCEEDED');
    expect(steps).toMatchObject({ prepare: 2, finish: 2 });
    expect(await server.call('DEBUG', 'DIGEST')).toBe(digest);
    const { keys, planned } = await report(event);
    expect(keys.written + keys.expired).toBe(planned.keys);
  });

  test('refuses by name what would not be unpacked by its speed so far, with the command that restores it', async () => {
    // Packed it is as large as it was, and comes in many pieces.
    const packed = gzipSync(Buffer.concat([rdb, Buffer.alloc(20_000_000)]), { level: 0 });
    const event = await drop(packed, 'slow.rdb.gz');
    const { end, steps } = await execute(s3, event, { ms: 60_000, around: slowIn('plan') });
    expect(end?.error).toBe('INPUT_TOO_SLOW');
    expect(end?.cause).toMatch(
      /a function cannot unpack this file in its time: the rest takes about \d+ minutes more\./,
    );
    expect(end?.cause).toContain(`aws s3 cp s3://${bucket}/${event.key} . && keyferry restore`);
    expect(steps).toMatchObject({ plan: 1 });
    expect((await report(event)).state).toBe('failed');
  });

  test('is a failed job where keys are refused, which the report names, and a retry tries them again', async () => {
    const json = values.MODULE_2(moduleId('ReJSON-RL', 3), [moduleItem.string('{}')]);
    const file = new RdbFileBuilder('REDIS0009').selectDb(0).key('before', values.STRING('x'));
    const odd = file
      .key('document', json)
      .key('after', values.LIST(['x']))
      .end();
    const event = await drop(odd, 'refused.rdb');
    const { status, end } = await execute(s3, event);
    expect(status).toBe('FAILED');
    expect(end?.error).toBe('TARGET_REJECTS');
    expect(end?.text).toMatch(/keyferry aws retry [0-9a-f]{32}/);
    expect(await server.call('DBSIZE')).toBe(2);
    const refused = { db: 0, key: '"document"', type: 'MODULE_2', reason: expect.stringMatching(/^ERR /) };
    expect(await report(event)).toMatchObject({ state: 'failed', outcome: 'partial', refused: [refused] });
    const again = await execute(s3, { ...event, retry: 'again' });
    expect(again.end?.error).toBe('TARGET_REJECTS');
    // Its keys stand there by now, and are no conflicts.
    expect(await report(event)).toMatchObject({ keys: { written: 0, already: 2, failed: 1 } });
  });

  test.each([
    ['append-only commands', 'x.aof', '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n', 'aof', /append-only commands.*SAVE/],
    ['what is no RDB', 'x.rdb', 'whatever this is', 'unknown', /not RDB/],
  ])('leaves out %s behind the RDB, and says so', async (_, name, tail, kind, words) => {
    const event = await drop(Buffer.concat([rdb, Buffer.from(tail)]), name);
    const { status, end } = await execute(s3, event);
    expect(status).toBe('SUCCEEDED');
    expect(end?.subject).toBe(`keyferry: restore of ${name} succeeded in part`);
    expect(end?.text).toContain(`goes on behind its RDB: ${tail.length} bytes`);
    expect(end?.text).toMatch(words);
    const told = { state: 'succeeded', outcome: 'partial', tail: { kind, bytes: tail.length } };
    expect(await report(event)).toMatchObject(told);
    expect(await server.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('takes the lease of the execution that it retries, which was stopped, ahead of files that wait', async () => {
    configure(server.url, { onConflict: 'rewrite' });
    const event = await drop(rdb, 'stopped.rdb');
    const stopped = await execute(s3, event, {
      execution: 'stopped',
      before: ({ name }) => {
        if (name === 'finish') throw new Crash();
      },
    }).catch((error) => error);
    expect(stopped).toBeInstanceOf(Crash);
    const waiting = execute(s3, await drop(rdb, 'other.rdb'));
    // What `keyferry aws retry` does once it has seen that the execution is over.
    await endJob(openCloud().table, jobIdOf(event), 'stopped', 'failed', '{}');
    const again = await execute(s3, { ...event, retry: 'again' });
    expect(again.end?.cause).toBe('');
    expect(again.steps.lease).toBe(1);
    const { keys, planned } = await report(event);
    expect(keys.already + keys.written + keys.expired).toBe(planned.keys);
    expect((await waiting).status).toBe('SUCCEEDED');
  });

  test('names the job and its retry in the sentence of the failed execution', async () => {
    await server.call('SET', 'taken', 'before');
    const source = new RdbFileBuilder('REDIS0009').selectDb(0).key('taken', values.STRING('x')).end();
    const { end } = await execute(s3, await drop(source, 'taken.rdb'));
    expect(end?.error).toBe('TARGET_KEY_EXISTS');
    expect(end?.cause).toMatch(
      /^TARGET_KEY_EXISTS at redis:\/\/\S+, db 0, key "taken": the key exists on the target\./,
    );
    expect(end?.cause).toMatch(/on-conflict = "rewrite".*keyferry aws retry [0-9a-f]{32}$/);
    expect(end?.cause).not.toContain('--');
  });
});
