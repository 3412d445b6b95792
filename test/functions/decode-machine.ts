// The decode's state machine by hand: calls the real handlers in its order, as Step Functions would.
import type { S3Client } from '@aws-sdk/client-s3';
import { getObject } from '../support/local-aws/buckets.ts';
import { Crash, type Ended, type RunOptions } from './machine.ts';

const { handler: claim } = await import('../../functions/claim.ts');
const { handler: decodeChunk } = await import('../../functions/decode-chunk.ts');
const { handler: fail } = await import('../../functions/fail.ts');
const { handler: finish } = await import('../../functions/decode-finish.ts');
const { handler: plan } = await import('../../functions/plan.ts');

type Answer = Record<string, unknown>;
type Handler = (event: unknown, call: { getRemainingTimeInMillis(): number }) => Promise<object>;

export interface DecodeRunOptions extends Pick<RunOptions, 'before' | 'ms' | 'execution'> {
  /** Chunks at work at once. Default 3. */
  readonly concurrency?: number;
  /** The order in which chunks are taken. Default: the plan's. */
  readonly order?: (lines: readonly string[]) => readonly string[];
}

/** Sets what the functions of decode are told. */
export function configureDecode(settings: object = {}, chunkBytes = 64 * 1024): void {
  process.env.KEYFERRY_CONFIG = JSON.stringify({
    redactKeys: false,
    chunkBytes: { restore: 8 * 1024 * 1024, load: 8 * 1024 * 1024, decode: chunkBytes },
    decode: { shape: 'keyferry', pack: 'zst', ...settings },
  });
}

let executions = 0;

/** Runs an execution to its end. What a step throws is tried again once. */
export async function executeDecode(s3: S3Client, input: object, options: DecodeRunOptions = {}): Promise<Ended> {
  const { execution = `decode-${++executions}`, ms = 30_000, concurrency = 3, order = (lines) => lines } = options;
  const steps: Record<string, number> = {};
  const state: Record<string, Answer> = { ...input };
  const call = async (name: string, handler: Handler, event: object): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      const step = { name, round: steps[name] ?? 0 };
      steps[name] = step.round + 1;
      await options.before?.(step);
      const end = Date.now() + (typeof ms === 'number' ? ms : ms(step));
      try {
        return (await handler(event, { getRemainingTimeInMillis: () => end - Date.now() })) as Answer;
      } catch (error) {
        if (attempt === 2) throw error;
      }
    }
  };
  const envelope = () => ({ execution, target: '', mode: 'decode', state });
  const task = async (name: string, handler: Handler): Promise<Answer> => {
    const answer = await call(name, handler, envelope());
    state[name] = answer;
    return answer;
  };
  const ended = (status: Ended['status'], end?: object): Ended => ({
    ...{ status, claim: state.claim ?? {}, end: end as Ended['end'], steps },
  });
  const failure = async () => ended('FAILED', await call('fail', fail, envelope()));
  try {
    const claimed = await task('claim', claim);
    if (!claimed.proceed) return claimed.ok ? ended('SUCCEEDED') : await failure();
    while (!(await task('plan', plan)).done);
    if (!state.plan?.ok) return await failure();
    const { chunksBucket, chunksKey } = state.plan.plan as { chunksBucket: string; chunksKey: string };
    const lines = String(await getObject(s3, chunksBucket, chunksKey))
      .split('\n')
      .slice(0, -1);
    const queue = order(lines).values();
    const worker = async () => {
      for (const line of queue) {
        const event = { job: claimed.job, chunk: JSON.parse(line) };
        try {
          while (!(await call('decode-chunk', decodeChunk, event)).done);
        } catch (error) {
          if (error instanceof Crash) throw error;
          await call('fail', fail, { ...envelope(), state: { ...event, caught: caughtOf(error) } });
        }
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: concurrency }, worker));
    const broken = ends.find((each) => each.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
    const end = await task('finish', finish);
    return ended(end.ok ? 'SUCCEEDED' : 'FAILED', end);
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
