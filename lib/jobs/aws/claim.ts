// Decides whether an object that appeared is a job, and makes it one: of all that are told of it, one goes on.
import { claimJob, type JobRecord, jobIdOf, readJob } from '../../checkpoint/dynamodb/jobs.ts';
import { bequeathLease } from '../../checkpoint/dynamodb/lease.ts';
import { InputError, UsageError } from '../../errors.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import type { DecodeOptions } from './decode-options.ts';
import { asFailure, type Failure } from './failure.ts';
import { type AwsJob, type AwsMode, type Cloud, leaseName } from './job.ts';
import { parseRunOptions, type RunOptions } from './run-options.ts';
import { openWork, readText, versionOf } from './work.ts';

export interface ClaimRequest {
  /** The execution that claims. */
  readonly owner: string;
  readonly mode: AwsMode;
  readonly target: string;
  readonly bucket: string;
  readonly key: string;
  readonly version?: string | undefined;
  /** S3 told it, nobody asked for it. */
  readonly isEvent: boolean;
  /** Lets a failed job be done again, once for each token. */
  readonly retry?: string | undefined;
  readonly options?: unknown;
}

export type Claimed =
  | { readonly proceed: true; readonly job: AwsJob }
  | { readonly proceed: false; readonly why: string }
  /** It is a job now, which cannot be done: it has to be ended. */
  | { readonly proceed: false; readonly job: AwsJob; readonly failure: Failure };

/** Options of one run, put beside its file before it. */
export const SIDECAR = '.keyferry.json';

/**
 * @returns a failure `DOOR_SUFFIX` for a name that does not end like a file of this door
 * @throws {InputError} `INPUT_NOT_FOUND`, `INPUT_CHANGED` where it was asked for and is not there, or no longer as it was
 * @throws {UsageError} `DOOR_OTHER` for a key that is not below this door; `RUN_OPTIONS`
 */
export async function claim(cloud: Cloud, request: ClaimRequest): Promise<Claimed> {
  const { mode, target, bucket, key, owner, retry } = request;
  if (key.endsWith('/')) return { proceed: false, why: 'a folder, as the console makes them' };
  if (key.endsWith(SIDECAR)) return { proceed: false, why: 'options for a file: they start nothing themselves' };
  refuseOtherDoor(cloud, request);
  const source = await openWork(cloud, key);
  const missing = lost(source, request);
  if (source === undefined || missing !== undefined) {
    if (request.isEvent) return { proceed: false, why: 'it is gone, or written over: that is told by itself' };
    throw missing;
  }
  const version = versionOf(source);
  await source.close();
  const wrong = wrongEnding(request);
  const options = wrong === undefined ? await optionsOf(cloud, request) : {};
  const object = { bucket, key, version };
  const before = retry === undefined ? undefined : await readJob(cloud.table, jobIdOf(object));
  const { won, job } = await claimJob(cloud.table, {
    object,
    owner,
    retryToken: retry,
    notes: { mode, target, options: JSON.stringify(options) },
  });
  if (!won) return { proceed: false, why: `the job is ${job.state}, and belongs to ${job.owner}` };
  if (before?.state === 'failed') await inherit(cloud, request, before);
  const claimed = { id: job.id, bucket, key, version, target, mode, owner };
  if (wrong !== undefined) return { proceed: false, job: claimed, failure: asFailure(wrong) };
  return { proceed: true, job: claimed };
}

/**
 * A failed job is at its end, whoever says so: its execution did, or one that found that to be stopped. The latter could
 * not give its target's lease back, and the retry would wait for that to end.
 */
async function inherit({ table }: Cloud, { mode, target, owner }: ClaimRequest, before: JobRecord): Promise<void> {
  if (mode !== 'decode') await bequeathLease(table, { name: leaseName({ target }), owner: before.owner }, owner);
}

/** The id of the job that a request speaks of, where it says of which version. */
export const requestedJob = ({ bucket, key, version }: ClaimRequest): string | undefined =>
  version === undefined ? undefined : jobIdOf({ bucket, key, version });

function refuseOtherDoor(cloud: Cloud, { mode, target, bucket, key }: ClaimRequest): void {
  const door = mode === 'decode' ? 'decode/' : `${mode}/${target}/`;
  if (bucket === cloud.bucket && key.startsWith(door)) return;
  throw new UsageError('DOOR_OTHER', 'this object does not lie below the door of this state machine.', {
    where: objectUrl({ bucket, key }),
    remedy: `Copy it there: aws s3 cp ${objectUrl({ bucket, key })} ${objectUrl({ bucket: cloud.bucket, key: door })}`,
  });
}

/** What a file's name has to end in: who puts something else below a door has most likely mistaken the door. */
const ENDINGS: Record<AwsMode, { readonly form: RegExp; readonly words: string }> = {
  restore: {
    form: /\.(?:(?:rdb|aof)(?:\.(?:gz|zst))?|json)$/i,
    words: '.rdb or .aof, and .gz or .zst behind it; or .json for the manifest of a backup',
  },
  decode: { form: /\.(?:rdb|aof)(?:\.(?:gz|zst))?$/i, words: '.rdb or .aof, and .gz or .zst behind it' },
  load: {
    form: /\.(?:(?:jsonl|ndjson)(?:\.(?:gz|zst))?|json)$/i,
    words: '.jsonl or .ndjson, and .gz or .zst behind it; or .json for the manifest of a decode',
  },
};

/** What is wrong with the name of a file below a door; `undefined` where nothing is. */
export function wrongEnding({
  mode,
  bucket,
  key,
}: Pick<ClaimRequest, 'mode' | 'bucket' | 'key'>): InputError | undefined {
  const { form, words } = ENDINGS[mode];
  if (form.test(key)) return undefined;
  return new InputError('DOOR_SUFFIX', `the name does not end like that of a file to ${mode}.`, {
    where: objectUrl({ bucket, key }),
    remedy: `Files here end in ${words}. Is this the right door? If so, copy the file to a name with its right ending.`,
  });
}

function lost(source: ByteSource | undefined, { bucket, key, version }: ClaimRequest): InputError | undefined {
  const where = objectUrl({ bucket, key });
  if (source === undefined) {
    const remedy = 'Check bucket and key; a deleted version has to be copied to its place again.';
    return new InputError('INPUT_NOT_FOUND', 'there is no such object.', { where, remedy });
  }
  if (version === undefined || version === versionOf(source)) return undefined;
  return new InputError('INPUT_CHANGED', 'the object is no longer the version that was asked for.', {
    where,
    remedy: 'What was written over it is a job of its own. To have the older version, copy it under another name.',
  });
}

/** The request's own options count more than those of the sidecar. */
async function optionsOf(cloud: Cloud, { mode, key, options }: ClaimRequest): Promise<RunOptions | DecodeOptions> {
  const name = `${key}${SIDECAR}`;
  const text = await readText(cloud, name);
  const where = objectUrl({ bucket: cloud.bucket, key: name });
  const beside = text === undefined ? {} : parseRunOptions(mode, parseJson(text, where), where);
  return { ...beside, ...(options === undefined ? {} : parseRunOptions(mode, options, 'the execution’s input')) };
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError('RUN_OPTIONS', `these options are no JSON: ${(cause as Error).message}.`, { where, cause });
  }
}
