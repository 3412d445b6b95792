// What the doctor found, as a person reads it: a line a check, and below what to do.
import type { DoctorReport } from '../lib/jobs/doctor.ts';
import type { Finding, Verdict } from '../lib/jobs/doctor-findings.ts';
import { tableLines } from './columns.ts';
import { columnsOf, plural, printable } from './format.ts';
import type { Style } from './style.ts';

const INDENT = '  ';
/** Narrower, text would be a column of single words. */
const LEAST_TEXT_COLUMNS = 40;

/** With the line end. */
export function renderDoctor({ target, findings }: DoctorReport, style: Style, columns: number): string {
  const colours: Record<Verdict, (text: string) => string> = {
    ok: style.green,
    warning: style.yellow,
    problem: (text) => style.red(style.bold(text)),
    unknown: style.cyan,
  };
  const checks = table(
    findings.map(({ verdict, check, what }) => [INDENT + verdict, check, what]),
    columns,
    (cell, column) => (column === 0 ? colours[cell.trim() as Verdict](cell) : cell),
  );
  const remedies = table(
    findings.flatMap(({ check, remedy }) => (remedy === undefined ? [] : [[INDENT + check, remedy]])),
    columns,
    (cell) => cell,
  );
  const blocks = [
    [style.bold(printable(target)), ...checks],
    remedies.length === 0 ? [] : [style.bold('What to do:'), ...remedies],
    [verdictOf(findings)],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** A table whose last column is broken into lines of words. */
function table(rows: readonly string[][], columns: number, paint: (cell: string, column: number) => string): string[] {
  const last = (rows[0]?.length ?? 1) - 1;
  const before = Array.from({ length: last }, (_, column) =>
    Math.max(...rows.map((row) => columnsOf(row[column] ?? '') + 2)),
  );
  const room = Math.max(LEAST_TEXT_COLUMNS, columns - before.reduce((sum, width) => sum + width, 0));
  const broken = rows.flatMap((row) =>
    wrap(printable(row[last] ?? '').replaceAll('\n', ' '), room).map((line, at) =>
      at === 0 ? [...row.slice(0, last).map(printable), line] : [...row.slice(0, last).map(() => ''), line],
    ),
  );
  return tableLines(broken, [...before.map(() => 'left' as const), 'left'], (cell, _, column) => paint(cell, column));
}

function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && columnsOf(line) + 1 + columnsOf(word) > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function verdictOf(findings: readonly Finding[]): string {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  const told = [
    ...(problems > 0 ? [plural(problems, 'problem')] : []),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
  ].join(', ');
  if (problems > 0) return `A restore would stop: ${told}.`;
  return `Nothing speaks against a restore${warnings > 0 ? `; ${told}` : ''}.`;
}
