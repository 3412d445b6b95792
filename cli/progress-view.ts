// How progress looks: one line for a terminal of some width, one for a log, one object for a machine. No I/O.
import type { Phase } from '../lib/telemetry/progress.ts';
import {
  columnsOf,
  formatBytes,
  formatClock,
  formatCount,
  formatRough,
  formatSeconds,
  plural,
  printable,
  shorten,
} from './format.ts';
import type { Rates } from './speed.ts';
import type { Style } from './style.ts';
import type { PhaseResult } from './watched-progress.ts';

/** What there is to show. */
export interface ProgressView {
  readonly phase: Phase;
  readonly file: string;
  readonly bytes: number;
  readonly bytesTotal: number | undefined;
  readonly keys: number;
  readonly keysTotal: number | undefined;
  /** Keys refused. */
  readonly failed: number;
  readonly rates: Rates | undefined;
  /** The user asked it to stop. */
  readonly stopping: boolean;
}

export interface Look {
  readonly style: Style;
  /** The terminal shows characters beyond ASCII. */
  readonly unicode: boolean;
}

const LABELS: Record<Phase, string> = {
  starting: 'starting',
  uploading: 'uploading',
  queued: 'waiting for its turn at the target',
  preparing: 'planning it, asking the target',
  unpacking: 'unpacking',
  planning: 'planning',
  checking: 'checking the target',
  waiting: 'waiting for the source to save',
  writing: 'writing',
  decoding: 'decoding',
  reading: 'reading',
  finishing: 'finishing',
  done: 'done',
};

/** Phases in which bytes and keys are counted. */
const COUNTING: ReadonlySet<Phase> = new Set(['uploading', 'unpacking', 'planning', 'writing', 'decoding', 'reading']);

/** Those of them in which keys are not looked at. */
const KEYLESS: ReadonlySet<Phase> = new Set(['uploading', 'unpacking']);

const LEAST_BAR = 10;
const MOST_BAR = 30;
const GAP = '  ';
/** A terminal echoes Ctrl-C as ^C behind the line, and must not wrap then. */
const ECHO_COLUMNS = 3;

/** A part of the line. Parts of a lower rank are left out last. */
interface Part {
  readonly rank: number;
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/**
 * The line of a live display.
 *
 * @param columns the terminal's width; the line stays a little below it, so that it never wraps
 */
export function liveLine(view: ProgressView, columns: number, { style, unicode }: Look): string {
  const width = columns - ECHO_COLUMNS;
  const label = view.stopping ? 'stopping' : LABELS[view.phase];
  const head: Part = { rank: 0, text: label, paint: view.stopping ? style.yellow : style.bold };
  const done = fraction(view);
  const parts = [head, ...(COUNTING.has(view.phase) ? counters(view, done, style) : [])];
  const shown = fitting(parts, width);
  const taken = columnsOf(shown.map(({ text }) => text).join(GAP));
  const room = width - taken - GAP.length;
  const painted = shown.map(({ text, paint }) => paint?.(text) ?? text);
  if (done !== undefined && COUNTING.has(view.phase) && room >= LEAST_BAR) {
    painted.splice(1, 0, bar(done, Math.min(room, MOST_BAR), { style, unicode }));
  }
  return taken > width ? shorten(label, width) : painted.join(GAP);
}

function counters(view: ProgressView, done: number | undefined, style: Style): Part[] {
  const { phase, file, bytes, bytesTotal, keys, keysTotal, failed, rates } = view;
  const parts: Part[] = [];
  if (done !== undefined) parts.push({ rank: 1, text: `${String(Math.floor(done * 100)).padStart(3)}%` });
  if (failed > 0) parts.push({ rank: 2, text: `${formatCount(failed)} refused`, paint: style.red });
  parts.push({ rank: 4, text: amount(bytes, bytesTotal) });
  if (!KEYLESS.has(phase)) {
    const wide = keysTotal === undefined ? 0 : formatCount(keysTotal).length;
    const total = keysTotal === undefined ? '' : ` of ${formatCount(keysTotal)}`;
    parts.push({ rank: 7, text: `${formatCount(keys).padStart(wide)}${total} keys` });
  }
  if (rates !== undefined) {
    if (!KEYLESS.has(phase)) parts.push({ rank: 5, text: `${formatRough(rates.keysPerSecond).padStart(5)} keys/s` });
    parts.push({ rank: 6, text: `${formatBytes(rates.bytesPerSecond).padStart(7)}/s` });
  }
  const left = secondsLeft(view);
  if (left !== undefined) parts.push({ rank: 3, text: `${formatClock(left).padStart(4)} left` });
  if (file !== '') parts.push({ rank: 8, text: shorten(printable(file), 30), paint: style.dim });
  return parts;
}

/** The parts that have room, the most wanted first, in their own order. */
function fitting(parts: readonly Part[], width: number): Part[] {
  const shown = new Set<Part>();
  let taken = -GAP.length;
  for (const part of [...parts].sort((a, b) => a.rank - b.rank)) {
    const more = GAP.length + columnsOf(part.text);
    if (part.rank > 0 && taken + more > width) break;
    shown.add(part);
    taken += more;
  }
  return parts.filter((part) => shown.has(part));
}

function bar(done: number, width: number, { style, unicode }: Look): string {
  const inner = unicode ? width : width - 2;
  const full = Math.floor(done * inner);
  if (!unicode) return `[${'#'.repeat(full)}${'.'.repeat(inner - full)}]`;
  return `${style.cyan('━'.repeat(full))}${style.dim('─'.repeat(inner - full))}`;
}

/** `107 of 170 MB`, both in the unit of the whole, at a width that does not change. */
function amount(bytes: number, total: number | undefined): string {
  if (total === undefined) return formatBytes(bytes);
  const whole = formatBytes(total);
  const [digits = '', unit = ''] = whole.split(' ');
  const decimals = digits.includes('.') ? digits.length - digits.indexOf('.') - 1 : 0;
  const scale = Number(digits) === 0 ? 1 : total / Number(digits);
  return `${(bytes / scale).toFixed(decimals).padStart(digits.length)} of ${digits} ${unit}`;
}

function fraction({ bytes, bytesTotal, keys, keysTotal }: ProgressView): number | undefined {
  if (bytesTotal !== undefined && bytesTotal > 0) return Math.min(1, bytes / bytesTotal);
  if (keysTotal !== undefined && keysTotal > 0) return Math.min(1, keys / keysTotal);
  return undefined;
}

/** How long the phase will still take at the present rate. */
export function secondsLeft({ bytes, bytesTotal, rates }: ProgressView): number | undefined {
  if (bytesTotal === undefined || rates === undefined || rates.bytesPerSecond <= 0) return undefined;
  return Math.max(0, bytesTotal - bytes) / rates.bytesPerSecond;
}

/** The line for a log. */
export function logLine(view: ProgressView): string {
  const { phase, file, bytes, bytesTotal, keys, keysTotal, failed, rates, stopping } = view;
  const of = file === '' ? '' : ` ${printable(file)}`;
  const label = `${stopping ? 'stopping, ' : ''}${LABELS[phase]}${of}`;
  if (!COUNTING.has(phase)) return label;
  // As the phase begins there is nothing to count yet.
  if (bytes === 0 && keys === 0) return bytesTotal === undefined ? label : `${label}: ${formatBytes(bytesTotal)}`;
  const done = fraction(view);
  const left = secondsLeft(view);
  const parts = [
    done === undefined ? undefined : `${Math.floor(done * 100)}%`,
    bytesTotal === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(bytesTotal)}`,
    KEYLESS.has(phase)
      ? undefined
      : `${formatCount(keys)}${keysTotal === undefined ? '' : ` of ${formatCount(keysTotal)}`} keys`,
    rates === undefined || KEYLESS.has(phase) ? undefined : `${formatRough(rates.keysPerSecond)} keys/s`,
    rates === undefined ? undefined : `${formatBytes(rates.bytesPerSecond)}/s`,
    left === undefined ? undefined : `${formatSeconds(left)} left`,
    failed === 0 ? undefined : `${formatCount(failed)} refused`,
  ];
  return `${label}: ${parts.filter((part) => part !== undefined).join(', ')}`;
}

/** What stays on the screen of a phase that has ended; `undefined` for those that leave nothing to tell. */
export function endedLine({ phase, file, bytes, keys, seconds }: PhaseResult): string | undefined {
  const speed = seconds >= 0.05 ? ` (${formatBytes(bytes / seconds)}/s)` : '';
  const name = printable(file);
  if (KEYLESS.has(phase)) {
    const done = phase === 'unpacking' ? 'unpacked' : 'uploaded';
    return `${done} ${name}: ${formatBytes(bytes)} in ${formatSeconds(seconds)}${speed}`;
  }
  if (phase === 'planning') {
    return `planned ${name}: ${plural(keys, 'key')}, ${formatBytes(bytes)} in ${formatSeconds(seconds)}${speed}`;
  }
  return undefined;
}

/** The object for a machine. Rates and what is left are `null` where they are not known. */
export function progressJson(view: ProgressView): object {
  const left = secondsLeft(view);
  return {
    type: 'progress',
    phase: view.phase,
    file: view.file === '' ? null : view.file,
    bytes: view.bytes,
    bytesTotal: view.bytesTotal ?? null,
    keys: view.keys,
    keysTotal: view.keysTotal ?? null,
    failed: view.failed,
    bytesPerSecond: view.rates === undefined ? null : Math.round(view.rates.bytesPerSecond),
    keysPerSecond: view.rates === undefined ? null : Math.round(view.rates.keysPerSecond),
    secondsLeft: left === undefined ? null : Math.round(left),
    stopping: view.stopping,
  };
}
