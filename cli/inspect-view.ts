// A report on a terminal: tables with bars, the largest first.
import type {
  InspectBar,
  InspectBigKey,
  InspectCounts,
  InspectEncoding,
  InspectFile,
  InspectName,
  InspectPrefix,
  InspectQuantiles,
  InspectReport,
} from '../lib/targets/inspect/report.ts';
import { type Alignment, tableLines } from './columns.ts';
import { columnsOf, formatBytes, formatCount, formatRough, plural, printable, shorten } from './format.ts';
import type { Look } from './progress-view.ts';

const INDENT = '  ';
/** The longest bar. */
const BAR = 16;
/** What a line of a table with bars takes besides its name and its bar. */
const FIGURES = INDENT.length + 5 + 8 + 8 + 5 + 5 * 2;
/** Wider lines are hard to follow from end to end. */
const WIDEST = 110;
const PREFIX_ROWS = 16;
/** A prefix is opened where it takes at least this share of all. */
const OPENED_SHARE = 0.1;
const BIG_KEYS = 10;
const LONG_KEYS = 5;
/** Titles of tables with bars, of which the longest is the least that names take. */
const LABELS = ['time to live', 'LFU counter'];

/** @param columns the terminal's width */
export function renderInspection(report: InspectReport, columns: number, look: Look): string {
  const view = new View(report, Math.min(columns, WIDEST), look);
  return `${view
    .blocks()
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

class View {
  readonly #report: InspectReport;
  readonly #columns: number;
  readonly #look: Look;
  /** Columns of the names in all tables with bars, so that the bars stand below each other. */
  readonly #names: number;
  readonly #barColumns: number;

  constructor(report: InspectReport, columns: number, look: Look) {
    this.#report = report;
    this.#columns = columns;
    this.#look = look;
    const names = [...LABELS, ...report.encodings.map(encodingLabel), ...this.#prefixRows().map(([name]) => name)];
    this.#names = Math.max(...names.map(columnsOf));
    this.#barColumns = Math.max(0, Math.min(BAR, columns - FIGURES - this.#names));
  }

  blocks(): string[][] {
    const { types, histograms, quantiles, bigKeys } = this.#report;
    const blocks = [this.#facts()];
    if (this.#report.totals.keys === 0) return [...blocks, this.#notes()];
    return [
      ...blocks,
      this.#shares(
        'type',
        types.map((type) => [type.type, type]),
      ),
      this.#encodings(),
      this.#databases(),
      this.#prefixes(),
      this.#bars('time to live', histograms.ttl),
      this.#bars('idle for', histograms.idle),
      this.#bars('LFU counter', histograms.lfu),
      this.#quantiles([
        ['key length', quantiles.keyLength, formatBytes],
        ['value in file', quantiles.valueBytes, formatBytes],
        ['memory of a key', quantiles.memory, formatBytes],
        ['elements', quantiles.elements, formatRough],
      ]),
      this.#bigKeys('largest in memory', bigKeys.byMemory.slice(0, BIG_KEYS)),
      this.#bigKeys('most elements', bigKeys.byElements.slice(0, LONG_KEYS)),
      this.#notes(),
    ];
  }

  #facts(): string[] {
    const { files, totals, model, incomplete, slots, functions, modules, error } = this.#report;
    const { style } = this.#look;
    const rows: [string, string][] = files.flatMap((file): [string, string][] => [
      ['file', printable(file.name)],
      ['written by', writerOf(file)],
    ]);
    const { keys, expiring, expired, bytes, memory, tables, filtered } = totals;
    const volatile = keys === 0 ? '' : `, ${percent(expiring, keys)} with an expiry`;
    rows.push(['keys', `${formatCount(keys)}${volatile}${filtered > 0 ? `; ${formatCount(filtered)} left out` : ''}`]);
    if (expired.keys > 0) {
      rows.push(['expired', `${plural(expired.keys, 'key')}, ${formatBytes(expired.memory)} in memory`]);
    }
    rows.push(['in the file', formatBytes(bytes)]);
    const beyond = `${formatBytes(Math.abs(tables))} ${tables < 0 ? 'less than MEMORY USAGE tells' : 'of tables'}`;
    rows.push(['in memory', `about ${formatBytes(memory + tables)}: ${formatBytes(memory)} of keys, ${beyond}`]);
    rows.push(['reckoned for', `${model.name} with ${model.allocator}`]);
    if (keys > 0) {
      const shards = `heaviest of ${slots.shards.length} shards ${slots.imbalance.toFixed(2)} times the mean`;
      rows.push(['slots', `${formatCount(slots.used)} used, ${shards}`]);
    }
    if (functions.length > 0) {
      const names = functions.flatMap(({ name }) => (name === null ? [] : [shown(name)]));
      const size = functions.reduce((sum, each) => sum + each.bytes, 0);
      rows.push([
        'functions',
        `${plural(functions.length, 'library', 'libraries')}, ${formatBytes(size)}: ${names.join(', ')}`,
      ]);
    }
    for (const { name, version, keys, bytes } of modules) {
      rows.push(['module', `${name} (version ${version}): ${plural(keys, 'key')}, ${formatBytes(bytes)} in the file`]);
    }
    const cells = rows.map(([label, fact], at) => [
      INDENT + (rows[at - 1]?.[0] === label ? '' : label),
      shorten(fact.replaceAll('\n', '\\x0a'), this.#columns - 17),
    ]);
    const lines = tableLines(cells, ['left', 'left'], (cell, _, column) => (column === 0 ? style.dim(cell) : cell));
    if (!incomplete) return lines;
    return [style.yellow(`Not all was read (${error?.code}): this is what came before.`), '', ...lines];
  }

  /** Rows with their share of all memory as a bar. */
  #shares(title: string, rows: readonly (readonly [name: string, counts: InspectCounts])[]): string[] {
    const { memory: all } = this.#report.totals;
    const head = [this.#name(title), 'keys', 'in file', 'memory', '', ''];
    const lines = rows.map(([name, { keys, bytes, memory }]) => [
      this.#name(name),
      formatRough(keys).padStart(5),
      formatBytes(bytes).padStart(8),
      formatBytes(memory).padStart(8),
      percent(memory, all).padStart(5),
      this.#bar(memory, all),
    ]);
    return this.#table([head, ...lines], ['left', 'right', 'right', 'right', 'right', 'left']);
  }

  #encodings(): string[] {
    const { encodings, types } = this.#report;
    // Where each type has one encoding only, that says little.
    if (encodings.length <= types.length) return [];
    return this.#shares(
      'encoding',
      encodings.map((each) => [encodingLabel(each), each]),
    );
  }

  #databases(): string[] {
    const { dbs } = this.#report;
    return dbs.length < 2
      ? []
      : this.#shares(
          'database',
          dbs.map((each) => [`db ${each.db}`, each]),
        );
  }

  #prefixes(): string[] {
    const rows = this.#prefixRows();
    return rows.length < 2 ? [] : this.#shares('prefix', rows);
  }

  #prefixRows(): [name: string, counts: InspectCounts][] {
    const { prefixes } = this.#report;
    const rows: [string, InspectCounts][] = [];
    const room = Math.max(12, this.#columns - BAR - FIGURES);
    const chosen = heaviest(prefixes, PREFIX_ROWS, OPENED_SHARE * prefixes.memory);
    const add = (node: InspectPrefix, level: number): void => {
      for (const child of node.children.filter((each) => chosen.has(each))) {
        // Nested ones are told apart by what they add.
        const name = '  '.repeat(level) + shown(level === 0 ? child.prefix : child.label);
        rows.push([shorten(name, room), child]);
        add(child, level + 1);
      }
    };
    add(prefixes, 0);
    const { rest, other } = prefixes;
    if (other !== null) rows.push(['(small prefixes)', other]);
    if (rest !== null) rows.push(['(no prefix)', rest]);
    return rows;
  }

  #bars(title: string, bars: readonly InspectBar[]): string[] {
    if (bars.length === 0) return [];
    const most = Math.max(...bars.map(({ keys }) => keys));
    const { keys: all } = this.#report.totals;
    const rows = bars
      .filter(({ keys }) => keys > 0)
      .map(({ label, keys, memory }) => [
        this.#name(this.#plain(label)),
        formatRough(keys).padStart(5),
        '',
        formatBytes(memory).padStart(8),
        percent(keys, all).padStart(5),
        this.#bar(keys, most),
      ]);
    const head = [this.#name(title), 'keys', ' '.repeat(8), 'memory', '', ''];
    return this.#table([head, ...rows], ['left', 'right', 'right', 'right', 'right', 'left']);
  }

  #quantiles(rows: readonly (readonly [name: string, values: InspectQuantiles, format: (value: number) => string])[]) {
    const head = [`${INDENT}sizes`, 'median', '90%', '99%', '99.9%', 'largest'];
    const lines = rows
      .filter(([, { count }]) => count > 0)
      .map(([name, { p50, p90, p99, p999, max }, format]) => [
        INDENT + name,
        ...[p50, p90, p99, p999, max].map(format),
      ]);
    return this.#table([head, ...lines], ['left', 'right', 'right', 'right', 'right', 'right']);
  }

  #bigKeys(title: string, keys: readonly InspectBigKey[]): string[] {
    if (keys.length === 0) return [];
    const severalDbs = this.#report.dbs.length > 1;
    const room = Math.max(16, this.#columns - 46);
    const rows = keys.map(({ key, db, type, elements, bytes, memory }) => [
      INDENT + shorten((severalDbs ? `${db}: ` : '') + shown(key), room),
      type,
      formatRough(elements),
      formatBytes(bytes),
      formatBytes(memory),
    ]);
    const head = [INDENT + title, 'type', 'elements', 'in file', 'memory'];
    return this.#table([head, ...rows], ['left', 'left', 'right', 'right', 'right']);
  }

  #notes(): string[] {
    return this.#report.warnings.map((warning) => `${this.#look.style.yellow('warning')}: ${printable(warning)}`);
  }

  #table(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string[] {
    const { style } = this.#look;
    const bar = alignments.length - 1;
    return tableLines(rows, alignments, (cell, row, column) => {
      if (row === 0) return style.dim(cell);
      return column === bar && alignments[bar] === 'left' ? style.cyan(cell) : cell;
    });
  }

  /** In eighths of a column where the terminal has the characters for them. */
  #bar(value: number, all: number): string {
    const width = all <= 0 ? 0 : (this.#barColumns * Math.max(0, value)) / all;
    if (!this.#look.unicode) return '#'.repeat(Math.round(width));
    const eighths = Math.round(width * 8);
    return '█'.repeat(eighths >> 3) + (eighths % 8 === 0 ? '' : (' ▏▎▍▌▋▊▉'[eighths % 8] as string));
  }

  #name(name: string): string {
    return INDENT + name + ' '.repeat(Math.max(0, this.#names - columnsOf(name)));
  }

  #plain(label: string): string {
    return this.#look.unicode ? label : label.replaceAll('–', '-');
  }
}

/**
 * The prefixes that take the most, as many as there is room for. No prefix takes more than one that it continues, so that
 * none is chosen without those.
 *
 * @param opened what a prefix takes at least for those that continue it to be looked at, bytes
 */
function heaviest(root: InspectPrefix, most: number, opened: number): ReadonlySet<InspectPrefix> {
  const chosen = new Set<InspectPrefix>();
  const candidates = [...root.children];
  while (chosen.size < most && candidates.length > 0) {
    candidates.sort((a, b) => b.memory - a.memory);
    const next = candidates.shift() as InspectPrefix;
    chosen.add(next);
    if (next.memory >= opened) candidates.push(...next.children);
  }
  return chosen;
}

function writerOf({ server, rdb, createdAt, usedMemory }: InspectFile): string {
  const facts = [server ?? `RDB ${rdb}`];
  if (createdAt !== null) facts.push(`${new Date(createdAt).toISOString().slice(0, 19).replace('T', ' ')} UTC`);
  if (usedMemory !== null) facts.push(`used_memory ${formatBytes(usedMemory)}`);
  return facts.join(', ');
}

const encodingLabel = ({ type, encoding }: InspectEncoding): string => `${type} ${encoding}`;

/** A name on one line, without what would steer a terminal. */
function shown({ text }: InspectName): string {
  return printable(text).replaceAll('\n', '\\x0a');
}

function percent(part: number, all: number): string {
  if (all <= 0 || part <= 0) return '0%';
  const share = (100 * part) / all;
  if (share < 0.1) return '<0.1%';
  return `${share < 9.95 ? share.toFixed(1) : Math.round(share)}%`;
}
