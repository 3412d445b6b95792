// A restore on AWS whose calls have hardly any time: each does its least, saves how far it got, and the next goes on.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { takeLease } from '../../lib/checkpoint/dynamodb/lease.ts';
import { Table } from '../../lib/checkpoint/dynamodb/table.ts';
import { claim } from '../../lib/jobs/aws/claim.ts';
import { finishRestore } from '../../lib/jobs/aws/finish.ts';
import { type AwsJob, type Cloud, type Deadline, LEASE_MS } from '../../lib/jobs/aws/job.ts';
import { planObject } from '../../lib/jobs/aws/plan.ts';
import { prepareRestore } from '../../lib/jobs/aws/prepare.ts';
import { restoreChunk } from '../../lib/jobs/aws/restore-chunk.ts';
import type { RestoreContext } from '../../lib/jobs/aws/restore-steps.ts';
import { planRdb } from '../../lib/sources/rdb/plan.ts';
import { formatChunk, parseChunk } from '../../lib/sources/rdb/plan-files.ts';
import { MemorySource } from '../../lib/storage/memory-source.ts';
import { systemClock } from '../../lib/telemetry/clock.ts';
import { getObject, newBucket, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { newTable } from '../support/local-aws/tables.ts';
import { seedOr } from '../support/random.ts';
import { filledFile, WorkFolder, wipe } from '../support/restore-run.ts';
import { lacks, startServer } from '../support/servers.ts';

const SEED = seedOr(20261124);
const missing = awsLacks || lacks('redis-7.0');
const chunkBytes = 512 * 1024;

/** Time is up as soon as it is asked for, and yet nothing is cut off. */
const hurry = (): Deadline => ({
  outOfTime: () => true,
  hardEnd: Date.now() + 60_000,
  signal: new AbortController().signal,
});

test.skipIf(missing !== '')(
  `calls without time make the same plan, and restore every key once${missing}`,
  async () => {
    using folder = new WorkFolder();
    await using aws = await startLocalAws();
    const path = await filledFile(folder.file('data.rdb'), 'redis-7.0', { seed: SEED, scale: 12 });
    const rdb = readFileSync(path);
    await using server = await startServer('redis-7.0', { rdb: path });
    const digest = await server.call('DEBUG', 'DIGEST');
    await wipe(server);
    const s3 = aws.s3();
    const bucket = await newBucket(s3, true);
    const table = new Table(aws.dynamodb(), await newTable(aws.dynamodb()));
    const cloud: Cloud = { s3, table, bucket, clock: systemClock, redactKeys: false };
    const key = 'restore/cache/data.rdb';
    await putObject(s3, bucket, key, rdb);

    const owner = randomUUID();
    const claimed = await claim(cloud, { owner, mode: 'restore', target: 'cache', bucket, key, isEvent: false });
    const job = (claimed as { job: AwsJob }).job;
    const lease = await takeLease(table, { name: 'target/cache', owner, ttlMs: LEASE_MS });
    if (!lease.held) throw new Error('the lease is taken');

    let planCalls = 1;
    while ((await planObject(cloud, job, chunkBytes, hurry())) === undefined) planCalls++;
    expect(planCalls, `seed ${SEED}`).toBeGreaterThan(1);
    const index = String(await getObject(s3, bucket, `work/${key}/${job.version}/chunks.jsonl`));
    let whole = '';
    const plan = await planRdb(new MemorySource('data.rdb', rdb), {
      chunkBytes,
      onChunk: (chunk) => {
        whole += formatChunk(chunk);
      },
    });
    expect(index, `seed ${SEED}`).toBe(whole);
    const planned = JSON.parse(String(await getObject(s3, bucket, `work/${key}/${job.version}/plan.json`)));
    expect(planned).toMatchObject({ keys: plan.keys, types: plan.types, dbs: plan.dbs, largest: plan.largest });

    const context = (): RestoreContext => ({
      cloud,
      target: {
        ...{ name: 'cache', endpoint: server.url, mode: 'auto', concurrency: 1, reserveConcurrency: false },
        ...{ onConflict: 'panic', mergeDbs: false, bigKeyBytes: 2 ** 26, strict: false, ttlShift: 0, noExpire: false },
      },
      login: async () => ({}),
      chunkBytes,
      deadline: hurry(),
    });
    await prepareRestore(context(), job, lease);
    let calls = 0;
    for (const line of index.split('\n').slice(0, -1)) {
      do calls++;
      while (!(await restoreChunk(context(), job, lease, parseChunk(line))).done);
    }
    expect(calls, `seed ${SEED}`).toBeGreaterThan(plan.chunks * 2);
    const end = await finishRestore(context(), job, lease);
    expect(end, `seed ${SEED}`).toMatchObject({ ok: true, again: false });
    expect(await server.call('DEBUG', 'DIGEST'), `seed ${SEED}`).toBe(digest);
    const { keys } = JSON.parse(String(await getObject(s3, bucket, `results/${key}/${job.version}.json`)));
    // What a call left to the next was not begun: nothing has to be looked at twice.
    expect(keys.written + keys.expired, `seed ${SEED}`).toBe(plan.keys);
  },
  60_000,
);
