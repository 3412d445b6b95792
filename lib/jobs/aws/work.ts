// The objects of a job: its input as it was claimed, its work files, and what it leaves.
import { InputError } from '../../errors.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { createObject } from '../../storage/s3/s3-output.ts';
import { openObject } from '../../storage/s3/s3-source.ts';
import type { AwsJob, Cloud } from './job.ts';

type Name = Pick<AwsJob, 'key' | 'version'>;

export const workKey = ({ key, version }: Name, name: string): string => `work/${key}/${version}/${name}`;
export const resultKey = ({ key, version }: Name): string => `results/${key}/${version}.json`;
export const quarantineKey = ({ key, version }: Name): string => `quarantine/${key}/${version}.json`;

/** The RDB that was built of lines. */
export const BUILT_RDB = 'input.rdb';

/** Before the entity tag of an object in a bucket that keeps no versions. */
const ETAG = 'etag-';

/** What tells one state of an object from another: the version's id, or the entity tag where the bucket keeps none. */
export const versionOf = ({ pin: { version, etag = '' } }: ByteSource): string =>
  version ?? ETAG + etag.replaceAll('"', '');

/** The version's id, as S3 takes it; `undefined` where there is none. */
export const versionIdOf = ({ version }: Name): string | undefined => (version.startsWith(ETAG) ? undefined : version);

/** Writes a small object whole. */
export async function writeText({ s3, bucket }: Cloud, key: string, text: string): Promise<void> {
  const contentType = key.endsWith('.json') ? 'application/json' : undefined;
  const output = createObject(s3, { bucket, key }, { contentType });
  await output.write(Buffer.from(text));
  await output.commit();
}

/** The text of a small object; `undefined` where there is none. */
export async function readText(cloud: Cloud, key: string): Promise<string | undefined> {
  const source = await openWork(cloud, key);
  if (source === undefined) return undefined;
  try {
    return (await source.read(0, source.size)).toString('utf8');
  } finally {
    await source.close();
  }
}

/** Opens an object that may not be there. */
export async function openWork({ s3, bucket }: Cloud, key: string): Promise<ByteSource | undefined> {
  try {
    return await openObject(s3, { bucket, key });
  } catch (error) {
    if (error instanceof InputError && error.code === 'INPUT_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * Opens the job's input. The newest version is opened, not the claimed one: whoever writes over a file that is being
 * restored does not mean both.
 *
 * @throws {InputError} `INPUT_CHANGED` where it is no longer what was claimed
 */
export async function openInput({ s3 }: Cloud, job: AwsJob, signal: AbortSignal): Promise<ByteSource> {
  const source = await openObject(s3, { bucket: job.bucket, key: job.key }, { signal });
  if (versionOf(source) === job.version) return source;
  await source.close();
  throw new InputError('INPUT_CHANGED', 'the object was written over after the job had begun.', {
    where: source.name,
    remedy: 'What was written then is a job of its own. What this one has written stays on the target.',
  });
}
