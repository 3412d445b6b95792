// A ledger in a file: one JSON line for each step, appended and synced, so that a crash costs at most its last line.
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { LocalError } from '../errors.ts';
import { localError } from '../storage/work-files.ts';
import { type Lock, takeLock } from './lock.ts';
import type { CheckpointStore, JobDescription, UnitResult, UnitState } from './store.ts';

const LEDGER_FORMAT = 1;

type Line = { unit: string; state: 'started' } | ({ unit: string; state: 'done' } & UnitResult);

export interface FileLedgerOptions {
  path: string;
  /** Names the job's lock: equal for runs of the same job. */
  lockName: string;
  job: JobDescription;
  /** Forgets what earlier runs left. */
  fresh: boolean;
}

/**
 * Opens a job's ledger, or begins one.
 *
 * @throws {LocalError} `JOB_RUNNING`, `LEDGER_OTHER_JOB` when the file tells of a job with another description,
 * `LEDGER_DAMAGED`, or what a failed write means
 */
export async function openFileLedger(options: FileLedgerOptions): Promise<CheckpointStore> {
  const lock = await takeLock(options.lockName);
  let handle: FileHandle | undefined;
  try {
    const earlier = options.fresh ? undefined : await readLedger(options);
    try {
      handle = await open(options.path, earlier === undefined ? 'w' : 'r+', 0o600);
      if (earlier !== undefined) await handle.truncate(earlier.bytes);
    } catch (error) {
      throw localError(options.path, error);
    }
    const ledger = new FileLedger(options.path, handle, lock, earlier);
    if (earlier === undefined) await ledger.append({ format: LEDGER_FORMAT, job: options.job });
    return ledger;
  } catch (error) {
    await handle?.close();
    await lock.release();
    throw error;
  }
}

interface Earlier {
  units: Map<string, UnitState>;
  /** Bytes up to the end of the last whole line. */
  bytes: number;
}

async function readLedger({ path, job }: FileLedgerOptions): Promise<Earlier | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw localError(path, error);
  }
  // What follows the last line end is a write that was cut off: it never was confirmed, so it never happened.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const [head, ...lines] = whole.split('\n').slice(0, -1);
  // A job of which nothing was begun is none: its successor may be another one.
  if (head === undefined || lines.length === 0) return undefined;
  const header = parse<{ format: number; job: JobDescription }>(path, head);
  if (header.format !== LEDGER_FORMAT) throw damaged(path, `format ${header.format} is not known`);
  compareJobs(path, header.job, job);
  const units = new Map<string, UnitState>();
  for (const line of lines) {
    const { unit, ...rest } = parse<Line>(path, line);
    if (rest.state === 'started') {
      units.set(unit, { state: 'started' });
    } else {
      const { state, ...result } = rest;
      units.set(unit, { state, result });
    }
  }
  return { units, bytes: Buffer.byteLength(whole) };
}

function parse<T>(path: string, line: string): T {
  try {
    return JSON.parse(line) as T;
  } catch (cause) {
    throw damaged(path, 'a line of it is no JSON', cause);
  }
}

function damaged(path: string, why: string, cause?: unknown): LocalError {
  return new LocalError('LEDGER_DAMAGED', `the ledger cannot be trusted: ${why}.`, {
    where: path,
    remedy: 'Begin anew with --fresh; with --on-conflict rewrite or skip that is safe on what was written already.',
    cause,
  });
}

function compareJobs(path: string, before: JobDescription, now: JobDescription): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (name) => before[name] !== now[name],
  );
  if (names.length === 0) return;
  const differences = names.map((name) => `${name} was ${before[name] ?? 'not set'}, now ${now[name] ?? 'not set'}`);
  throw new LocalError(
    'LEDGER_OTHER_JOB',
    `an unfinished job stands here that is not this one: ${differences.join('; ')}.`,
    {
      where: path,
      remedy: 'Finish it with its own options, or begin anew with --fresh.',
    },
  );
}

class FileLedger implements CheckpointStore {
  readonly units: Map<string, UnitState>;
  readonly resumed: boolean;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #lock: Lock;
  #position: number;
  #lines = '';
  #flushing: Promise<void> | undefined;

  constructor(path: string, handle: FileHandle, lock: Lock, earlier: Earlier | undefined) {
    this.#path = path;
    this.#handle = handle;
    this.#lock = lock;
    this.#position = earlier?.bytes ?? 0;
    this.units = earlier?.units ?? new Map();
    this.resumed = earlier !== undefined;
  }

  async started(unit: string): Promise<void> {
    await this.append({ unit, state: 'started' } satisfies Line);
    this.units.set(unit, { state: 'started' });
  }

  async done(unit: string, result: UnitResult): Promise<void> {
    await this.append({ unit, state: 'done', ...result } satisfies Line);
    this.units.set(unit, { state: 'done', result });
  }

  /** Appends one line; resolves when it is on disk. Lines that come while a write is under way go together. */
  append(line: object): Promise<void> {
    this.#lines += `${JSON.stringify(line)}\n`;
    const flushing = (this.#flushing ?? Promise.resolve()).then(() => this.#flush());
    this.#flushing = flushing;
    return flushing;
  }

  async finish(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
    await this.#lock.release();
  }

  async close(): Promise<void> {
    await this.#flushing?.catch(() => undefined); // its caller has been told
    await this.#handle.close();
    await this.#lock.release();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#lines);
    this.#lines = '';
    if (bytes.length === 0) return;
    try {
      let written = 0;
      while (written < bytes.length) {
        const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, this.#position);
        written += bytesWritten;
        this.#position += bytesWritten;
      }
      await this.#handle.datasync();
    } catch (error) {
      throw localError(this.#path, error);
    }
  }
}
