// Objects as byte sources: the suite of all sources, pins, and what networks and busy services do meanwhile.
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../lib/errors.ts';
import { samePin } from '../../../lib/storage/byte-source.ts';
import { type ObjectReadOptions, openObject } from '../../../lib/storage/s3/s3-source.ts';
import { newBucket, putObject } from '../../support/local-aws/buckets.ts';
import { byChance, HTTP_FAULTS, type HttpFault, startChaosHttp } from '../../support/local-aws/chaos-http.ts';
import { awsLacks, startLocalAws } from '../../support/local-aws/local-aws.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { byteSourceSuite } from '../byte-source-suite.ts';

const SEED = seedOr(20261123);
const skip = awsLacks !== '';
const aws = skip ? undefined : await startLocalAws();
afterAll(() => aws?.stop());
const s3 = aws?.s3() as S3Client;
const content = new Random(SEED).bytes(400_000);
/** Small and short, so that a test has many requests and little time. */
const small: ObjectReadOptions = { requestBytes: 20_000, stallMs: 250, patienceMs: 5000 };

byteSourceSuite(
  `an object${awsLacks}`,
  async (bytes) => {
    const bucket = await newBucket(s3);
    await putObject(s3, bucket, 'stored.rdb', bytes);
    return {
      open: () => openObject(s3, { bucket, key: 'stored.rdb' }, { requestBytes: 7000 }),
      replace: async (others) => void (await putObject(s3, bucket, 'stored.rdb', others)),
      remove: async () => void (await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'stored.rdb' }))),
    };
  },
  skip,
);

async function stored(key = 'dump.rdb'): Promise<{ bucket: string; key: string }> {
  const bucket = await newBucket(s3);
  await putObject(s3, bucket, key, content);
  return { bucket, key };
}

const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (thrown) => thrown,
  );

describe.skipIf(skip)(`an object's version${awsLacks}`, () => {
  test('that is named stays readable when a newer one comes; the newest one does not', async () => {
    const bucket = await newBucket(s3, true);
    const version = await putObject(s3, bucket, 'dump.rdb', content);
    const named = await openObject(s3, { bucket, key: 'dump.rdb', version }, { requestBytes: 150_000 });
    expect(named.pin).toMatchObject({ size: content.length, version, etag: expect.stringMatching(/./) });
    const newest = await openObject(s3, { bucket, key: 'dump.rdb' });
    expect(samePin(named.pin, newest.pin)).toBe(true);
    await putObject(s3, bucket, 'dump.rdb', Buffer.from(content).reverse());
    expect((await named.read(7, 390_000)).equals(content.subarray(7, 390_000))).toBe(true);
    expect(await refusal(newest.read(5, 10))).toMatchObject({ code: 'INPUT_CHANGED' });
    expect(samePin((await openObject(s3, { bucket, key: 'dump.rdb' })).pin, named.pin)).toBe(false);
  });

  test('that was deleted is a changed input, and one that never was is not found', async () => {
    const bucket = await newBucket(s3, true);
    const version = await putObject(s3, bucket, 'dump.rdb', content);
    const source = await openObject(s3, { bucket, key: 'dump.rdb', version });
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'dump.rdb', VersionId: version }));
    expect(await refusal(source.read(0, 5))).toMatchObject({ code: 'INPUT_CHANGED' });
    expect(await refusal(openObject(s3, { bucket, key: 'dump.rdb', version: 'none' }))).toMatchObject({
      code: 'INPUT_NOT_FOUND',
    });
  });
});

test.skipIf(skip)(`an object that is written over while it is read is named as changed${awsLacks}`, async () => {
  const { bucket, key } = await stored();
  const source = await openObject(s3, { bucket, key }, small);
  expect((await source.read(0, 50_000)).equals(content.subarray(0, 50_000))).toBe(true);
  // As long as before: only the tag tells.
  await putObject(s3, bucket, key, Buffer.from(content).reverse());
  const error = await refusal(source.read(50_000, 100_000));
  expect(error).toBeInstanceOf(InputError);
  expect(error).toMatchObject({ code: 'INPUT_CHANGED', where: `s3://${bucket}/${key}` });
});

test.skipIf(skip)(`a key may hold any character${awsLacks}`, async () => {
  for (const key of ['a b+c%20/ü 🛳.rdb', "it's/../(1).rdb", 'x//y?z#.rdb']) {
    const { bucket } = await stored(key);
    const source = await openObject(s3, { bucket, key });
    expect((await source.read(1, 9)).equals(content.subarray(1, 9)), key).toBe(true);
  }
});

test.skipIf(skip)(`a bucket or a service that is not there is named${awsLacks}`, async () => {
  expect(await refusal(openObject(s3, { bucket: 'no-such-bucket', key: 'dump.rdb' }))).toMatchObject({
    code: 'INPUT_NOT_FOUND',
    where: 's3://no-such-bucket/dump.rdb',
  });
  const nowhere = aws?.s3('http://127.0.0.1:1') as S3Client;
  const error = await refusal(openObject(nowhere, { bucket: 'bucket', key: 'dump.rdb' }, { patienceMs: 100 }));
  expect(error).toMatchObject({ code: 'INPUT_READ', message: expect.stringContaining('ECONNREFUSED') });
});

test.skipIf(skip)(`an object in an archive is named as that${awsLacks}`, async () => {
  const { bucket, key } = await stored();
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content, StorageClass: 'GLACIER' }));
  const source = await openObject(s3, { bucket, key });
  expect(await refusal(source.read(0, 5))).toMatchObject({ code: 'INPUT_ARCHIVED' });
});

test.skipIf(skip)(`without credentials reading is forbidden, not merely broken${awsLacks}`, async () => {
  const credentials = () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' }));
  const nobody = new S3Client({ ...aws?.config(), credentials });
  expect(await refusal(openObject(nobody, await stored()))).toMatchObject({ code: 'INPUT_FORBIDDEN' });
});

describe.skipIf(skip)(`trouble on the way${awsLacks}`, () => {
  test.each(HTTP_FAULTS)('%s: the read goes on from where it was', async (fault) => {
    const { bucket, key } = await stored();
    await using proxy = await startChaosHttp(aws as { host: string; port: number });
    const source = await openObject(
      aws?.s3(proxy.url) as S3Client,
      { bucket, key },
      { ...small, requestBytes: 200_000 },
    );
    let left = 2;
    proxy.decide = () => (left-- > 0 ? fault : undefined);
    expect((await source.read(0, content.length)).equals(content)).toBe(true);
    expect(proxy.faults[fault]).toBe(2);
    if (fault === 'cut' || fault === 'short' || fault === 'stall') {
      // What had come was not asked for again.
      const starts = proxy.seen.flatMap(({ range }) => (range === undefined ? [] : [/\d+/.exec(range)?.[0]]));
      expect(starts.map(Number).some((start) => start % 200_000 !== 0)).toBe(true);
    }
    await source.close();
  });

  test('any of it at any place gives the right bytes', async () => {
    const { bucket, key } = await stored();
    await using proxy = await startChaosHttp(aws as { host: string; port: number });
    const client = aws?.s3(proxy.url) as S3Client;
    const random = new Random(SEED).fork('chaos');
    for (let run = 0; run < runs(6, 200); run++) {
      proxy.decide = byChance(random, 0.3, 12);
      const source = await openObject(client, { bucket, key }, { ...small, requestBytes: random.int(3000, 40_000) });
      const start = random.int(0, content.length);
      const end = random.int(start, content.length);
      const bytes = await source.read(start, end);
      expect(bytes.equals(content.subarray(start, end)), `seed ${SEED}, run ${run}: ${start} to ${end}`).toBe(true);
      await source.close();
    }
    expect(Object.values(proxy.faults).reduce((a, b) => a + b, 0)).toBeGreaterThan(4);
  });

  test.each<[HttpFault]>([['busy'], ['short'], ['silence']])(
    '%s that does not end is told, after the patience',
    async (fault) => {
      const { bucket, key } = await stored();
      await using proxy = await startChaosHttp(aws as { host: string; port: number });
      const source = await openObject(aws?.s3(proxy.url) as S3Client, { bucket, key }, { ...small, patienceMs: 600 });
      // Not a byte: a short answer of an empty range would be progress.
      proxy.decide = () => (fault === 'short' ? 'cut' : fault);
      const into = Buffer.alloc(10, 0x2e);
      const error = await refusal(source.read(0, 1, into));
      expect(error).toMatchObject({ code: 'INPUT_READ', cause: expect.any(Error) });
      expect(into.equals(Buffer.alloc(10, 0x2e))).toBe(true);
    },
  );

  test('an answer of another range is found out, and one of all bytes is not taken for the range', async () => {
    const { bucket, key } = await stored();
    const client = aws?.s3() as S3Client;
    let range: string | undefined = 'bytes=0-99';
    client.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        if (range === undefined) delete headers.range;
        else headers.range = range;
        return next(args);
      },
      { step: 'build', priority: 'low' },
    );
    const source = await openObject(client, { bucket, key }, { patienceMs: 100 });
    const error = await refusal(source.read(100, 200));
    expect(error).toMatchObject({ code: 'INPUT_READ', message: expect.stringContaining('bytes 0-99/400000') });
    range = undefined;
    expect((await source.read(100_000, 300_000)).equals(content.subarray(100_000, 300_000))).toBe(true);
  });
});

describe.skipIf(skip)(`a read that is given up${awsLacks}`, () => {
  test('ends at once, and the buffer is the caller’s again', async () => {
    const { bucket, key } = await stored();
    await using proxy = await startChaosHttp(aws as { host: string; port: number });
    const stop = new AbortController();
    const options = { ...small, stallMs: 60_000, signal: stop.signal };
    const source = await openObject(aws?.s3(proxy.url) as S3Client, { bucket, key }, options);
    proxy.decide = () => 'stall';
    const reading = refusal(source.read(0, content.length));
    await expect.poll(() => proxy.faults.stall).toBeGreaterThan(2);
    const reason = new Error('enough');
    stop.abort(reason);
    expect(await reading).toBe(reason);
  });

  test('is told when its source is closed', async () => {
    const { bucket, key } = await stored();
    await using proxy = await startChaosHttp(aws as { host: string; port: number });
    const source = await openObject(aws?.s3(proxy.url) as S3Client, { bucket, key }, small);
    proxy.decide = () => 'silence';
    const reading = refusal(source.read(0, 10));
    await expect.poll(() => proxy.faults.silence).toBe(1);
    await source.close();
    expect(await reading).toMatchObject({ code: 'INPUT_READ', message: expect.stringContaining('closed') });
  });
});

test.skipIf(skip)(
  `a large read is asked for in pieces, no more of them at once than is allowed${awsLacks}`,
  async () => {
    const { bucket, key } = await stored();
    const client = aws?.s3() as S3Client;
    let [now, most] = [0, 0];
    client.middlewareStack.add(
      (next) => async (args) => {
        most = Math.max(most, ++now);
        try {
          return await next(args);
        } finally {
          now--;
        }
      },
      { step: 'initialize' },
    );
    const source = await openObject(client, { bucket, key }, { requestBytes: 10_000, parallel: 3 });
    const [a, b] = await Promise.all([source.read(0, 200_000), source.read(200_000, 400_000)]);
    expect(Buffer.concat([a, b]).equals(content)).toBe(true);
    expect(most).toBe(3);
  },
);
