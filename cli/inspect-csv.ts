// The prefixes of a report as CSV (RFC 4180): a row for each prefix, its counts those of all keys that begin with it.
import type { InspectPrefix, InspectReport } from '../lib/targets/inspect/report.ts';

const HEAD = 'level,prefix,keys,bytes,memory,expiring';

/**
 * `level` is 0 for the row of all keys, whose prefix is empty, and rises by one with each nested prefix. Rows of one level
 * do not overlap; a prefix stands above those that continue it.
 */
export function inspectCsv({ prefixes }: Pick<InspectReport, 'prefixes'>): string {
  return `${HEAD}\r\n${[...rows(prefixes, 0)].map((row) => `${row}\r\n`).join('')}`;
}

function* rows({ prefix, keys, bytes, memory, expiring, children }: InspectPrefix, level: number): Generator<string> {
  yield [level, quoted(prefix.text), keys, bytes, memory, expiring].join(',');
  for (const child of children) yield* rows(child, level + 1);
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
