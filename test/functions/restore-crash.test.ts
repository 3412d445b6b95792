// Functions of a restore that die between any two of their calls to AWS: the next call, or a retry of the job, finishes it.
import { readFileSync } from 'node:fs';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { filledFile, WorkFolder, wipe } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { countCalls, dieAt } from './dying-calls.ts';
import { configure, deploy, execute, type RunOptions } from './machine.ts';

const SEED = seedOr(20261125);
const missing = awsLacks || lacks('redis-7.0');
const STEPS = ['claim', 'lease', 'plan', 'prepare', 'restore-chunk', 'finish'] as const;

describe.skipIf(missing !== '')(`a restore on AWS whose functions die between two calls${missing}`, () => {
  const folder = new WorkFolder();
  let aws: Awaited<ReturnType<typeof startLocalAws>>;
  let s3: S3Client;
  let bucket: string;
  let server: Server;
  let rdb: Buffer;
  let digest: unknown;
  /** How many calls to AWS each step makes at most. */
  const calls: Record<string, number> = {};

  beforeAll(async () => {
    aws = await startLocalAws();
    ({ s3, bucket } = await deploy(aws));
    const path = await filledFile(folder.file('data.rdb'), 'redis-7.0', { seed: SEED });
    rdb = readFileSync(path);
    server = await startServer('redis-7.0', { rdb: path });
    digest = await server.call('DEBUG', 'DIGEST');
    // The policy under which keys of its own would be conflicts.
    configure(server.url, { onConflict: 'panic' }, 256 * 1024);
    await wipe(server);
    await execute(s3, await drop(), {
      around: async ({ name }, run) => {
        const counted = await countCalls(run);
        calls[name] = Math.max(calls[name] ?? 0, counted.calls);
        return counted.answer;
      },
    });
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await aws?.stop();
    folder[Symbol.dispose]();
  });

  let objects = 0;
  async function drop(content = rdb) {
    const key = `restore/cache/${objects++}.rdb`;
    return { bucket, key, version: await putObject(s3, bucket, key, content), sequencer: '0055AED6DCD90281E5' };
  }

  /** Lets one step die at a call, the first time only or each time that it is called in this execution. */
  function death(step: string, call: number, reached: boolean, always: boolean): NonNullable<RunOptions['around']> {
    let died = false;
    return async ({ name }, run) => {
      if (name !== step || (died && !always)) return run();
      died = true;
      return dieAt(call, reached, run);
    };
  }

  const stateOf = async ({ key, version }: { key: string; version: string }) =>
    JSON.parse(String(await getObject(s3, bucket, `results/${key}/${version}.json`)));

  test('of which each makes some', () => {
    for (const step of STEPS) expect(calls[step], step).toBeGreaterThan(0);
    expect(calls.finish).toBeGreaterThan(5);
  });

  test('is finished by the call that follows', async () => {
    const random = new Random(SEED).fork('once');
    for (let run = 0; run < runs(6, 200); run++) {
      const step = STEPS[run % STEPS.length] as string;
      const call = random.int(1, calls[step] as number);
      const reached = random.chance(0.5);
      const note = `seed ${SEED}, run ${run}: ${step} dies at call ${call}, ${reached ? 'after' : 'before'} it`;
      await wipe(server);
      const event = await drop();
      const { status, end } = await execute(s3, event, { around: death(step, call, reached, false) });
      expect(end?.cause, note).toBe('');
      expect(status, note).toBe('SUCCEEDED');
      expect(await server.call('DEBUG', 'DIGEST'), note).toBe(digest);
      const { state, keys, planned } = await stateOf(event);
      expect(state, note).toBe('succeeded');
      expect(keys.written + keys.already + keys.expired, note).toBe(planned.keys);
    }
  });

  test('is a failed job when it dies each time, and a retry finishes it', async () => {
    const random = new Random(SEED).fork('always');
    for (let run = 0; run < runs(6, 200); run++) {
      const step = STEPS[run % STEPS.length] as string;
      const call = random.int(1, calls[step] as number);
      const reached = random.chance(0.5);
      const note = `seed ${SEED}, run ${run}: ${step} dies at call ${call} each time, ${reached ? 'after' : 'before'} it`;
      await wipe(server);
      const event = await drop();
      const first = await execute(s3, event, { around: death(step, call, reached, true) });
      // A call that ended before, or had done all but answer, ends well all the same.
      if (first.status === 'FAILED') {
        expect(first.end?.text, note).not.toBe('');
        const retried = await execute(s3, { ...event, retry: `${run}` });
        expect(retried.end?.cause, note).toBe('');
      }
      expect(await server.call('DEBUG', 'DIGEST'), note).toBe(digest);
      expect(await stateOf(event), note).toMatchObject({ state: 'succeeded' });
    }
  });

  test('that dies while it fails has failed all the same, and lets the next job begin', async () => {
    const random = new Random(SEED).fork('fail');
    const counted = await countCalls(async () => {
      const { end } = await execute(s3, await drop(Buffer.from('no RDB at all')));
      return end as object;
    });
    for (let run = 0; run < runs(3, 40); run++) {
      const call = random.int(1, Math.min(8, counted.calls));
      const reached = random.chance(0.5);
      const note = `seed ${SEED}, run ${run}: fail dies at call ${call}, ${reached ? 'after' : 'before'} it`;
      const event = await drop(Buffer.from('no RDB at all'));
      const { status, end } = await execute(s3, event, { around: death('fail', call, reached, false) });
      expect(status, note).toBe('FAILED');
      expect(end?.error, note).toBe('INPUT_NOT_RDB');
      const report = await getObject(s3, bucket, `quarantine/${event.key}/${event.version}.json`);
      expect(String(report), note).toContain('"quarantined"');
    }
    await wipe(server);
    expect((await execute(s3, await drop())).status).toBe('SUCCEEDED');
  });
});
