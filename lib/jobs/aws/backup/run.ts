// One run of a scheduled backup: what its steps know of it, and where they leave what the next one needs.
import { type Lease, leaveLease } from '../../../checkpoint/dynamodb/lease.ts';
import { StoreError } from '../../../checkpoint/dynamodb/store-error.ts';
import type { SourceSettings } from '../../../config/resolve.ts';
import type { Shards, SlotRange } from '../../../sources/replica/shards.ts';
import type { BackupShard } from '../../dump/manifest.ts';
import type { DumpWay } from '../../dump/shard-source.ts';
import { DEFAULT_PATIENCE_MS, DEFAULT_REPLY_TIMEOUT_MS } from '../../restore-session.ts';
import type { Cloud, Deadline } from '../job.ts';
import type { Login } from '../run-options.ts';
import { readText, writeText } from '../work.ts';

/** The source of a function, with its name. */
export type NamedSource = Omit<SourceSettings, 'network'> & { readonly name: string };

/** A run, as each step is told of it. */
export interface BackupRun {
  readonly source: string;
  /** The execution. */
  readonly owner: string;
  /** When it began, ISO 8601. */
  readonly since: string;
}

/** What one call of a scan may do, where that is less than its time allows: tests have many small calls. */
export interface ScanLimits {
  /** Keys that a call writes before it hands over to the next one. */
  readonly callKeys?: number | undefined;
  /** Names that one SCAN asks for. */
  readonly pageKeys?: number | undefined;
  /** Memory for fingerprints of keys; beyond, they go to files. */
  readonly memoryBytes?: number | undefined;
}

export interface BackupContext {
  readonly cloud: Cloud;
  readonly source: NamedSource;
  /** Reads the secrets. */
  readonly login: () => Promise<Login>;
  readonly deadline: Deadline;
  readonly limits?: ScanLimits | undefined;
}

/** A shard to dump, without secrets. */
export interface PlannedShard {
  readonly host: string;
  readonly port: number;
  readonly role: 'master' | 'replica';
  readonly slots: readonly SlotRange[] | null;
}

/** What the first step found out. */
export interface BackupPlan {
  readonly owner: string;
  readonly lease: Lease;
  readonly kind: Shards['kind'];
  readonly shards: readonly PlannedShard[];
  /** All nodes are scanned at once, into one file: that is the only shard then. */
  readonly scan: boolean;
  readonly warnings: readonly string[];
}

/** A shard that lies in the bucket. */
export interface DumpedShard {
  readonly owner: string;
  readonly via: DumpWay;
  readonly warnings: readonly string[];
  readonly entry: BackupShard;
}

/** `20261123T204200Z`: in the order of time. */
const stampOf = ({ since }: BackupRun): string =>
  new Date(since).toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '');

/** The folder of a run's set, with a slash at its end. */
export const setFolder = (run: BackupRun): string => `${sourceFolder(run.source)}${stampOf(run)}/`;
export const sourceFolder = (source: string): string => `backups/${source}/`;
export const reportKey = (run: BackupRun): string => `results/dump/${run.source}/${stampOf(run)}.json`;
/** The folder of a run's work, with a slash at its end. */
export const workFolder = (run: BackupRun): string => `work/dump/${run.source}/${stampOf(run)}/`;
export const workKey = (run: BackupRun, name: string): string => `${workFolder(run)}${name}`;

/** One run at a time for each source. */
export const leaseName = ({ source }: BackupRun): string => `source/${source}`;

/** For the notes of failures, which are kept by a job's id. */
export const jobOf = (run: BackupRun) => ({ id: `dump/${run.source}/${stampOf(run)}`, owner: run.owner });

const PLAN = 'run.json';
const shardFile = (index: number): string => `shard-${index}.json`;

export const writePlan = (cloud: Cloud, run: BackupRun, plan: BackupPlan): Promise<void> =>
  writeText(cloud, workKey(run, PLAN), JSON.stringify(plan));

/** @throws {StoreError} `JOB_NOT_OWNED` where the plan is not this execution's */
export async function readPlan(cloud: Cloud, run: BackupRun): Promise<BackupPlan> {
  const plan = await read<BackupPlan>(cloud, run, PLAN);
  if (plan !== undefined) return plan;
  throw notOwned(run, PLAN);
}

export const notOwned = (run: BackupRun, name: string): StoreError =>
  new StoreError('JOB_NOT_OWNED', 'this run has not begun, or another one has taken its place.', {
    where: workKey(run, name),
    remedy: 'Look at the other executions of this source: this one has stopped.',
  });

export const writeShard = (cloud: Cloud, run: BackupRun, index: number, shard: DumpedShard): Promise<void> =>
  writeText(cloud, workKey(run, shardFile(index)), JSON.stringify(shard));

/** Of the run as it is planned now: what shards of their own have left before it became a scan counts no more. */
export async function readShard(
  cloud: Cloud,
  run: BackupRun,
  { scan }: Pick<BackupPlan, 'scan'>,
  index: number,
): Promise<DumpedShard | undefined> {
  const shard = await read<DumpedShard>(cloud, run, shardFile(index));
  return scan && shard?.via !== 'scan' ? undefined : shard;
}

/** One of several shards may be had neither by PSYNC nor by SYNC: the whole source has to be scanned. */
export interface Refusal {
  readonly owner: string;
  /** For the manifest's warnings. */
  readonly why: string;
}

const REFUSED = 'refused.json';

export const writeRefusal = (cloud: Cloud, run: BackupRun, why: string): Promise<void> =>
  writeText(cloud, workKey(run, REFUSED), JSON.stringify({ owner: run.owner, why } satisfies Refusal));

export const readRefusal = (cloud: Cloud, run: BackupRun): Promise<Refusal | undefined> =>
  read<Refusal>(cloud, run, REFUSED);

export const leaveRun = ({ table }: Cloud, run: BackupRun): Promise<void> =>
  leaveLease(table, { name: leaseName(run), owner: run.owner });

/** Trouble is told, and tried again by the state machine, before the call is cut off. */
export const waits = ({ cloud: { clock }, deadline }: Pick<BackupContext, 'cloud' | 'deadline'>) => ({
  clock,
  patienceMs: Math.min(DEFAULT_PATIENCE_MS, (deadline.hardEnd - clock.now()) / 2),
  replyTimeoutMs: DEFAULT_REPLY_TIMEOUT_MS,
});

/** What another execution has left there counts as none. */
async function read<T extends { readonly owner: string }>(cloud: Cloud, run: BackupRun, name: string) {
  const text = await readText(cloud, workKey(run, name));
  if (text === undefined) return undefined;
  const parsed = JSON.parse(text) as T;
  return parsed.owner === run.owner ? parsed : undefined;
}
