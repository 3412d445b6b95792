// A packed file is unpacked by one call, or refused as soon as it is clear that one call won't do.
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Table } from '../../../lib/checkpoint/dynamodb/table.ts';
import { claim } from '../../../lib/jobs/aws/claim.ts';
import type { AwsJob, Cloud, Deadline } from '../../../lib/jobs/aws/job.ts';
import { planObject } from '../../../lib/jobs/aws/plan.ts';
import { newBucket, openUploads, putObject } from '../../support/local-aws/buckets.ts';
import { awsLacks, type LocalAws, startLocalAws } from '../../support/local-aws/local-aws.ts';
import { newTable } from '../../support/local-aws/tables.ts';
import { values } from '../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../support/rdb-file-builder.ts';
import { TestClock } from '../../support/test-clock.ts';

const CHUNK_BYTES = 1024 * 1024;

/** A clock on which each look at it takes some time. */
class SlowClock extends TestClock {
  stepMs = 0;

  override now(): number {
    this.time += this.stepMs;
    return this.time;
  }
}

describe.skipIf(awsLacks !== '')(`a packed file on AWS${awsLacks}`, () => {
  let aws: LocalAws;
  let cloud: Cloud;
  let job: AwsJob;
  const clock = new SlowClock(Date.now());
  const packed = gzipSync(
    new RdbFileBuilder('REDIS0009')
      .selectDb(0)
      .key('big', values.STRING(randomBytes(12 << 20)))
      .end(),
    { level: 1 },
  );

  beforeAll(async () => {
    aws = await startLocalAws();
    const s3 = aws.s3();
    const bucket = await newBucket(s3, true);
    const table = new Table(aws.dynamodb(), await newTable(aws.dynamodb()));
    cloud = { s3, table, bucket, clock, redactKeys: false };
    const key = 'restore/cache/big.rdb.gz';
    await putObject(s3, bucket, key, packed);
    const request = { owner: 'execution', mode: 'restore', target: 'cache', bucket, key, isEvent: false } as const;
    job = ((await claim(cloud, request)) as { job: AwsJob }).job;
  });
  afterAll(() => aws?.stop());

  const within = (ms: number): Deadline => ({
    outOfTime: () => false,
    hardEnd: clock.time + ms,
    signal: new AbortController().signal,
  });

  test('is refused by name when half a minute shows that a call has not time enough, and leaves nothing behind', async () => {
    clock.stepMs = 8000;
    const error = await planObject(cloud, job, CHUNK_BYTES, within(60_000)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'INPUT_TOO_SLOW', where: `s3://${job.bucket}/${job.key}` });
    expect((error as Error).message).toMatch(
      /cannot unpack this file in its time: the rest takes about \d+ minutes more/,
    );
    expect((error as { remedy: string }).remedy).toContain(`aws s3 cp s3://${job.bucket}/${job.key} .`);
    expect(await openUploads(cloud.s3, job.bucket)).toEqual([]);
  });

  test('is unpacked when there is time, however slowly it goes', async () => {
    clock.stepMs = 8000;
    expect(await planObject(cloud, job, CHUNK_BYTES, within(900_000))).toMatchObject({ keys: 1 });
  });
});
