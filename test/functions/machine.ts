// A state machine by hand: calls the real handlers in its order, on the local AWS, as Step Functions would.
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { getObject, newBucket } from '../support/local-aws/buckets.ts';
import type { LocalAws } from '../support/local-aws/local-aws.ts';
import { newTable } from '../support/local-aws/tables.ts';

// Loggers read their level when they are made.
process.env.POWERTOOLS_LOG_LEVEL = process.env.KEYFERRY_FUNCTION_LOGS ?? 'SILENT';
process.env.POWERTOOLS_METRICS_DISABLED ??= 'true';
const { handler: build } = await import('../../functions/build.ts');
const { handler: claim } = await import('../../functions/claim.ts');
const { handler: fail } = await import('../../functions/fail.ts');
const { handler: finish } = await import('../../functions/finish.ts');
const { handler: lease } = await import('../../functions/lease.ts');
const { handler: plan } = await import('../../functions/plan.ts');
const { handler: prepare } = await import('../../functions/prepare.ts');
const { handler: restoreChunk } = await import('../../functions/restore-chunk.ts');

export interface Step {
  readonly name: string;
  /** How often this step ran before in this execution. */
  readonly round: number;
}

export interface RunOptions {
  /** Time that each call has, ms. Default 30 s. */
  readonly ms?: number | ((step: Step) => number);
  /** Called before each step; what it throws ends the execution as a crash of everything would. */
  readonly before?: (step: Step) => Promise<void> | void;
  /** Runs each call of a function; what it throws, the call has thrown. */
  readonly around?: (step: Step, run: () => Promise<object>) => Promise<object>;
  readonly execution?: string;
  readonly target?: string;
  /** Default: restore. */
  readonly mode?: 'restore' | 'load';
}

/** What an execution came to. */
export interface Ended {
  readonly status: 'SUCCEEDED' | 'FAILED';
  /** The claim's result. */
  readonly claim: Record<string, unknown>;
  readonly end: { ok: boolean; subject: string; text: string; error: string; cause: string } | undefined;
  /** How often each step ran. */
  readonly steps: Readonly<Record<string, number>>;
}

type Handler = (event: unknown, call: { getRemainingTimeInMillis(): number }) => Promise<object>;
/** More than any test's executions hold it together. */
const LEASE_TRIES = 600;
let executions = 0;

/** Prepares the environment of the functions: bucket, table, credentials. Once for a process. */
export async function deploy(aws: LocalAws): Promise<{ s3: S3Client; bucket: string }> {
  const s3 = aws.s3();
  const bucket = await newBucket(s3, true);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://${aws.host}:${aws.port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    KEYFERRY_BUCKET: bucket,
    KEYFERRY_TABLE: await newTable(aws.dynamodb()),
  });
  return { s3, bucket };
}

/** Sets what the functions of a target are told. */
export function configure(endpoint: string, settings: object = {}, chunkBytes = 64 * 1024, memoryMb = 1769): void {
  const defaults = {
    name: 'cache',
    endpoint,
    mode: 'auto',
    concurrency: 3,
    onConflict: 'panic',
    mergeDbs: false,
    bigKeyBytes: 64 * 1024 * 1024,
    strict: false,
    ttlShift: 0,
    noExpire: false,
  };
  process.env.KEYFERRY_CONFIG = JSON.stringify({
    redactKeys: false,
    memoryMb,
    chunkBytes: { restore: chunkBytes, load: chunkBytes, decode: chunkBytes },
    target: { ...defaults, ...settings },
  });
}

/** Runs an execution to its end. Passing failures are tried again once, as a Retry would. */
export async function execute(s3: S3Client, input: object, options: RunOptions = {}): Promise<Ended> {
  const { execution = `execution-${++executions}`, target = 'cache', ms = 30_000, mode = 'restore' } = options;
  const steps: Record<string, number> = {};
  const state: Record<string, Record<string, unknown>> & { claim?: Record<string, unknown> } = { ...input };
  const call = async (name: string, handler: Handler, event: object): Promise<Record<string, unknown>> => {
    for (let attempt = 1; ; attempt++) {
      const step = { name, round: steps[name] ?? 0 };
      steps[name] = step.round + 1;
      await options.before?.(step);
      const end = Date.now() + (typeof ms === 'number' ? ms : ms(step));
      const run = () => handler(event, { getRemainingTimeInMillis: () => end - Date.now() });
      try {
        return (await (options.around?.(step, run) ?? run())) as Record<string, unknown>;
      } catch (error) {
        if (attempt === 2) throw error;
      }
    }
  };
  const envelope = () => ({ execution, target, mode, state });
  const task = async (name: string, handler: Handler) => {
    state[name] = await call(name, handler, envelope());
    return state[name] as Record<string, unknown>;
  };
  const ended = (status: Ended['status'], end?: object): Ended => ({
    status,
    claim: state.claim ?? {},
    end: end as Ended['end'],
    steps,
  });
  const failure = async () => ended('FAILED', await call('fail', fail, envelope()));
  try {
    const claimed = await task('claim', claim);
    if (!claimed.proceed) return claimed.ok ? ended('SUCCEEDED') : await failure();
    for (let tries = 1; !(await task('lease', lease)).held; tries++) {
      if (tries === LEASE_TRIES) throw new Error('the lease does not come free');
      await sleep(50);
    }
    if (mode === 'load' && !(await task('build', build)).ok) return await failure();
    while (!(await task('plan', plan)).done);
    if (!state.plan?.ok) return await failure();
    const job = claimed.job;
    const held = (state.lease as { lease: unknown }).lease;
    const { chunksBucket, chunksKey } = state.plan.plan as { chunksBucket: string; chunksKey: string };
    const lines = String(await getObject(s3, chunksBucket, chunksKey))
      .split('\n')
      .slice(0, -1);
    for (;;) {
      if (!(await task('prepare', prepare)).ok) return await failure();
      const queue = lines.values();
      const worker = async () => {
        for (const line of queue) {
          const event = { job, lease: held, chunk: JSON.parse(line) };
          try {
            while (!(await call('restore-chunk', restoreChunk, event)).done);
          } catch (error) {
            if (error instanceof Crash) throw error;
            await call('fail', fail, { ...envelope(), state: { ...event, caught: caughtOf(error) } });
          }
        }
      };
      // Like Step Functions, which waits for what it has begun, before the map counts as failed.
      const ends = await Promise.allSettled([worker(), worker(), worker()]);
      const broken = ends.find((each) => each.status === 'rejected');
      if (broken !== undefined) throw broken.reason;
      const end = await task('finish', finish);
      if (!end.again) return ended(end.ok ? 'SUCCEEDED' : 'FAILED', end);
    }
  } catch (error) {
    if (error instanceof Crash) throw error;
    state.caught = caughtOf(error);
    return failure();
  }
}

/** An error as Catch hands it over. */
function caughtOf(error: unknown) {
  const { name, message } = error as Error;
  return { Error: name, Cause: JSON.stringify({ errorType: name, errorMessage: message }) };
}

/** The death of everything between two steps. */
export class Crash extends Error {}
