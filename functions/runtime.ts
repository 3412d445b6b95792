// What every function has around its work: its event checked, its time watched, its failures told apart, its log.
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import { KeyferryError, UsageError } from '../lib/errors.ts';
import { asFailure, describeFailure, type Failure, isPassing } from '../lib/jobs/aws/failure.ts';
import type { Deadline } from '../lib/jobs/aws/job.ts';

/** Share of a call's time after which it comes to its end in order. */
const SOFT_SHARE = 0.75;
/** Before it is cut off, a call ends what is under way: at most so many ms, or so large a share of its time. */
const HARD_MS = 5000;
const HARD_SHARE = 0.1;

export type Call = Pick<Context, 'getRemainingTimeInMillis'>;

/**
 * A handler of a state machine's task.
 *
 * @param permanent the result for a failure that a retry can't help; any other is thrown under its code
 */
export function observed<S extends z.ZodType, R extends object, F extends object>(
  name: string,
  input: S,
  work: (event: z.output<S>, deadline: Deadline) => Promise<R>,
  permanent: (failure: Failure) => F,
): (event: unknown, call: Call) => Promise<R | F> {
  const logger = new Logger({ serviceName: `keyferry-${name}` });
  return async (event, call) => {
    const started = Date.now();
    const took = () => ({ ms: Date.now() - started });
    using deadline = new CallDeadline(call);
    try {
      const result = await work(checked(input, event), deadline);
      logger.info('done', { ...took(), result });
      return result;
    } catch (error) {
      if (!(error instanceof KeyferryError)) {
        logger.error('failed by what nobody foresaw', error as Error);
        throw error;
      }
      const failure = asFailure(error);
      logger.warn('failed', { ...took(), failure, passing: isPassing(error) });
      if (!isPassing(error)) return permanent(failure);
      // Lambda tells a state machine an error's name and message, and no more of it.
      const thrown = new Error(describeFailure(failure), { cause: error });
      thrown.name = failure.code;
      throw thrown;
    }
  };
}

/** A failure as a step's result. */
export const failedStep = (failure: Failure) => ({ ok: false, ...failure });

function checked<S extends z.ZodType>(input: S, event: unknown): z.output<S> {
  const parsed = input.safeParse(event);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError('EVENT_INVALID', `this is not what the function is called with: ${mistakes.join('; ')}.`, {
    remedy: 'docs/aws.md says what an execution is started with.',
  });
}

class CallDeadline implements Deadline, Disposable {
  readonly hardEnd: number;
  readonly #softEnd: number;
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(call: Call) {
    const left = call.getRemainingTimeInMillis();
    const now = Date.now();
    this.hardEnd = now + left;
    this.#softEnd = now + left * SOFT_SHARE;
    const ends = left - Math.min(HARD_MS, left * HARD_SHARE);
    this.#timer = setTimeout(() => this.#stop.abort(new Error('the function’s time is up')), ends);
  }

  readonly outOfTime = (): boolean => Date.now() >= this.#softEnd;

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
