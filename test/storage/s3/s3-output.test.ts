// Objects as outputs: the suite of all outputs, parts and their growth, going on in another process, and trouble.
import { AbortMultipartUploadCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from 'vitest';
import { OutputError } from '../../../lib/storage/s3/output-error.ts';
import { createObject, resumeObject, type SavedOutput } from '../../../lib/storage/s3/s3-output.ts';
import { getObject, newBucket, openUploads, putObject } from '../../support/local-aws/buckets.ts';
import { byChance, type ChaosHttp, type HttpFault, startChaosHttp } from '../../support/local-aws/chaos-http.ts';
import { awsLacks, startLocalAws } from '../../support/local-aws/local-aws.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { outputSuite, rewritableSuite } from '../output-suite.ts';

const MIB = 1024 * 1024;
const SEED = seedOr(20261123);
const skip = awsLacks !== '';
const aws = skip ? undefined : await startLocalAws();
afterAll(() => aws?.stop());
const s3 = aws?.s3() as S3Client;
/** Three parts and a bit. */
const content = Buffer.alloc(16 * MIB + 4321);
const piece = new Random(SEED).bytes(10_007);
for (let at = 0; at < content.length; at += piece.length) piece.copy(content, at);

const partBytes = 5 * MIB;

for (const [what, bytes] of [
  ['one request', undefined],
  ['parts', content],
] as const) {
  outputSuite(
    `an object written in ${what}${awsLacks}`,
    async () => {
      const bucket = await newBucket(s3);
      return {
        begin: async () => {
          const output = createObject(s3, { bucket, key: 'out' }, { partBytes });
          return bytes === undefined ? output : prefixed(output, bytes);
        },
        read: async () => {
          const stored = await getObject(s3, bucket, 'out');
          return bytes === undefined ? stored : stored?.subarray(bytes.length);
        },
        leavings: async () => (await openUploads(s3, bucket)).length > 0,
      };
    },
    skip,
  );
}

for (const [what, bytes] of [
  ['one request', 1000],
  ['one whole part', 5 * MIB],
  ['parts', content.length],
] as const) {
  rewritableSuite(
    `an object written in ${what}${awsLacks}`,
    bytes,
    async () => {
      const bucket = await newBucket(s3);
      return {
        begin: () => createObject(s3, { bucket, key: 'out' }, { partBytes, rewritable: true }),
        read: () => getObject(s3, bucket, 'out'),
      };
    },
    skip,
  );
}

/** An output that has been written to already. */
async function prefixed(output: ReturnType<typeof createObject>, bytes: Buffer) {
  await output.write(bytes);
  return output;
}

async function refused(call: Promise<unknown>): Promise<OutputError> {
  const error = await call.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(OutputError);
  return error;
}

async function throughProxy(): Promise<{ proxy: ChaosHttp; client: S3Client; bucket: string } & AsyncDisposable> {
  const proxy = await startChaosHttp(aws as { host: string; port: number });
  const bucket = await newBucket(s3);
  const client = aws?.s3(proxy.url) as S3Client;
  return { proxy, client, bucket, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

describe.skipIf(skip)(`an object${awsLacks}`, () => {
  test('carries its SHA-256, type, metadata and key of encryption', async () => {
    const bucket = await newBucket(s3);
    const options = {
      partBytes,
      contentType: 'application/zstd',
      metadata: { made: 'by keyferry' },
      kmsKeyId: 'a-key',
    };
    for (const bytes of [Buffer.from('small'), content]) {
      const output = createObject(s3, { bucket, key: 'out' }, options);
      await output.write(bytes);
      await output.commit();
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'out', ChecksumMode: 'ENABLED' }));
      expect(head).toMatchObject({
        ContentLength: bytes.length,
        ContentType: 'application/zstd',
        Metadata: { made: 'by keyferry' },
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'a-key',
        ChecksumSHA256: expect.stringMatching(/./),
      });
    }
  });

  test('that is there is not written over where that is not wanted, in one request or in parts', async () => {
    const bucket = await newBucket(s3);
    await putObject(s3, bucket, 'out', Buffer.from('older'));
    for (const bytes of [Buffer.from('small'), content]) {
      const output = createObject(s3, { bucket, key: 'out' }, { partBytes, createOnly: true });
      await output.write(bytes);
      const error = await refused(output.commit());
      expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', where: `s3://${bucket}/out` });
      await output.leave();
      expect(await getObject(s3, bucket, 'out')).toEqual(Buffer.from('older'));
      expect(await openUploads(s3, bucket)).toEqual([]);
    }
  });

  test('that ended takes nothing more', async () => {
    const bucket = await newBucket(s3);
    const output = createObject(s3, { bucket, key: 'out' });
    await output.write(Buffer.from('whole'));
    await output.commit();
    await expect(output.write(Buffer.from('more'))).rejects.toThrow('ended');
    await expect(output.commit()).rejects.toThrow('ended');
    await output.leave();
    expect((await getObject(s3, bucket, 'out'))?.toString()).toBe('whole');
  });

  test('in a bucket that is not there is refused by name', async () => {
    const output = createObject(s3, { bucket: 'no-such-bucket', key: 'out' });
    expect(await refused(output.commit())).toMatchObject({ code: 'OUTPUT_NOT_FOUND' });
  });

  test('whose upload somebody ended is refused by name', async () => {
    const bucket = await newBucket(s3);
    const output = createObject(s3, { bucket, key: 'out' }, { partBytes });
    await output.write(content.subarray(0, 6 * MIB));
    await expect.poll(() => openUploads(s3, bucket)).toHaveLength(1);
    const [UploadId] = await openUploads(s3, bucket);
    const saved = await output.save();
    await s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: 'out', UploadId }));
    const next = resumeObject(s3, saved, { partBytes });
    expect(await refused(next.commit())).toMatchObject({ code: 'OUTPUT_UPLOAD_GONE' });
  });
});

describe.skipIf(skip)(`an object that can be written over${awsLacks}`, () => {
  test('holds back no more than its first part, cannot be saved, and keeps to that part', async () => {
    const bucket = await newBucket(s3);
    const output = createObject(s3, { bucket, key: 'out' }, { partBytes, rewritable: true });
    await output.write(content);
    await expect.poll(() => openUploads(s3, bucket)).toHaveLength(1);
    await expect(output.save()).rejects.toThrow('cannot be saved');
    await expect(output.rewrite(Buffer.alloc(2), partBytes - 1)).rejects.toThrow('first part');
    await output.leave();
    expect(await openUploads(s3, bucket)).toEqual([]);
    const plain = createObject(s3, { bucket, key: 'out' });
    await plain.write(content.subarray(0, 10));
    await expect(plain.rewrite(Buffer.alloc(1), 0)).rejects.toThrow('rewritable');
  });
});

describe.skipIf(skip)(`parts${awsLacks}`, () => {
  test('are at least as large as S3 wants them, and no more are under way than memory allows', async () => {
    await using setup = await throughProxy();
    const { client, bucket } = setup;
    let [now, most] = [0, 0];
    client.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName !== 'UploadPartCommand') return next(args);
        most = Math.max(most, ++now);
        try {
          return await next(args);
        } finally {
          now--;
        }
      },
      { step: 'initialize' },
    );
    const output = createObject(client, { bucket, key: 'out' }, { partBytes: 1, memoryBytes: 10 * MIB });
    await output.write(content);
    await output.write(content);
    await output.commit();
    expect(most).toBe(2);
    const parts = setup.proxy.seen.filter(({ path }) => path.includes('partNumber'));
    expect(parts.map(({ bytes }) => bytes).sort((a, b) => b - a)).toEqual([
      ...Array(6).fill(5 * MIB),
      2 * content.length - 30 * MIB,
    ]);
  });

  test('grow with the object, so that 10,000 of them hold 5 TiB', async () => {
    // The first 30 MiB of an object whose first 40 GiB went before: nothing of those is sent here.
    await using setup = await throughProxy();
    const { client, bucket } = setup;
    const begun = createObject(client, { bucket, key: 'out' }, { partBytes });
    await begun.write(content.subarray(0, 5 * MIB));
    const saved = { ...(await begun.save()), bytes: 40 * 1024 * MIB };
    const output = resumeObject(client, saved, { partBytes });
    for (let at = 0; at < 36 * MIB; at += 4 * MIB) await output.write(content.subarray(0, 4 * MIB));
    await output.save();
    const sizes = setup.proxy.seen.filter(({ path }) => path.includes('partNumber')).map(({ bytes }) => bytes / MIB);
    expect(sizes).toEqual([5, 33]);
    // The same rule, all the way.
    let [bytes, count] = [0, 0];
    while (bytes < 5 * 1024 ** 4) {
      bytes += Math.max(partBytes, Math.ceil(bytes / 1250 / MIB) * MIB);
      count++;
    }
    expect(count).toBeLessThan(10_000);
  });
});

describe.skipIf(skip)(`an output that is saved${awsLacks}`, () => {
  test.each([0, 100, 5 * MIB - 1, 5 * MIB, 12 * MIB, 15 * MIB])('at %i bytes goes on elsewhere', async (at) => {
    const bucket = await newBucket(s3);
    const first = createObject(s3, { bucket, key: 'out' }, { partBytes });
    await first.write(content.subarray(0, at));
    const saved = await first.save();
    expect(saved.tail.length).toBeLessThan(5 * MIB);
    expect(saved.bytes).toBe(at);
    await expect(first.write(piece)).rejects.toThrow('ended');
    // A farewell of its first process harms nothing.
    await first.leave();
    const { tail, ...rest } = saved;
    const passed: SavedOutput = { uploadId: undefined, ...JSON.parse(JSON.stringify(rest)), tail: Buffer.from(tail) };
    const second = resumeObject(aws?.s3() as S3Client, passed, { partBytes });
    await second.write(content.subarray(at));
    expect(second.bytes).toBe(content.length);
    await second.commit();
    expect((await getObject(s3, bucket, 'out'))?.equals(content)).toBe(true);
    expect(await openUploads(s3, bucket)).toEqual([]);
  });

  test('goes on from there after a successor was killed', async () => {
    const bucket = await newBucket(s3);
    const first = createObject(s3, { bucket, key: 'out' }, { partBytes });
    await first.write(content.subarray(0, 6 * MIB));
    const saved = await first.save();
    const killed = resumeObject(s3, saved, { partBytes });
    await killed.write(Buffer.alloc(16 * MIB, 'x'));
    await killed.save();
    const last = resumeObject(s3, saved, { partBytes });
    await last.write(content.subarray(6 * MIB));
    await last.commit();
    expect((await getObject(s3, bucket, 'out'))?.equals(content)).toBe(true);
  });
});

describe.skipIf(skip)(`trouble while an object is written${awsLacks}`, () => {
  const FAULTS: HttpFault[] = ['busy', 'broken', 'reset', 'reply-lost', 'cut'];

  test.each(FAULTS)('%s at any one request is outlasted', async (fault) => {
    await using setup = await throughProxy();
    const { proxy, client, bucket } = setup;
    for (const bytes of [Buffer.from('small'), content]) {
      for (const createOnly of [false, true]) {
        const key = `${bytes.length}-${createOnly}`;
        const asked = new Set<string>();
        // Each request meets it once: the beginning, each part, and the end.
        proxy.decide = ({ method, path }) => {
          const request = `${method} ${path}`;
          if (asked.has(request)) return undefined;
          asked.add(request);
          return fault;
        };
        const output = createObject(client, { bucket, key }, { partBytes, createOnly, patienceMs: 5000 });
        await output.write(bytes);
        await output.commit();
        expect((await getObject(s3, bucket, key))?.equals(bytes)).toBe(true);
      }
    }
    expect(proxy.faults[fault]).toBeGreaterThan(10);
  });

  test('of any kind gives the whole object or, in the end, none', async () => {
    await using setup = await throughProxy();
    const { proxy, client, bucket } = setup;
    const random = new Random(SEED).fork('chaos');
    const outcomes = { whole: 0, none: 0 };
    for (let run = 0; run < runs(6, 100); run++) {
      const key = `run-${run}`;
      proxy.decide = byChance(random, 0.5, random.pick([4, 1000]), FAULTS);
      const output = createObject(client, { bucket, key }, { partBytes, patienceMs: 300 });
      try {
        for (let at = 0; at < content.length; at += MIB) await output.write(content.subarray(at, at + MIB));
        await output.commit();
        outcomes.whole++;
        expect((await getObject(s3, bucket, key))?.equals(content), `seed ${SEED}, run ${run}`).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'OUTPUT_WRITE' });
        outcomes.none++;
        proxy.decide = undefined;
        await output.leave();
        // The end may have been reached, and only its answer lost.
        const stored = await getObject(s3, bucket, key);
        expect(stored === undefined || stored.equals(content), `seed ${SEED}, run ${run}`).toBe(true);
      }
    }
    expect(outcomes.whole).toBeGreaterThan(0);
  });

  test('that does not end is told by the next write, and leave ends the upload', async () => {
    await using setup = await throughProxy();
    const { proxy, client, bucket } = setup;
    const output = createObject(client, { bucket, key: 'out' }, { partBytes, patienceMs: 200 });
    await output.write(content.subarray(0, 6 * MIB));
    await expect.poll(() => openUploads(s3, bucket)).toHaveLength(1);
    proxy.decide = ({ method }) => (method === 'PUT' ? 'busy' : undefined);
    const writing = (async () => {
      for (let i = 0; i < 40; i++) await output.write(content.subarray(0, 5 * MIB));
    })();
    const error = await refused(writing);
    expect(error).toMatchObject({ code: 'OUTPUT_WRITE', message: expect.stringContaining('later, please') });
    expect(await refused(output.commit())).toBe(error);
    await output.leave();
    expect(await openUploads(s3, bucket)).toEqual([]);
    expect(await getObject(s3, bucket, 'out')).toBeUndefined();
  });

  test('is not waited for when the job is ended', async () => {
    await using setup = await throughProxy();
    const { proxy, client, bucket } = setup;
    const stop = new AbortController();
    const output = createObject(client, { bucket, key: 'out' }, { partBytes, signal: stop.signal });
    proxy.decide = ({ method }) => (method === 'PUT' ? 'silence' : undefined);
    await output.write(content.subarray(0, 6 * MIB));
    await expect.poll(() => proxy.faults.silence).toBe(1);
    const committing = output.commit().catch((thrown) => thrown);
    const reason = new Error('enough');
    stop.abort(reason);
    expect(await committing).toBe(reason);
    await output.leave();
    expect(await openUploads(s3, bucket)).toEqual([]);
  });
});
