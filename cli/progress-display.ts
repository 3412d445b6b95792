// Shows a job's progress on standard error while it runs: live on a terminal, line by line in a log, as JSON for machines.
import { printable } from './format.ts';
import { columnsOfStream, type Output } from './io.ts';
import { endedLine, type Look, liveLine, logLine, type ProgressView, progressJson } from './progress-view.ts';
import { Speed } from './speed.ts';
import type { PhaseResult, WatchedProgress } from './watched-progress.ts';

export type DisplayMode = 'live' | 'lines' | 'json' | 'none';

export interface DisplayOptions {
  readonly progress: WatchedProgress;
  readonly stream: Output;
  readonly mode: DisplayMode;
  readonly look: Look;
  /** Warnings that the job has come to so far; looked at again and again. */
  readonly warnings?: () => readonly string[];
}

const FRAME_MS = 100;
/** Time between two lines of a log. */
const LINE_MS = 5000;
/** To the beginning of the line; and away with what stands behind the cursor. */
const LINE_START = '\r';
const ERASE_REST = '\x1b[K';

export class ProgressDisplay {
  readonly #options: DisplayOptions;
  readonly #speed = new Speed();
  #timer: NodeJS.Timeout | undefined;
  #drawn = '';
  #linedAtMs = 0;
  #warned = 0;
  #stopping = false;

  constructor(options: DisplayOptions) {
    this.#options = options;
  }

  start(): void {
    const { progress, mode } = this.#options;
    progress.onPhase = (ended) => this.#phase(ended);
    if (mode === 'none') return;
    this.#linedAtMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), FRAME_MS);
    this.#timer.unref();
  }

  /** Ends the display and leaves a clean line. */
  stop(): void {
    clearInterval(this.#timer);
    this.#options.progress.onPhase = undefined;
    this.#warn();
    this.#clear();
  }

  /** Says that the job was told to stop. */
  stopping(text: string): void {
    this.#stopping = true;
    if (this.#options.mode === 'live' || this.#options.mode === 'lines') this.#print(text);
  }

  #tick(): void {
    const { progress, mode } = this.#options;
    const now = performance.now();
    this.#speed.sample(now, progress.bytes, progress.keys);
    this.#warn();
    if (mode === 'live') this.#draw();
    else if (now - this.#linedAtMs >= LINE_MS) this.#line(now);
  }

  #phase(ended: PhaseResult): void {
    this.#speed.reset();
    const { mode, look } = this.#options;
    if (mode === 'none') return;
    const text = endedLine(ended);
    if (text !== undefined && mode !== 'json') this.#print(look.style.dim(text));
    this.#warn();
    if (mode === 'live') this.#draw();
    else this.#line(performance.now());
  }

  #line(now: number): void {
    this.#linedAtMs = now;
    if (this.#options.mode === 'json') this.#json(progressJson(this.#view));
    else this.#print(logLine(this.#view));
  }

  #draw(): void {
    const { stream, look } = this.#options;
    const line = liveLine(this.#view, columnsOfStream(stream), look);
    if (line === this.#drawn) return;
    // One write: the terminal never shows an empty line between two frames.
    stream.write(`${LINE_START}${line}${ERASE_REST}`);
    this.#drawn = line;
  }

  #clear(): void {
    if (this.#drawn === '') return;
    this.#options.stream.write(`${LINE_START}${ERASE_REST}`);
    this.#drawn = '';
  }

  /** A line that stays, above the live one. */
  #print(text: string): void {
    const line = this.#drawn;
    this.#options.stream.write(line === '' ? `${text}\n` : `${LINE_START}${text}${ERASE_REST}\n${line}${ERASE_REST}`);
  }

  #json(value: object): void {
    this.#options.stream.write(`${JSON.stringify(value)}\n`);
  }

  /** Warnings are shown as soon as they are known: some of them are a reason to stop the job. */
  #warn(): void {
    const { warnings, mode, look } = this.#options;
    const all = warnings?.() ?? [];
    for (const text of all.slice(this.#warned)) {
      if (mode === 'json') this.#json({ type: 'warning', text });
      else if (mode !== 'none') this.#print(`${look.style.yellow('warning:')} ${printable(text)}`);
    }
    this.#warned = all.length;
  }

  get #view(): ProgressView {
    const { phase, file, bytes, bytesTotal, keys, keysTotal, failed } = this.#options.progress;
    const { rates } = this.#speed;
    return { phase, file, bytes, bytesTotal, keys, keysTotal, failed, rates, stopping: this.#stopping };
  }
}
