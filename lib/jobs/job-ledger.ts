// Which job a restore is, and where its ledger stands: two runs with the same words about the same data are one job.
import { basename, resolve } from 'node:path';
import { crc64 } from '../bytes/crc64.ts';
import { openFileLedger } from '../checkpoint/file-ledger.ts';
import type { CheckpointStore, JobDescription } from '../checkpoint/store.ts';
import { showEndpoint } from '../redis/endpoint.ts';
import { type RdbInput, STDIN, workPath } from '../sources/rdb/input.ts';
import { DEFAULT_CHUNK_BYTES } from '../sources/rdb/plan.ts';
import { KEEP_EXPIRY } from '../targets/redis/policy.ts';
import type { RestoreOptions } from './restore.ts';
import type { RestoreTerms } from './restore-session.ts';

/** Tells jobs of other files or another target apart. */
export function jobId({ files, target }: RestoreOptions): string {
  const names = files.map((file) => (file === STDIN ? file : resolve(file)));
  const server = showEndpoint({ ...target, username: undefined });
  return hex(crc64(Buffer.from(JSON.stringify([server, ...names]))));
}

/** Opens the ledger beside the first file. Its name tells jobs of other files or another server apart. */
export function openJobLedger(options: RestoreOptions, inputs: readonly RdbInput[]): Promise<CheckpointStore> {
  const { files, workDir, fresh = false } = options;
  const id = jobId(options);
  const path = `${workPath(files[0] as string, workDir)}.${id}.ledger.jsonl`;
  return openFileLedger({ path, lockName: id, job: describeJob(options, inputs), fresh });
}

/** Everything that, were it another, would make a run another job. */
export function describeJob(terms: RestoreTerms, inputs: readonly Pick<RdbInput, 'name' | 'plan'>[]): JobDescription {
  const { target, filter, dbMap, onConflict = 'panic', expiry = KEEP_EXPIRY } = terms;
  const content = inputs.map(({ name, plan }) => `${basename(name)} (${plan.bytes} bytes, CRC ${hex(plan.crc)})`);
  return {
    // Who logs in does not matter.
    target: showEndpoint({ ...target, username: undefined }),
    files: content.join(', '),
    'chunk-bytes': String(terms.chunkBytes ?? DEFAULT_CHUNK_BYTES),
    'on-conflict': onConflict,
    expiry: expiry.drop ? 'dropped' : `shifted by ${expiry.shiftMs} ms`,
    'only-db': filter?.dbs?.join(',') ?? 'all',
    type: filter?.kinds?.join(',') ?? 'all',
    match: filter?.match === undefined ? 'all' : JSON.stringify(filter.match),
    'db-map': dbMap === undefined ? 'none' : [...dbMap].map(([from, to]) => `${from}:${to}`).join(','),
    'merge-dbs': terms.mergeDbs ? 'yes' : 'no',
    'url-db': target.db === undefined ? 'none' : String(target.db),
  };
}

const hex = (value: bigint): string => value.toString(16).padStart(16, '0');
