// Compares two snapshots and says in words where they differ.
import { show } from './commands.ts';
import type { KeyFacts, Snapshot } from './oracle.ts';

export interface CompareOptions {
  /** Leave out how a stream's entries are spread over its nodes: another order of XADD and XDEL gives another spread. */
  ignoreRadix?: boolean;
  /** Leave out idle times and frequencies. */
  ignoreAccess?: boolean;
  /** How many differences to name. Default 20. */
  limit?: number;
}

/** Seconds by which idle times may differ: the servers' clock for them ticks once a second, and loading takes a while. */
const IDLE_TOLERANCE = 3;
/** Milliseconds by which expiries may differ where a server only tells the time that is left. */
const EXPIRY_TOLERANCE = 1000;
/** How many differences to name within one key. */
const PER_KEY = 4;

/** Where two servers differ, the first one's value before ≠; empty when they hold the same. */
export function compare(a: Snapshot, b: Snapshot, options: CompareOptions = {}): string[] {
  const limit = options.limit ?? 20;
  const found: string[] = [];
  let unnamed = 0;
  const report = (difference: string): void => {
    if (found.length < limit) found.push(difference);
    else unnamed++;
  };
  if (a.tracks !== b.tracks && options.ignoreAccess !== true)
    report(`eviction policy: tracks ${a.tracks} ≠ ${b.tracks}`);
  for (const difference of differences('', a.libraries, b.libraries)) report(`function library ${difference}`);
  const numbers = new Set([...a.databases.keys(), ...b.databases.keys()]);
  for (const number of [...numbers].sort((x, y) => x - y)) {
    const left = a.databases.get(number) ?? new Map<string, KeyFacts>();
    const right = b.databases.get(number) ?? new Map<string, KeyFacts>();
    for (const key of new Set([...left.keys(), ...right.keys()])) {
      const name = `db ${number} key ${show(key)}`;
      const [one, other] = [left.get(key), right.get(key)];
      if (one === undefined) report(`${name}: only on ${b.server}`);
      else if (other === undefined) report(`${name}: only on ${a.server}`);
      else for (const difference of keyDifferences(one, other, a, b, options)) report(`${name}: ${difference}`);
    }
  }
  if (unnamed > 0) found.push(`… and ${unnamed} more`);
  if (found.length === 0 && a.digest !== b.digest) found.push(`DEBUG DIGEST: ${a.digest} ≠ ${b.digest}`);
  return found;
}

function* keyDifferences(
  a: KeyFacts,
  b: KeyFacts,
  { exactExpiry: exactA }: Snapshot,
  { exactExpiry: exactB }: Snapshot,
  options: CompareOptions,
): Generator<string> {
  if (a.type !== b.type) yield `type ${a.type} ≠ ${b.type}`;
  if (a.encoding !== b.encoding) yield `encoding ${a.encoding} ≠ ${b.encoding}`;
  if (a.digest !== b.digest) yield `value (DEBUG DIGEST-VALUE) ${a.digest} ≠ ${b.digest}`;
  if (apart(a.expiresAt, b.expiresAt) > (exactA && exactB ? 0 : EXPIRY_TOLERANCE)) {
    yield `expiry ${when(a.expiresAt)} ≠ ${when(b.expiresAt)}`;
  }
  if (options.ignoreAccess !== true) {
    // A key without either shares its object with others.
    const both = (x: number | undefined, y: number | undefined): boolean => x !== undefined && y !== undefined;
    if (both(a.idle, b.idle) && apart(a.idle, b.idle) > IDLE_TOLERANCE) yield `idle seconds ${a.idle} ≠ ${b.idle}`;
    if (both(a.frequency, b.frequency) && a.frequency !== b.frequency)
      yield `frequency ${a.frequency} ≠ ${b.frequency}`;
  }
  yield* firstOf(PER_KEY, differences('expiry of field ', a.fieldExpiries ?? {}, b.fieldExpiries ?? {}));
  yield* firstOf(PER_KEY, differences('', view(a, options), view(b, options)));
}

function view({ details = {} }: KeyFacts, { ignoreRadix = false }: CompareOptions): Record<string, unknown> {
  if (!ignoreRadix) return details;
  const { 'radix-tree-keys': _keys, 'radix-tree-nodes': _nodes, ...rest } = details;
  return rest;
}

/** How far apart two numbers are; without end when only one of them is there. */
function apart(a: number | undefined, b: number | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(a - b);
}

const LAST_DATE = 8.64e15;
function when(ms: number | undefined): string {
  if (ms === undefined) return 'never';
  return ms <= LAST_DATE ? `${ms} (${new Date(ms).toISOString()})` : String(ms);
}

/** The paths at which two plain values differ. */
function* differences(path: string, a: unknown, b: unknown): Generator<string> {
  if (Object.is(a, b)) return;
  if (isPlain(a) && isPlain(b) && Array.isArray(a) === Array.isArray(b)) {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const part = Array.isArray(a) ? `[${name}]` : /^[\w-]+$/.test(name) ? name : show(name);
      const separator = path === '' || path.endsWith(' ') || Array.isArray(a) ? '' : '.';
      yield* differences(`${path}${separator}${part}`, (a as Indexed)[name], (b as Indexed)[name]);
    }
    return;
  }
  yield `${path}: ${brief(a)} ≠ ${brief(b)}`;
}

type Indexed = Record<string, unknown>;

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function brief(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? show(value) : show(JSON.stringify(value)).slice(1, -1);
}

function* firstOf<T>(count: number, items: Iterable<T>): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}
