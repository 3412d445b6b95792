// What a call of a scan leaves for the next one: an object, to which the state machine hands on a pointer.
import { randomBytes } from 'node:crypto';
import type { SavedOutput } from '../../../storage/s3/s3-output.ts';
import type { PausedFile } from '../../dump/proven-file.ts';
import type { SavedScanDump } from '../../scan-dump.ts';
import type { Cloud } from '../job.ts';
import { fromJson, toJson } from '../json.ts';
import { readText, writeText } from '../work.ts';
import type { SavedLog } from './logged-keys.ts';
import { type BackupRun, type DumpedShard, notOwned, workKey } from './run.ts';

/** A scan between two calls. */
export interface SavedScan {
  readonly owner: string;
  /** Of what the state consists: another release of keyferry may see it otherwise. */
  readonly form: typeof FORM;
  /** Calls that led here. */
  readonly calls: number;
  readonly startedAt: string;
  readonly warnings: readonly string[];
  readonly dump: SavedScanDump;
  readonly file: PausedFile;
  /** The running SHA-256 of the RDB, and of what is stored. */
  readonly hashes: { readonly plain: Buffer; readonly stored: Buffer };
  readonly output: SavedOutput;
  /** Which keys were written, and what their fingerprints were made with. */
  readonly seed: Buffer;
  readonly logs: readonly SavedLog[];
}

/** A scan that is at its end: only its object has no name yet. */
export interface EndedScan extends DumpedShard {
  readonly output: SavedOutput;
}

export const FORM = 1;

/**
 * A name for what a call leaves, below the folder of the run's work. No two calls have the same, nor two tries of one: what
 * a try writes whose answer was lost is never read.
 */
export const newName = (index: number, calls: number, what: 'state' | 'keys'): string =>
  `shard-${index}/${what}-${calls}-${randomBytes(4).toString('hex')}`;

/** @returns the pointer to it */
export async function writeState(cloud: Cloud, run: BackupRun, index: number, saved: SavedScan): Promise<string> {
  const name = newName(index, saved.calls, 'state');
  await writeText(cloud, workKey(run, name), toJson(saved));
  return name;
}

/** @throws {StoreError} `JOB_NOT_OWNED` where it is not this execution's */
export async function readState(cloud: Cloud, run: BackupRun, name: string): Promise<SavedScan> {
  const saved = await read<SavedScan>(cloud, run, name);
  if (saved?.form !== FORM) throw notOwned(run, name);
  return saved;
}

const endedName = (index: number): string => `shard-${index}/ended`;

export const writeEnded = (cloud: Cloud, run: BackupRun, index: number, ended: EndedScan): Promise<void> =>
  writeText(cloud, workKey(run, endedName(index)), toJson(ended));

export const readEnded = (cloud: Cloud, run: BackupRun, index: number): Promise<EndedScan | undefined> =>
  read<EndedScan>(cloud, run, endedName(index));

async function read<T extends { readonly owner: string }>(cloud: Cloud, run: BackupRun, name: string) {
  const text = await readText(cloud, workKey(run, name));
  if (text === undefined) return undefined;
  const saved = fromJson<T>(text);
  return saved.owner === run.owner ? saved : undefined;
}
