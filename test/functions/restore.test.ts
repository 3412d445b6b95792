// The restore on AWS, step by step: the real handlers on the local AWS, into real servers.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { GetObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { filledFile, WorkFolder, wipe } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { Crash, configure, deploy, execute } from './machine.ts';

const SEED = seedOr(20261123);
const missing = awsLacks || lacks('redis-7.0');
const skip = missing !== '';
const aws = skip ? undefined : await startLocalAws();
const folder = new WorkFolder();
let s3: S3Client;
let bucket: string;
let server: Server;
let rdb: Buffer;
/** DEBUG DIGEST of what the RDB holds. */
let digest: string;

const digestOf = async (of: Server) => String(await of.call('DEBUG', 'DIGEST'));
const rewrite = { onConflict: 'rewrite' };

describe.skipIf(skip)(`a restore on AWS${missing}`, () => {
  beforeAll(async () => {
    ({ s3, bucket } = await deploy(aws as NonNullable<typeof aws>));
    const path = await filledFile(folder.file('data.rdb'), 'redis-7.0', { seed: SEED, scale: 3 });
    rdb = readFileSync(path);
    server = await startServer('redis-7.0', { rdb: path });
    digest = await digestOf(server);
  });
  afterAll(async () => {
    await server?.stop();
    await aws?.stop();
    folder[Symbol.dispose]();
  });
  beforeEach(async () => {
    await wipe(server);
    configure(server.url, rewrite);
  });

  let objects = 0;
  /** Puts a file below the door; gives the event that S3 would send. */
  async function drop(content: Buffer, name = `${objects++}.rdb`) {
    const key = `restore/cache/${name}`;
    const version = await putObject(s3, bucket, key, content);
    return { bucket, key, version, sequencer: '0055AED6DCD90281E5', size: content.length };
  }
  const report = async (event: { key: string; version: string }, under = 'results') =>
    JSON.parse(String(await getObject(s3, bucket, `${under}/${event.key}/${event.version}.json`)));
  async function tags(event: { key: string; version: string }) {
    const { TagSet = [] } = await s3.send(
      new GetObjectTaggingCommand({ Bucket: bucket, Key: event.key, VersionId: event.version }),
    );
    return Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value]));
  }

  test('brings everything, in many chunks, and says so in report, tags and notice', async () => {
    const event = await drop(rdb);
    const { status, steps, end } = await execute(s3, event);
    expect(end?.error).toBe('');
    expect(status).toBe('SUCCEEDED');
    expect(steps['restore-chunk']).toBeGreaterThanOrEqual(8);
    expect(await digestOf(server)).toBe(digest);
    expect(end?.subject).toMatch(/^keyferry: restore of \d+\.rdb succeeded$/);
    const { state, keys, planned, functions } = await report(event);
    expect(state).toBe('succeeded');
    expect(keys).toMatchObject({ already: 0, skipped: 0, failed: 0 });
    expect(keys.written + keys.expired).toBe(planned.keys);
    expect(functions.written).toBe(2);
    expect(await tags(event)).toMatchObject({ keyferry: 'succeeded' });
  });

  test('is done once for an event that comes five times, late, and for a version that was written over', async () => {
    const event = await drop(rdb);
    const first = await Promise.all(Array.from({ length: 5 }, () => execute(s3, event)));
    expect(first.filter(({ end }) => end !== undefined)).toHaveLength(1);
    expect(first.every(({ status }) => status === 'SUCCEEDED')).toBe(true);
    const late = await execute(s3, event);
    expect(late).toMatchObject({ status: 'SUCCEEDED', claim: { proceed: false } });
    const next = await drop(rdb, event.key.slice('restore/cache/'.length));
    expect(next.version).not.toBe(event.version);
    expect(await execute(s3, { ...event, sequencer: '1' })).toMatchObject({ claim: { proceed: false } });
    expect((await execute(s3, next)).end?.ok).toBe(true);
  });

  test('starts nothing for folders, for options beside a file, or for objects of other doors', async () => {
    for (const name of ['', 'x.rdb.keyferry.json']) {
      const event = await drop(Buffer.alloc(0), name);
      expect(await execute(s3, event)).toMatchObject({ status: 'SUCCEEDED', claim: { proceed: false } });
    }
    const key = 'restore/other/x.rdb';
    await putObject(s3, bucket, key, rdb);
    const { status, end } = await execute(s3, { bucket, key });
    expect(status).toBe('FAILED');
    expect(end?.error).toBe('DOOR_OTHER');
  });

  test('goes by the options beside the file', async () => {
    await server.call('SET', 'mine', 'before');
    configure(server.url, { onConflict: 'panic' });
    const event = await drop(rdb, 'options.rdb');
    await putObject(s3, bucket, `${event.key}.keyferry.json`, Buffer.from('{"only-db": [9], "db-map": {"9": 3}}'));
    expect((await execute(s3, event)).end?.ok).toBe(true);
    const keyspace = String(await server.call('INFO', 'keyspace'));
    expect(keyspace).toMatch(/db3:keys=\d+/);
    expect(keyspace).not.toMatch(/db9:/);
    const wrong = await drop(rdb, 'wrong-options.rdb');
    await putObject(s3, bucket, `${wrong.key}.keyferry.json`, Buffer.from('{"on-conflit": "skip"}'));
    expect((await execute(s3, wrong)).end).toMatchObject({ ok: false, error: 'RUN_OPTIONS' });
  });

  test('takes packed files', async () => {
    const event = await drop(gzipSync(rdb), 'packed.rdb.gz');
    const { end } = await execute(s3, event);
    expect(end?.cause).toBe('');
    expect(await digestOf(server)).toBe(digest);
  });

  test('puts a damaged file into quarantine, with its report', async () => {
    const bad = Buffer.from(rdb);
    bad[bad.length >> 1] = (bad[bad.length >> 1] as number) ^ 0xff;
    for (const content of [
      bad,
      rdb.subarray(0, rdb.length - 20),
      Buffer.from('no RDB at all'),
      gzipSync(rdb).subarray(0, 9999),
    ]) {
      const event = await drop(content);
      const { status, end } = await execute(s3, event);
      expect(status).toBe('FAILED');
      expect(end?.error).toMatch(/^(?:RDB|INPUT)_/);
      expect((await report(event, 'quarantine')).error.code).toBe(end?.error);
      expect(await tags(event)).toMatchObject({ keyferry: 'quarantined' });
      expect(end?.text).not.toContain('aws retry');
    }
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('fails by name for a wrong password, and puts nothing into quarantine; a retry with the right one finishes', async () => {
    await using locked = await startServer('redis-7.0', { config: { requirepass: 'right' } });
    const event = await drop(rdb);
    configure(`redis://127.0.0.1:${locked.port}`, rewrite);
    const { status, steps, end } = await execute(s3, event);
    expect(status).toBe('FAILED');
    expect(end?.error).toBe('TARGET_AUTH');
    expect(steps['restore-chunk']).toBeUndefined();
    expect(await tags(event)).toMatchObject({ keyferry: 'failed' });
    expect((await report(event)).state).toBe('failed');
    await locked.call('CONFIG', 'SET', 'requirepass', '');
    expect((await execute(s3, event)).claim.proceed, 'without a token').toBe(false);
    expect((await execute(s3, { ...event, retry: 'token-1' })).end?.ok).toBe(true);
    expect(await digestOf(locked)).toBe(digest);
    expect(await tags(event)).toMatchObject({ keyferry: 'succeeded' });
  });

  test('stops in order at a key that exists, and names it', async () => {
    configure(server.url, { onConflict: 'panic' });
    const event = await drop(rdb);
    expect((await execute(s3, event)).end?.ok).toBe(true);
    const again = await drop(rdb);
    const { end } = await execute(s3, again);
    expect(end).toMatchObject({ ok: false, error: 'TARGET_KEY_EXISTS' });
    expect(end?.cause).toMatch(/key "/);
  });

  test('fails by name when the object is written over in the middle', async () => {
    const event = await drop(rdb, 'over.rdb');
    let overwritten = false;
    const { status, end } = await execute(s3, event, {
      before: async ({ name, round }) => {
        if (name !== 'restore-chunk' || round !== 4 || overwritten) return;
        overwritten = true;
        await drop(rdb, 'over.rdb');
      },
    });
    expect(status).toBe('FAILED');
    expect(end?.error).toBe('INPUT_CHANGED');
  });

  test('is tried again while the target is down, and fails by name when it stays so', async () => {
    const down = await startServer('redis-7.0');
    await down.kill();
    configure(down.url, rewrite);
    const event = await drop(rdb);
    const { end } = await execute(s3, event, { ms: 2000 });
    expect(end).toMatchObject({ ok: false, error: 'TARGET_UNREACHABLE' });
    expect(end?.cause).toMatch(/^TARGET_UNREACHABLE at redis:\/\/[^ ]+: the server cannot be reached/);
    expect(await tags(event)).toMatchObject({ keyferry: 'failed' });
    configure(server.url, rewrite);
    expect((await execute(s3, { ...event, retry: 'again' })).end?.ok).toBe(true);
    await down.stop();
  });

  test('whose target goes down in the middle fails by name, as its workers found it', async () => {
    const down = await startServer('redis-7.0');
    configure(down.url, rewrite);
    const event = await drop(rdb);
    const { end } = await execute(s3, event, {
      ms: ({ name }) => (name === 'restore-chunk' ? 1500 : 30_000),
      before: async ({ name, round }) => {
        if (name === 'restore-chunk' && round === 4) await down.kill();
      },
    });
    expect(end).toMatchObject({ ok: false, error: 'TARGET_UNREACHABLE' });
    configure(server.url, rewrite);
    await down.stop();
  });

  test('that dies between any two steps is finished by the next run', async () => {
    for (let run = 0; run < runs(4, 40); run++) {
      const seed = SEED + run;
      const random = new Random(seed);
      await wipe(server);
      configure(server.url, { onConflict: 'panic' });
      const event = await drop(rdb);
      let left = random.int(1, 30);
      let tries = 0;
      for (;;) {
        tries++;
        try {
          const { status } = await execute(s3, event, {
            execution: `crash-${run}`,
            before: () => {
              if (left-- <= 0) throw new Crash();
            },
          });
          expect(status, `seed ${seed}`).toBe('SUCCEEDED');
          break;
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
          left = tries > 3 ? Number.POSITIVE_INFINITY : random.int(1, 30);
        }
      }
      expect(await digestOf(server), `seed ${seed}`).toBe(digest);
      const { keys, planned } = await report(event);
      expect(keys.written + keys.already + keys.expired, `seed ${seed}`).toBe(planned.keys);
    }
  });
});
