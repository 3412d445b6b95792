// What workers count: the metrics in their output, against those that the dashboard shows.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { TWO_TARGETS } from '../infra/synthesised.ts';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { seedOr } from '../support/random.ts';
import { filledFile, WorkFolder } from '../support/restore-run.ts';
import { lacks, startServer } from '../support/servers.ts';
import { identities, linesOf, shown } from './metric-lines.ts';

process.env.POWERTOOLS_METRICS_DISABLED = 'false';
const { configure, deploy, execute } = await import('./machine.ts');
const { counted } = await import('../../functions/metrics.ts');

const SEED = seedOr(20261123);
const missing = awsLacks || lacks('redis-7.0');

const aws = missing === '' ? await startLocalAws() : undefined;

describe.skipIf(missing !== '')(`a restore counts${missing}`, () => {
  afterAll(() => aws?.stop());

  test('each key once, each chunk once, and under the names that the dashboard shows', async () => {
    using folder = new WorkFolder();
    const { s3, bucket } = await deploy(aws as NonNullable<typeof aws>);
    const path = await filledFile(folder.file('data.rdb'), 'redis-7.0', { seed: SEED });
    await using server = await startServer('redis-7.0');
    configure(server.url, { onConflict: 'rewrite' });
    const key = 'restore/cache/data.rdb';
    const version = await putObject(s3, bucket, key, readFileSync(path));
    let chunks = 0;
    const lines = await linesOf(async () => {
      const { status, steps } = await execute(s3, { bucket, key, version });
      expect(status).toBe('SUCCEEDED');
      chunks = steps['restore-chunk'] ?? 0;
    });
    const sum = (name: string) => lines.reduce((total, line) => total + Number(line[name]), 0);
    expect(lines.length, `seed ${SEED}`).toBe(chunks);
    expect(sum('Chunks')).toBe(chunks);
    const { planned } = JSON.parse(String(await getObject(s3, bucket, `results/${key}/${version}.json`)));
    expect(sum('Keys')).toBe(planned.keys);
    // What is no key lies in no chunk.
    expect(sum('Bytes')).toBeGreaterThan(planned.bytes * 0.99);
    expect(sum('Bytes')).toBeLessThanOrEqual(planned.bytes);
    expect(sum('ChunkErrors')).toBe(0);
    const written = new Set(lines.flatMap((line) => [...identities(line)]));
    const expected = shown(TWO_TARGETS).filter(
      (name) => name.includes('target=cache') && name.includes('mode=restore'),
    );
    expect([...written].sort()).toEqual([...new Set(expected)].sort());
  });

  test('an error that is tried again, and one that ends the job, once each', async () => {
    const job = { target: '', mode: 'decode' } as Parameters<typeof counted>[0];
    const step = { done: true, keys: 0, bytes: 0, ended: false, failed: true };
    const lines = await linesOf(async () => {
      await expect(counted(job, () => Promise.reject(new Error('reset')))).rejects.toThrow('reset');
      await counted(job, async () => step);
      await counted(job, async () => ({ ...step, failed: false }));
    });
    expect(lines.map(({ ChunkErrors, Chunks, target }) => [ChunkErrors, Chunks, target])).toEqual([
      [1, 0, '-'],
      [1, 0, '-'],
      [0, 0, '-'],
    ]);
  });
});
