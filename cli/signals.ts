// Ctrl-C and SIGTERM: the first asks the job to stop in order, the second ends the process.
import type { EventEmitter } from 'node:events';
import { EXIT } from './exit-codes.ts';

/** SIGHUP is not among them: under nohup it has to stay ignored. */
const STOPPING = ['SIGINT', 'SIGTERM'] as const;

/** npm and npx pass on a Ctrl-C that the terminal has sent to the whole group already: one press arrives twice. */
const SAME_PRESS_MS = 250;

export interface StopOptions {
  /** Told once, as the job is asked to stop. */
  readonly onFirst: () => void;
  /** Told before the process ends, to leave a clean screen. */
  readonly onSecond: () => void;
  readonly process?: Pick<EventEmitter, 'on' | 'off'>;
  readonly exit?: (code: number) => void;
  /** ms */
  readonly now?: () => number;
}

export interface StopSignals {
  readonly signal: AbortSignal;
  /** Gives the signals back their usual effect. */
  release(): void;
}

export function stopOnSignals(options: StopOptions): StopSignals {
  const { onFirst, onSecond, process: source = process, exit = process.exit, now = () => performance.now() } = options;
  const controller = new AbortController();
  let firstAt = 0;
  const stop = () => {
    if (controller.signal.aborted) {
      if (now() - firstAt < SAME_PRESS_MS) return;
      onSecond();
      exit(EXIT.interrupted);
      return;
    }
    firstAt = now();
    onFirst();
    controller.abort();
  };
  for (const name of STOPPING) source.on(name, stop);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of STOPPING) source.off(name, stop);
    },
  };
}
