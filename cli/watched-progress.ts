// A job's progress that tells when a phase begins, and remembers what the one before came to.
import { type Phase, Progress } from '../lib/telemetry/progress.ts';

/** A phase that has ended. */
export interface PhaseResult {
  readonly phase: Phase;
  readonly file: string;
  readonly bytes: number;
  readonly keys: number;
  readonly seconds: number;
}

export class WatchedProgress extends Progress {
  /** Called as a phase begins, when its counters are at zero already. */
  onPhase: ((ended: PhaseResult) => void) | undefined;
  /** How often `writing` began: once, unless the target was restarted. */
  writes = 0;
  readonly #now: () => number;
  #beganAtMs: number;

  constructor(now: () => number = () => performance.now()) {
    super();
    this.#now = now;
    this.#beganAtMs = now();
  }

  override begin(phase: Phase, totals: Parameters<Progress['begin']>[1] = {}): void {
    const ended = this.result;
    super.begin(phase, totals);
    this.#beganAtMs = this.#now();
    if (phase === 'writing') this.writes++;
    this.onPhase?.(ended);
  }

  /** The phase as it stands. */
  get result(): PhaseResult {
    const { phase, file, bytes, keys } = this;
    return { phase, file, bytes, keys, seconds: (this.#now() - this.#beganAtMs) / 1000 };
  }
}
