// The last step of a backup: the manifest, a look whether all of it is there, and what comes after a good one.
import { PutObjectTaggingCommand } from '@aws-sdk/client-s3';
import { InputError, KeyferryError, SourceError } from '../../../errors.ts';
import { showEndpoint } from '../../../redis/endpoint.ts';
import { Shards, showSlots, slotsMoved } from '../../../sources/replica/shards.ts';
import { asAwsFailure } from '../../../storage/s3/aws-failure.ts';
import { patiently } from '../../../storage/s3/patience.ts';
import { isoTime, manifestOf, wayOf } from '../../dump/copy-shard.ts';
import { type BackupManifest, MANIFEST_FILE, manifestText } from '../../dump/manifest.ts';
import { openBackup } from '../../verify/backup-files.ts';
import { checkEnds } from '../../verify/check-bytes.ts';
import { asEnd, type End } from '../conclude.ts';
import { type Failure, notedFailure } from '../failure.ts';
import { keepLease } from '../job.ts';
import { removeOthers } from '../remove-others.ts';
import { targetUrl } from '../run-options.ts';
import { readText, writeText } from '../work.ts';
import {
  type BackupContext,
  type BackupPlan,
  type BackupRun,
  type DumpedShard,
  jobOf,
  leaveRun,
  readPlan,
  readRefusal,
  readShard,
  reportKey,
  setFolder,
  waits,
} from './run.ts';
import { isWhole, listSets, pruneSets } from './sets.ts';

/** What metrics tell of a backup. */
export interface BackupFigures {
  readonly keys: number;
  readonly bytes: number;
  /** Against the one before it, in percent; `undefined` for the first. */
  readonly sizeChange: number | undefined;
}

export type FinishedBackup =
  | { readonly end: End; readonly figures: BackupFigures }
  /** Of a shard, as its function noted it. */
  | { readonly failure: Failure }
  /** The run has to begin again, as a scan; nothing of its shards is left. */
  | { readonly again: true };

/** @param version of keyferry, for the manifest */
export async function finishBackup(context: BackupContext, run: BackupRun, version: string): Promise<FinishedBackup> {
  const { cloud } = context;
  const plan = await readPlan(cloud, run);
  await keepLease(cloud, plan.lease);
  const noted = await notedFailure(cloud, jobOf(run));
  if (noted !== undefined) return { failure: noted };
  if (!plan.scan && (await readRefusal(cloud, run)) !== undefined) {
    await removeOthers(cloud, setFolder(run), new Set());
    return { again: true };
  }
  const manifest = (await sealed(context, run)) ?? (await seal(context, run, plan, version));
  await verify(context, run);
  const { figures, remarks, removed } = await settle(context, run, manifest);
  const folder = `s3://${cloud.bucket}/${setFolder(run)}`;
  const { keys, bytes, shards, via, pointInTime, warnings } = manifest;
  const summary = `${keys} keys in ${bytes} bytes, ${shards.length === 1 ? 'one file' : `${shards.length} files`}, by ${via.toUpperCase()}.`;
  const report = {
    source: run.source,
    execution: run.owner,
    state: 'succeeded',
    manifest: `${folder}${MANIFEST_FILE}`,
  };
  const more = { keys, bytes, via, pointInTime, sizeChange: figures.sizeChange ?? null, warnings, remarks, removed };
  await writeText(cloud, reportKey(run), `${JSON.stringify({ ...report, ...more }, null, 2)}\n`);
  await leaveRun(cloud, run);
  const lines = [
    summary,
    ...remarks,
    ...warnings,
    `Manifest: ${folder}${MANIFEST_FILE}`,
    `To restore it: aws s3 cp ${folder}${MANIFEST_FILE} s3://${cloud.bucket}/restore/TARGET/${run.source}.json`,
    `Report: s3://${cloud.bucket}/${reportKey(run)}`,
    `Execution: ${run.owner}`,
  ];
  const told = remarks.length === 0 ? 'succeeded' : 'succeeded, with remarks';
  return { end: asEnd(`backup of ${run.source}`, told, lines, undefined), figures };
}

/** A manifest that an earlier call of this step wrote, whose answer was lost. */
async function sealed({ cloud }: BackupContext, run: BackupRun): Promise<BackupManifest | undefined> {
  const key = `${setFolder(run)}${MANIFEST_FILE}`;
  if ((await readText(cloud, key)) === undefined) return undefined;
  return (await openBackup(`s3://${cloud.bucket}/${key}`, cloud.s3)).manifest;
}

async function seal(
  context: BackupContext,
  run: BackupRun,
  plan: BackupPlan,
  version: string,
): Promise<BackupManifest> {
  const { cloud, source } = context;
  const shards: DumpedShard[] = [];
  for (const [index, { host, port }] of plan.shards.entries()) {
    const shard = await readShard(cloud, run, plan, index);
    if (shard === undefined) {
      throw new SourceError('SHARD_MISSING', 'this shard was left by its function.', {
        where: `${host}:${port}`,
        remedy: 'Its log says why. Start the machine again: it makes another backup.',
      });
    }
    shards.push(shard);
  }
  const url = targetUrl(source, await context.login());
  if (plan.kind === 'cluster' && shards.length > 1) await refuseMoved(context, plan);
  const manifest = manifestOf(
    shards.map(({ entry }) => entry),
    {
      keyferry: version,
      source: showEndpoint(url),
      location: `s3://${cloud.bucket}/${setFolder(run)}`,
      kind: plan.kind,
      via: wayOf(shards.map(({ via }) => via)),
      startedAt: new Date(run.since).toISOString(),
      endedAt: isoTime(cloud.clock),
      warnings: [...new Set([...plan.warnings, ...shards.flatMap(({ warnings }) => warnings)])],
    },
  );
  await writeText(cloud, `${setFolder(run)}${MANIFEST_FILE}`, manifestText(manifest));
  return manifest;
}

/** Keys of a slot that has moved meanwhile are in two shards, or in none. */
async function refuseMoved(context: BackupContext, plan: BackupPlan): Promise<void> {
  const { source, deadline } = context;
  const url = targetUrl(source, await context.login());
  const now = await Shards.find({ source: url, ...waits(context), signal: deadline.signal });
  now.end();
  const served = new Set(now.list.map(({ slots = [] }) => showSlots(slots)));
  const moved = plan.shards.filter(({ slots }) => !served.has(showSlots(slots ?? [])));
  if (moved.length === 0) return;
  const what = moved.map(({ host, port, slots }) => `${host}:${port} had ${showSlots(slots ?? [])}`);
  throw slotsMoved(showEndpoint(url), `slots have changed their master meanwhile: ${what.join('; ')}.`);
}

/** All files there, of their size, with their ends. What is not: no manifest, no backup. */
async function verify({ cloud }: BackupContext, run: BackupRun): Promise<void> {
  const backup = await openBackup(`s3://${cloud.bucket}/${setFolder(run)}${MANIFEST_FILE}`, cloud.s3);
  for (const shard of backup.manifest.shards) {
    const file = await backup.open(shard.file);
    try {
      await checkEnds(file, shard);
    } catch (error) {
      if (error instanceof InputError && error.code.startsWith('BACKUP_'))
        await removeOthers(cloud, setFolder(run), new Set());
      throw error;
    } finally {
      await file.close();
    }
  }
}

/** What comes after a backup that is good by now: nothing here makes it a bad one. */
async function settle(context: BackupContext, run: BackupRun, manifest: BackupManifest) {
  const { cloud, source } = context;
  const remarks: string[] = [];
  const tried = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      const { message } = error instanceof KeyferryError ? error : asAwsFailure(error);
      remarks.push(`${what}: ${message}`);
      return undefined;
    }
  };
  const before = await tried('It was not compared with the one before it', () => bytesBefore(context, run));
  const sizeChange =
    before === undefined ? undefined : Math.round((100 * (manifest.bytes - before)) / Math.max(1, before));
  if (sizeChange !== undefined && Math.abs(sizeChange) > source.sizeChange) {
    const change = `${sizeChange < 0 ? '' : '+'}${sizeChange} %`;
    remarks.push(`Its size has changed by ${change} against the one before it (${before} bytes): is that meant to be?`);
  }
  await tried('Its objects were not tagged', () => tagSet(context, run, manifest));
  const removed = (await tried('Old backups were not removed', () => pruneSets(cloud, source))) ?? [];
  return { figures: { keys: manifest.keys, bytes: manifest.bytes, sizeChange }, remarks, removed };
}

/** Of the newest whole set before this run's. */
async function bytesBefore({ cloud }: BackupContext, run: BackupRun): Promise<number | undefined> {
  for (const { folder, open } of await listSets(cloud, run.source)) {
    if (folder >= setFolder(run)) continue;
    const set = await open();
    if (isWhole(set)) return set.manifest.bytes;
  }
  return undefined;
}

async function tagSet(
  { cloud: { s3, bucket } }: BackupContext,
  run: BackupRun,
  { shards }: BackupManifest,
): Promise<void> {
  const TagSet = [
    { Key: 'keyferry', Value: 'backup' },
    { Key: 'keyferry-source', Value: run.source },
  ];
  for (const name of [...shards.map(({ file }) => file), MANIFEST_FILE]) {
    const tag = new PutObjectTaggingCommand({ Bucket: bucket, Key: `${setFolder(run)}${name}`, Tagging: { TagSet } });
    await patiently({}, () => s3.send(tag));
  }
}
