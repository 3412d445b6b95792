// Reads what a restore that was killed left in its work folder: which chunks it had begun, and which keys they hold.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dialectOf } from '../../lib/rdb/dialect.ts';
import { RdbScanner, ScanEvent } from '../../lib/rdb/scanner.ts';
import { readString } from '../../lib/rdb/strings.ts';

export interface ChunkLine {
  n: number;
  start: number;
  end: number;
  db: number;
  keys: number;
}

export interface LedgerState {
  /** Numbers of the chunks that are noted as written. */
  done: Set<number>;
  /** Numbers of those that were begun and not noted as written. */
  started: Set<number>;
}

/** The state of the only job of one file in that folder; `undefined` where it left none: no chunk was begun. */
export function readLedgerOf(workDir: string): LedgerState | undefined {
  const name = readdirSync(workDir).find((each) => each.endsWith('.ledger.jsonl'));
  if (name === undefined) return undefined;
  const text = readFileSync(join(workDir, name), 'utf8');
  const state: LedgerState = { done: new Set(), started: new Set() };
  // The first line is the job's description; what follows the last line end was torn by the kill.
  const lines = text.split('\n').slice(1, -1);
  if (lines.length === 0) return undefined;
  for (const line of lines) {
    const { unit, state: step } = JSON.parse(line) as { unit: string; state: 'started' | 'done' };
    const chunk = Number(unit.split('/')[1]);
    state[step].add(chunk);
    state[step === 'done' ? 'started' : 'done'].delete(chunk);
  }
  return state;
}

export function readChunkLines(workDir: string): ChunkLine[] {
  const name = readdirSync(workDir).find((each) => each.endsWith('.chunks.jsonl')) as string;
  const lines = readFileSync(join(workDir, name), 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as ChunkLine);
}

/** The keys of a chunk, with their databases. */
export function keysOf(rdb: string, { start, end, db }: ChunkLine): { db: number; key: Buffer }[] {
  const file = readFileSync(rdb);
  const version = Number(file.subarray(5, 9).toString('latin1'));
  const dialect = file.subarray(0, 5).toString('latin1') === 'REDIS' ? 'redis' : 'valkey';
  const bytes = file.subarray(start, end);
  const scanner = new RdbScanner({
    from: {
      dialect: dialectOf(dialect, version).name,
      version,
      offset: start,
      db,
      crc: undefined,
      templates: new Map(),
    },
    crc: false,
  });
  scanner.feed(bytes);
  const keys: { db: number; key: Buffer }[] = [];
  for (let event = scanner.next(); event !== ScanEvent.MORE; event = scanner.next()) {
    if (event === ScanEvent.KEY) keys.push({ db: scanner.db, key: readString(bytes, scanner.keyStart - start).value });
  }
  return keys;
}
