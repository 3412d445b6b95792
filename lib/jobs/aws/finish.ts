// The end of a restore on AWS: are all keys there and accounted for, and have the servers kept what they confirmed?
import { jobKey } from '../../checkpoint/dynamodb/jobs.ts';
import type { Lease } from '../../checkpoint/dynamodb/lease.ts';
import { openTableLedger } from '../../checkpoint/dynamodb/ledger.ts';
import { numberOf } from '../../checkpoint/dynamodb/table.ts';
import { KeyferryError, quoteKey, TargetError } from '../../errors.ts';
import type { Plan } from '../../sources/rdb/plan.ts';
import { addTally, newTally, type Tally, tallied } from '../../targets/redis/tally.ts';
import { formatCount } from '../../text/count.ts';
import { MOST_ROUNDS, restartsTooOften } from '../rounds.ts';
import { readBuild } from './build.ts';
import { conclude, type End } from './conclude.ts';
import { asFailure, type Failure, isPassing, notedFailure } from './failure.ts';
import { type AwsJob, type Cloud, chunkLeft, keepLease, ownRecord } from './job.ts';
import { readRefused } from './refused.ts';
import {
  type OpenedRestore,
  openRestore,
  type Prepared,
  type RestoreContext,
  readPrepared,
  unitName,
} from './restore-steps.ts';

/** Refused keys that a report names. */
const MOST_NAMED = 1000;

/** @throws what another try may not meet; all else is in the {@link End} */
export async function finishRestore(context: RestoreContext, job: AwsJob, lease: Lease): Promise<End> {
  const { cloud } = context;
  try {
    const failure = await notedFailure(cloud, job);
    if (failure !== undefined) return await failed(cloud, job, failure);
    await keepLease(cloud, lease);
    const opened = await openRestore(context, job);
    try {
      const tally = await sumUp(context, job, lease, opened);
      return tally === undefined ? await goAgain(cloud, job) : await succeeded(context, job, opened, tally);
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof KeyferryError) || isPassing(error)) throw error;
    return failed(cloud, job, asFailure(error));
  }
}

/** Ends a job that has failed. */
export async function failed(cloud: Cloud, job: AwsJob, failure: Failure): Promise<End> {
  const { code, message, where, remedy } = failure;
  const at = where === '' ? code : `${code} at ${where}`;
  const summary = `The ${job.mode} ${job.target === '' ? '' : `into ${job.target} `}failed. ${at}: ${message} ${remedy}`;
  return conclude(cloud, job, { failure, summary: summary.trim(), report: {} });
}

/** What became of all keys; `undefined` where a server may have lost some since. */
async function sumUp(
  { cloud }: RestoreContext,
  job: AwsJob,
  lease: Lease,
  { input, session, ledgerOf }: OpenedRestore,
): Promise<Tally | undefined> {
  const ledger = await openTableLedger(cloud.table, { id: job.id, job: ledgerOf, fresh: false, lease });
  const witness = await session.openWitness();
  const sum = newTally();
  for (const chunk of input.chunks) {
    const state = ledger.units.get(unitName(chunk));
    if (state?.state === 'done') {
      const { server, ...counts } = state.result;
      if (!witness.holds(server)) return undefined;
      addTally(sum, { ...counts, failed: [] });
      continue;
    }
    const refused = await readRefused(cloud, job, chunk);
    if (refused === undefined) throw chunkLeft(job, chunk.n);
    addTally(sum, refused);
  }
  if (tallied(sum) !== input.plan.keys) {
    throw new Error(`${input.plan.keys} keys were planned, ${tallied(sum)} are accounted for`);
  }
  return sum;
}

async function succeeded(
  { cloud, target }: RestoreContext,
  job: AwsJob,
  { input, session }: OpenedRestore,
  keys: Tally,
): Promise<End> {
  const { createdAt } = await ownRecord(cloud, job);
  const prepared = await readPrepared(cloud, job);
  const read = job.mode === 'load' ? await readLines(cloud, job) : undefined;
  const { plan } = input;
  const failure = refusal(keys, prepared, session.fleet.name);
  const seconds = Math.round((cloud.clock.now() - createdAt) / 100) / 10;
  const tail = plan.tail === undefined ? '' : ` ${describeTail(plan.tail)}`;
  const counts = `${formatCount(keys.written + keys.already)} of ${formatCount(plan.keys)} keys are in ${target.name}`;
  return conclude(cloud, job, {
    failure,
    summary: `${counts}; ${leftOut(keys)}. It took ${seconds} s.${tail}`,
    told: failure === undefined && tail !== '' ? 'succeeded in part' : undefined,
    report: {
      target: { name: target.name, endpoint: session.fleet.name, server: prepared.server },
      outcome: failure !== undefined || tail !== '' ? 'partial' : 'complete',
      rdb: `${plan.dialect} ${plan.version}`,
      ...(read === undefined ? {} : { read: read.counts }),
      planned: { keys: plan.keys, bytes: plan.bytes, chunks: plan.chunks },
      keys: { ...keys, failed: keys.failed.length },
      refused: keys.failed.slice(0, MOST_NAMED).map(({ db, key, type, reason }) => ({
        db,
        ...(cloud.redactKeys ? {} : { key: quoteKey(key) }),
        type,
        reason,
      })),
      functions: prepared.functions,
      tail: plan.tail ?? null,
      warnings: [...(read?.warnings ?? []), ...prepared.warnings],
      seconds,
    },
  });
}

/** A tail is told, and is no failure: no retry could apply it, and all of the RDB is there. */
function describeTail({ kind, bytes }: NonNullable<Plan['tail']>): string {
  const more = `The file goes on behind its RDB: ${formatCount(bytes)} bytes`;
  if (kind === 'unknown') return `${more} that are not RDB were not applied. Look at what wrote it.`;
  return `${more} of append-only commands were not applied, and what they changed is missing. For all of it, load the file into a redis-server of its own, SAVE there, and restore that RDB.`;
}

/** What a load has read. */
async function readLines(cloud: Cloud, job: AwsJob) {
  const { lines, keys, files, warnings = [] } = (await readBuild(cloud, job)) ?? {};
  return { counts: { lines, keys, files }, warnings };
}

function leftOut({ already, skipped, expired, filtered, failed: refused }: Tally): string {
  const parts = Object.entries({ already, skipped, expired, filtered, refused: refused.length });
  return parts.map(([what, count]) => `${what} ${formatCount(count)}`).join(', ');
}

/** Keys or libraries that the target refused make it a failed job, which a retry takes up. */
function refusal({ failed: keys }: Tally, { functions }: Prepared, where: string): Failure | undefined {
  const [key] = keys;
  const [library] = functions.failed;
  if (key === undefined && library === undefined) return undefined;
  const reason = key?.reason ?? `${library?.library}: ${library?.reason}`;
  const message = `the target refused keys (${formatCount(keys.length)}) or function libraries (${functions.failed.length}); all else is there. The first reason: ${reason}`;
  const error = new TargetError('TARGET_REJECTS', message, { where, remedy: 'The report names them.' });
  return asFailure(error);
}

/** A process that confirmed writes is gone, and with it perhaps what it had not saved, or handed on. */
async function goAgain({ table }: Cloud, job: AwsJob): Promise<End> {
  const written = await table.write({
    key: { pk: jobKey(job.id).pk, sk: `rounds#${job.owner}` },
    update: 'ADD #rounds :one SET #expires = :expires',
    names: { '#rounds': 'rounds', '#expires': 'expires' },
    values: { ':one': 1, ':expires': table.expires },
  });
  const rounds = written.done ? numberOf(written.item, 'rounds') : 0;
  if (rounds < MOST_ROUNDS) return { ok: true, again: true, subject: '', text: '', error: '', cause: '' };
  throw restartsTooOften(job.target, ', then retry the job: it goes on from here.');
}
