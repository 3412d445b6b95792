// Restores one chunk of a job: an item of the map. Safe to run again, also at the same time: the ledger says what is done.
import { jobKey } from '../../checkpoint/dynamodb/jobs.ts';
import type { Lease } from '../../checkpoint/dynamodb/lease.ts';
import { openTableLedger } from '../../checkpoint/dynamodb/ledger.ts';
import { textOf } from '../../checkpoint/dynamodb/table.ts';
import { InputError, KeyferryError } from '../../errors.ts';
import type { Chunk } from '../../sources/rdb/plan.ts';
import { addTally, newTally, type Tally, tallied } from '../../targets/redis/tally.ts';
import type { ChunkWritten, Place } from '../chunk-restore.ts';
import { attemptAfter } from '../write-chunks.ts';
import { type ChunkStep, PASSED } from './chunk-step.ts';
import { asFailure, isPassing, notedFailure, noteFailure } from './failure.ts';
import { type AwsJob, type Cloud, keepLease } from './job.ts';
import { fromJson, toJson } from './json.ts';
import { writeRefused } from './refused.ts';
import { checkedOf, openRestore, type RestoreContext, readPrepared, unitName } from './restore-steps.ts';

/** Another run has the target, or the job, by now. */
const CUT_OFF = new Set(['JOB_NOT_OWNED', 'STORE_LEASE_LOST']);

/** A part of a chunk that is written, and where the rest begins. */
interface Far {
  readonly rest: Place;
  readonly tally: Tally;
  /** Who took the writes: see the target's `Written`. */
  readonly servers: string;
}

/**
 * Writes the chunk, or as much of it as there is time for. What ends the job is noted in the table, and the chunk then
 * counts as dealt with: later ones look there first.
 *
 * @throws what another try may not meet
 */
export async function restoreChunk(
  context: RestoreContext,
  job: AwsJob,
  lease: Lease,
  chunk: Chunk,
): Promise<ChunkStep> {
  const { cloud } = context;
  if ((await notedFailure(cloud, job)) !== undefined) return PASSED;
  try {
    await keepLease(cloud, lease);
    return await writeChunk(context, job, lease, chunk);
  } catch (error) {
    const { signal } = context.deadline;
    const failure = signal.aborted ? cutOff(chunk, job) : error;
    if (!(failure instanceof KeyferryError) || isPassing(failure)) throw failure;
    // A worker that was cut off says nothing of the job, which may well go on without it.
    if (CUT_OFF.has(failure.code)) return PASSED;
    await noteFailure(cloud, job, asFailure(failure));
    return { ...PASSED, failed: true };
  }
}

async function writeChunk(context: RestoreContext, job: AwsJob, lease: Lease, chunk: Chunk): Promise<ChunkStep> {
  const { cloud, deadline } = context;
  const { input, session, ledgerOf, close } = await openRestore(context, job, [chunk]);
  try {
    const unit = unitName(chunk);
    const ledger = await openTableLedger(cloud.table, {
      ...{ id: job.id, job: ledgerOf, fresh: false, lease },
      units: [unit],
    });
    const witness = await session.openWitness();
    const state = ledger.units.get(unit);
    if (state?.state === 'done' && witness.holds(state.result.server)) return PASSED;
    const checked = checkedOf(await readPrepared(cloud, job));
    const noted = await readFar(cloud, job, chunk);
    const far = noted !== undefined && witness.holds(noted.servers) ? noted : undefined;
    const attempt = attemptAfter(state);
    // What another process confirmed stays noted as that until it is written again.
    if (attempt !== 'confirmed') await ledger.started(unit);
    const target = session.openTarget(checked, witness);
    let now: ChunkWritten;
    try {
      const restore = session.chunkRestore(input, checked, deadline.outOfTime);
      now = await restore.run(chunk, target, attempt, far?.rest);
    } finally {
      target.end();
    }
    const tally = newTally();
    addTally(tally, far?.tally ?? newTally());
    addTally(tally, now.tally);
    const servers = joinServers(far?.servers ?? '', now.servers);
    if (now.rest !== undefined) {
      await writeFar(cloud, job, chunk, { rest: now.rest, tally, servers });
      return { ...PASSED, done: false, keys: tallied(now.tally) };
    }
    if (attempt === 'confirmed') await ledger.started(unit);
    if (tally.failed.length > 0) await writeRefused(cloud, job, chunk, tally);
    else {
      const { failed: _, ...counts } = tally;
      await ledger.done(unit, { server: servers, ...counts });
    }
    return { ...PASSED, keys: tallied(now.tally), bytes: chunk.end - chunk.start, ended: true };
  } finally {
    await close();
  }
}

/** Both notes in one; what only one of them has confirmed by a replica is not confirmed. */
function joinServers(one: string, other: string): string {
  const entries = [one, other].flatMap((note) => (note === '' ? [] : note.split(', ')));
  const unconfirmed = new Set(entries.filter((entry) => !entry.endsWith('+')));
  return [...new Set(entries)]
    .filter((entry) => !(entry.endsWith('+') && unconfirmed.has(entry.slice(0, -1))))
    .sort()
    .join(', ');
}

const farKey = (job: AwsJob, { n }: Chunk) => ({ pk: jobKey(job.id).pk, sk: `far#${n}` });

async function readFar({ table }: Cloud, job: AwsJob, chunk: Chunk): Promise<Far | undefined> {
  const text = textOf(await table.get(farKey(job, chunk)), 'far');
  return text === undefined ? undefined : fromJson<Far>(text);
}

async function writeFar({ table }: Cloud, job: AwsJob, chunk: Chunk, far: Far): Promise<void> {
  await table.write({
    key: farKey(job, chunk),
    update: 'SET #far = :far, #expires = :expires',
    names: { '#far': 'far', '#expires': 'expires' },
    values: { ':far': toJson(far), ':expires': table.expires },
  });
}

const cutOff = ({ n, keys, start, end }: Chunk, job: AwsJob) =>
  new InputError(
    'CHUNK_TOO_SLOW',
    `chunk ${n} (keys: ${keys}, bytes: ${end - start}) was cut off: a function has not time enough for it.`,
    {
      where: `s3://${job.bucket}/${job.key}`,
      remedy: `Restore the file from a terminal: aws s3 cp s3://${job.bucket}/${job.key} . && keyferry restore, or give functions more time (restore.timeout).`,
    },
  );
