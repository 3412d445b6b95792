// Runs work that can be stopped while its progress is on the screen.
import { InterruptedError } from '../lib/errors.ts';
import { displayLook, displayMode } from './display-options.ts';
import type { Io } from './io.ts';
import { ProgressDisplay } from './progress-display.ts';
import { stopOnSignals } from './signals.ts';
import { WatchedProgress } from './watched-progress.ts';

/**
 * @param stopped what is told when the work ends because it was told to stop
 * @throws {InterruptedError} then; else whatever the work throws
 */
export async function withDisplay<T>(
  flags: Parameters<typeof displayMode>[0],
  io: Io,
  stopped: { readonly message: string; readonly remedy: string },
  work: (progress: WatchedProgress, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const progress = new WatchedProgress();
  const display = new ProgressDisplay({
    progress,
    stream: io.stderr,
    mode: displayMode(flags, io),
    look: displayLook(io),
  });
  const stop = stopOnSignals({ onFirst: () => display.stopping('Stopping.'), onSecond: () => display.stop() });
  display.start();
  try {
    return await work(progress, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new InterruptedError('INTERRUPTED', stopped.message, { remedy: stopped.remedy });
  } finally {
    display.stop();
    stop.release();
  }
}
