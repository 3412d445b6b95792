// What the steps of a restore on AWS share: the job's RDB and target as one session, and what was found out of the target.
import type { JobDescription } from '../../checkpoint/store.ts';
import type { TargetSettings } from '../../config/resolve.ts';
import type { RdbInput } from '../../sources/rdb/input.ts';
import type { Chunk } from '../../sources/rdb/plan.ts';
import { parseChunk } from '../../sources/rdb/plan-files.ts';
import { Progress } from '../../telemetry/progress.ts';
import { describeJob } from '../job-ledger.ts';
import type { FunctionTally } from '../report.ts';
import { type Checked, DEFAULT_PATIENCE_MS, RestoreSession } from '../restore-session.ts';
import { type AwsJob, type Cloud, type Deadline, ownRecord } from './job.ts';
import { fromJson, toJson } from './json.ts';
import { openPlanned, type PlannedRdb } from './plan.ts';
import { type Login, type RunOptions, restoreTerms } from './run-options.ts';
import { readText, workKey, writeText } from './work.ts';

/** The target of a function, with its name. */
export type NamedTarget = Omit<TargetSettings, 'network'> & { readonly name: string };

export interface RestoreContext {
  readonly cloud: Cloud;
  readonly target: NamedTarget;
  /** Reads the secrets. */
  readonly login: () => Promise<Login>;
  readonly chunkBytes: number;
  readonly deadline: Deadline;
}

export interface OpenedRestore {
  readonly planned: PlannedRdb;
  readonly input: RdbInput;
  readonly session: RestoreSession;
  readonly ledgerOf: JobDescription;
  close(): Promise<void>;
}

/**
 * Opens RDB and target, and connects.
 *
 * @param chunks that are to be written: a worker knows only its own. Default: all of the plan's
 */
export async function openRestore(
  { cloud, target, login, chunkBytes, deadline }: RestoreContext,
  job: AwsJob,
  chunks?: readonly Chunk[],
): Promise<OpenedRestore> {
  const { notes } = await ownRecord(cloud, job);
  const options = JSON.parse(notes.options ?? '{}') as RunOptions;
  const planned = await openPlanned(cloud, job, chunkBytes, deadline);
  let session: RestoreSession | undefined;
  const close = async () => {
    session?.end();
    await planned.close();
  };
  try {
    const { plan, source } = planned;
    const workers = Math.max(1, Math.min(target.concurrency, plan.chunks));
    // Trouble is told, and tried again by the state machine, before the call is cut off.
    const patienceMs = Math.min(DEFAULT_PATIENCE_MS, (deadline.hardEnd - cloud.clock.now()) / 2);
    const terms = restoreTerms(target, options, await login(), { chunkBytes, workers, patienceMs });
    const lines = chunks === undefined ? (await planned.chunksText()).split('\n').slice(0, -1) : [];
    const input: RdbInput = {
      name: source.name,
      source,
      plan,
      chunks: chunks ?? lines.map(parseChunk),
      reused: true,
      planPath: '',
      close: () => planned.close(),
    };
    session = new RestoreSession({
      terms,
      inputs: [input],
      jobId: job.id,
      clock: cloud.clock,
      progress: new Progress(),
      signal: deadline.signal,
    });
    await session.connect();
    return { planned, input, session, ledgerOf: describeJob(terms, [{ name: job.key, plan }]), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the first look at the target found: the workers go by it, the report tells it. */
export interface Prepared {
  readonly checked: Omit<Checked, 'bulkLimit'> & { readonly bulkLimit: number | null };
  readonly server: string;
  readonly warnings: readonly string[];
  readonly functions: FunctionTally;
}

const PREPARED = 'prepared.json';

export async function writePrepared(cloud: Cloud, job: AwsJob, prepared: Prepared): Promise<void> {
  await writeText(cloud, workKey(job, PREPARED), toJson(prepared));
}

export async function readPrepared(cloud: Cloud, job: AwsJob): Promise<Prepared> {
  const text = await readText(cloud, workKey(job, PREPARED));
  if (text === undefined) throw new Error('the target was not prepared');
  return fromJson<Prepared>(text);
}

/** JSON has no infinity. */
export const checkedOf = ({ checked }: Prepared): Checked => ({
  ...checked,
  bulkLimit: checked.bulkLimit ?? Number.POSITIVE_INFINITY,
});

/** The name of a chunk in the ledger. */
export const unitName = ({ n }: Chunk): string => `0/${n}`;
