// Tries again what a network or a busy service spoiled, until it works or patience runs out; ends what stalls.
import { type Clock, systemClock } from '../../telemetry/clock.ts';
import { isTransient, Stalled } from './aws-failure.ts';

/** How long trouble is borne. */
export interface PatienceOptions {
  /** How long trouble may last without any progress, ms. Default 2 minutes. */
  patienceMs?: number | undefined;
  /** Ends waits and calls; what is thrown then is its reason. */
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

const PATIENCE_MS = 120_000;
const FIRST_WAIT_MS = 50;
/** S3 asks for seconds, not minutes, when it says SlowDown: its partitions split meanwhile. */
const LONGEST_WAIT_MS = 10_000;

/** The trouble of one task: waits that double, with jitter, bounded by a deadline that progress moves away. */
export class Patience {
  readonly #patienceMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: Clock;
  #tries = 0;
  #since: number | undefined;

  constructor({ patienceMs = PATIENCE_MS, signal, clock = systemClock }: PatienceOptions) {
    this.#patienceMs = patienceMs;
    this.#signal = signal;
    this.#clock = clock;
  }

  progressed(): void {
    this.#tries = 0;
    this.#since = undefined;
  }

  /** Waits before the next try. Throws the failure where another try can't help, or when patience has run out. */
  async bear(failure: unknown): Promise<void> {
    this.#signal?.throwIfAborted();
    if (!isTransient(failure)) throw failure;
    const now = this.#clock.now();
    this.#since ??= now;
    if (now - this.#since >= this.#patienceMs) throw failure;
    const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries++);
    await this.#clock.sleep(bound / 2 + Math.random() * (bound / 2), this.#signal);
  }
}

/** Runs the attempt until it works. */
export async function patiently<T>(options: PatienceOptions, attempt: () => Promise<T>): Promise<T> {
  const patience = new Patience(options);
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (failure) {
      await patience.bear(failure);
    }
  }
}

/**
 * Runs a call that gets a signal to end by; it is aborted when it neither ends nor calls `alive` for so long.
 *
 * @throws {Stalled}, or the reason of `outer` when that aborted
 */
export async function unlessStalled<T>(
  limitMs: number,
  outer: AbortSignal | undefined,
  call: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  // Not AbortSignal.any: one for each call would hang on a signal that lives as long as the job.
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Stalled(limitMs)), limitMs);
  const stop = () => controller.abort(outer?.reason);
  outer?.addEventListener('abort', stop, { once: true });
  try {
    return await call(controller.signal, () => timer.refresh());
  } catch (error) {
    // The client says only that it was aborted.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', stop);
  }
}
