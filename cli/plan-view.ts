// What a file holds, as a person reads it.
import { dialectOf } from '../lib/rdb/dialect.ts';
import type { Plan } from '../lib/sources/rdb/plan.ts';
import { tableLines } from './columns.ts';
import { formatBytes, formatCount, plural, printable, shorten } from './format.ts';
import type { Style } from './style.ts';

/** A file and its plan. */
export interface PlannedFile {
  readonly name: string;
  readonly plan: Plan;
  /** The plan stood there already. */
  readonly reused: boolean;
  /** Where the plan is; `undefined` when none was to be written. */
  readonly planPath: string | undefined;
  /** Where the unpacked copy is that a restore will use. */
  readonly unpackedPath: string | undefined;
}

const INDENT = '  ';
/** What is shown of an AUX field. */
const AUX_COLUMNS = 72;
const FAMILIES = { redis: 'Redis', valkey: 'Valkey', dragonfly: 'Dragonfly' } as const;
const CHECKSUMS = {
  ok: 'correct',
  absent: 'none: RDB versions before 5 have no checksum',
  disabled: 'none: the server wrote it with rdbchecksum no',
} as const;
/** Fields that the facts above tell of already. */
const TOLD_AUX: ReadonlySet<string> = new Set(['redis-ver', 'valkey-ver', 'redis-bits', 'ctime', 'used-mem']);

/** The facts, the databases, the types; with the line end. */
export function renderPlan(file: PlannedFile, style: Style): string {
  const blocks = [
    [style.bold(printable(file.name)), ...facts(file, style)],
    databases(file.plan, style),
    types(file.plan, style),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function facts({ plan, planPath, reused, unpackedPath }: PlannedFile, style: Style): string[] {
  const rows: [label: string, fact: string][] = [
    ['format', `${FAMILIES[plan.dialect]} RDB version ${plan.version}`],
    ['size', exactBytes(plan.bytes)],
    ['checksum', CHECKSUMS[plan.checksum]],
  ];
  const writer = writtenBy(plan);
  if (writer !== '') rows.push(['written by', writer]);
  rows.push(['keys', keys(plan)]);
  if (plan.keys > 0) rows.push(['largest', `${exactBytes(plan.largest)}, key and value`]);
  if (plan.idle) rows.push(['eviction', 'idle times of keys (LRU)']);
  if (plan.freq) rows.push(['eviction', 'access frequencies of keys (LFU)']);
  if (plan.functions.length > 0) rows.push(['functions', plural(plan.functions.length, 'library', 'libraries')]);
  if (plan.scripts.length > 0) rows.push(['scripts', formatCount(plan.scripts.length)]);
  for (const { name, version, keys } of plan.modules) {
    rows.push(['module', `${name} (encoding version ${version}): ${plural(keys, 'key')}`]);
  }
  for (const { what, count } of plan.unrestorable)
    rows.push(['not restorable', `${what} (${formatCount(count)} times)`]);
  if (plan.tail !== undefined) rows.push(['tail', tail(plan.tail)]);
  for (const [name, value] of plan.aux.filter(([name]) => !TOLD_AUX.has(name))) {
    rows.push(['aux', shorten(`${name} = ${value}`, AUX_COLUMNS)]);
  }
  rows.push(['chunks', formatCount(plan.chunks)]);
  if (unpackedPath !== undefined) rows.push(['unpacked', `${unpackedPath} (a restore uses and removes it)`]);
  if (planPath !== undefined) rows.push(['plan', `${planPath}${reused ? ' (made earlier)' : ''}`]);
  const cells = rows.map(([label, fact], at) => [
    INDENT + (rows[at - 1]?.[0] === label ? '' : label),
    printable(fact).replaceAll('\n', '\\x0a'),
  ]);
  const warn = (row: number) =>
    rows[row]?.[0] === 'tail' ||
    rows[row]?.[0] === 'not restorable' ||
    (rows[row]?.[0] === 'checksum' && plan.checksum !== 'ok');
  return tableLines(cells, ['left', 'left'], (cell, row, column) => {
    if (column === 0) return style.dim(cell);
    return warn(row) ? style.yellow(cell) : cell;
  });
}

const exactBytes = (bytes: number): string =>
  bytes < 1000 ? plural(bytes, 'byte') : `${formatBytes(bytes)} (${formatCount(bytes)} bytes)`;

function keys({ keys, expires }: Plan): string {
  if (keys === 0) return 'none';
  return `${formatCount(keys)}, ${expires === 0 ? 'none' : formatCount(expires)} of them with an expiry`;
}

function tail({ bytes, kind, offset }: NonNullable<Plan['tail']>): string {
  const what = kind === 'aof' ? 'append-only commands, which a restore does not apply' : 'something that is not RDB';
  return `${formatBytes(bytes)} from byte ${formatCount(offset)} on: ${what}`;
}

/** `Redis 7.0.15, 64 bits, at 2025-11-23 12:06:10 UTC, 1.20 GB in memory` from the AUX fields, as far as they are there. */
function writtenBy({ aux }: Plan): string {
  const fields = new Map(aux);
  const [redis, valkey] = [fields.get('redis-ver'), fields.get('valkey-ver')];
  const seconds = Number(fields.get('ctime'));
  const memory = Number(fields.get('used-mem'));
  const parts = [
    valkey !== undefined ? `Valkey ${valkey}` : redis !== undefined ? `Redis ${redis}` : '',
    fields.has('redis-bits') ? `${fields.get('redis-bits')} bits` : '',
    seconds > 0 && seconds < 1e11 ? `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC` : '',
    memory > 0 ? `${formatBytes(memory)} in memory` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function databases({ dbs }: Plan, style: Style): string[] {
  if (dbs.length === 0) return [];
  const rows = dbs.map(({ db, keys, expires }) => [`${INDENT}db ${db}`, formatCount(keys), formatCount(expires)]);
  return table([[`${INDENT}database`, 'keys', 'with expiry'], ...rows], ['left', 'right', 'right'], style);
}

function types({ types, keys, dialect, version }: Plan, style: Style): string[] {
  if (types.length === 0) return [];
  const all = types.reduce((sum, type) => sum + type.bytes, 0);
  const known = dialectOf(dialect, version).types;
  const rows = [...types]
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ code, name, keys, bytes }) => [
      `${INDENT}${known[code]?.kind ?? ''}`,
      name,
      formatCount(keys),
      formatBytes(bytes),
      `${Math.round((100 * bytes) / Math.max(1, all))}%`,
    ]);
  const head = [`${INDENT}type`, 'encoding', 'keys', 'size', ''];
  const lines = table([head, ...rows], ['left', 'left', 'right', 'right', 'right'], style);
  return keys === 0 ? [] : lines;
}

function table(rows: string[][], alignments: ('left' | 'right')[], style: Style): string[] {
  return tableLines(rows, alignments, (cell, row) => (row === 0 ? style.dim(cell) : cell));
}
