// Puts a file below a door: from this machine, or within S3. What lies there then becomes a job by itself.
import { basename, posix } from 'node:path';
import { jobIdOf } from '../../checkpoint/dynamodb/jobs.ts';
import { InputError, UsageError } from '../../errors.ts';
import { type ByteSource, samePin } from '../../storage/byte-source.ts';
import { inputChanged, openFile } from '../../storage/file-source.ts';
import { type ObjectLocation, objectUrl } from '../../storage/s3/location.ts';
import { createObject } from '../../storage/s3/s3-output.ts';
import { openObject } from '../../storage/s3/s3-source.ts';
import type { Progress } from '../../telemetry/progress.ts';
import { SIDECAR, wrongEnding } from '../aws/claim.ts';
import { openWork, versionOf, writeText } from '../aws/work.ts';
import { copyObject } from './copy.ts';
import type { Deployment, Door } from './deployment.ts';

export interface DropRequest {
  /** A file's path, or `s3://BUCKET/KEY`. */
  readonly file: string;
  /** What it is called below the door. Default: as it is called now. */
  readonly name?: string | undefined;
  /** Of this run, in the words of keyferry.toml; checked already. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A file below its door. */
export interface Dropped {
  readonly bucket: string;
  readonly key: string;
  readonly version: string;
  /** Of the job that it becomes. */
  readonly id: string;
}

const PIECE_BYTES = 1024 * 1024;

/**
 * @throws {InputError} the file cannot be read, changed meanwhile, or has a name that its door does not take
 * @throws {OutputError} it cannot be written
 */
export async function dropFile(
  deployment: Deployment,
  door: Door,
  request: DropRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<Dropped> {
  const from = parseS3Url(request.file);
  const name = request.name ?? (from === undefined ? basename(request.file) : posix.basename(from.key));
  const { s3, bucket } = deployment;
  const to = { bucket, key: door.prefix + name };
  const wrong = wrongEnding({ ...to, mode: door.mode });
  if (wrong !== undefined) throw wrong;
  if (from?.bucket === to.bucket && from.key === to.key) {
    throw new UsageError('AWS_AT_DOOR', 'this object lies at its door already: it has become a job by itself.', {
      where: objectUrl(to),
      remedy: 'keyferry aws jobs shows it; --name NAME copies it to another name, which is a new job.',
    });
  }
  const source = from === undefined ? await openFile(request.file) : await openObject(s3, from, { signal });
  try {
    progress.begin('uploading', { bytes: source.size, file: source.name });
    // Before the file: as soon as that is there, its job begins.
    await putOptions(deployment, to.key, request.options);
    if (from === undefined) await upload(deployment, source, to, progress, signal);
    else await copyObject(s3, { ...from, ...source.pin }, to, progress, signal);
    return await arrived(deployment, to, source.size, signal);
  } finally {
    await source.close();
  }
}

/** Those of an earlier run may lie there: this run's count alone. */
async function putOptions(deployment: Deployment, key: string, options: DropRequest['options']): Promise<void> {
  const sidecar = key + SIDECAR;
  if (Object.keys(options).length === 0) {
    const before = await openWork(deployment, sidecar);
    if (before === undefined) return;
    await before.close();
  }
  await writeText(deployment, sidecar, `${JSON.stringify(options)}\n`);
}

async function upload(
  { s3 }: Deployment,
  source: ByteSource,
  to: ObjectLocation,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const output = createObject(s3, to, { signal });
  try {
    for (let at = 0; at < source.size; ) {
      const end = Math.min(at + PIECE_BYTES, source.size);
      await output.write(await source.read(at, end));
      at = end;
      progress.bytes = at;
    }
    const now = await openFile(source.name);
    await now.close();
    if (!samePin(now.pin, source.pin)) throw inputChanged(source.name);
    await output.commit();
  } catch (error) {
    await output.leave();
    throw error;
  }
}

/** The version that was put there, and so the job. */
async function arrived({ s3 }: Deployment, to: ObjectLocation, size: number, signal: AbortSignal): Promise<Dropped> {
  const there = await openObject(s3, to, { signal });
  await there.close();
  if (there.size !== size) {
    throw new InputError('INPUT_CHANGED', 'the object was written over as soon as it was there.', {
      where: objectUrl(to),
      remedy: 'Somebody else uses this name: keyferry aws jobs shows both. --name NAME gives this one another.',
    });
  }
  const object = { bucket: to.bucket, key: to.key, version: versionOf(there) };
  return { ...object, id: jobIdOf(object) };
}

/** @throws {UsageError} `FILE_URL` for what begins like a URL and is no object's */
function parseS3Url(text: string): ObjectLocation | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return undefined;
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*[^/])$/.exec(text) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  throw new UsageError('FILE_URL', 'this is no object in S3.', { where: text, remedy: 'Write s3://BUCKET/KEY' });
}
