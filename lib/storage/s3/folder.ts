// Folders of a bucket: which objects lie in one, and how they are removed.
import { DeleteObjectsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { InputError } from '../../errors.ts';
import { asAwsFailure, isForbidden } from './aws-failure.ts';
import { type ObjectLocation, objectUrl } from './location.ts';
import { asOutputError, OutputError } from './output-error.ts';
import { patiently } from './patience.ts';

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

/** Of DeleteObjects (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html). */
const MOST_AT_ONCE = 1000;

/**
 * All objects whose keys begin so, in the order of their keys.
 *
 * @param folder its key has a slash at its end, unless it is the bucket itself
 * @throws {InputError} `INPUT_NOT_FOUND` where there is no such bucket, `INPUT_FORBIDDEN`, `INPUT_READ`
 */
export async function* listObjects(s3: S3Client, folder: Folder): AsyncGenerator<ListedObject, void, undefined> {
  const { bucket, key: Prefix } = folder;
  let ContinuationToken: string | undefined;
  do {
    const list = new ListObjectsV2Command({ Bucket: bucket, Prefix, ContinuationToken });
    const page = await patiently({}, () => s3.send(list)).catch((cause: unknown) => {
      throw asListError(folder, cause);
    });
    for (const { Key = '', Size = 0 } of page.Contents ?? []) yield { key: Key, bytes: Size };
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
}

/**
 * Removes objects; their versions stay, as long as the bucket keeps them. What is not there is no mistake.
 *
 * @throws {OutputError} `OUTPUT_FORBIDDEN`, or `OUTPUT_WRITE` where another try may help
 */
export async function removeObjects(s3: S3Client, bucket: string, keys: readonly string[]): Promise<void> {
  for (let from = 0; from < keys.length; from += MOST_AT_ONCE) {
    const some = keys.slice(from, from + MOST_AT_ONCE);
    const Delete = { Objects: some.map((Key) => ({ Key })), Quiet: true };
    const remove = new DeleteObjectsCommand({ Bucket: bucket, Delete });
    const where = objectUrl({ bucket, key: some[0] as string });
    const { Errors: [error] = [] } = await patiently({}, () => s3.send(remove)).catch((cause: unknown) => {
      throw asOutputError(where, cause);
    });
    if (error === undefined) continue;
    throw new OutputError('OUTPUT_WRITE', `${error.Key} cannot be removed: ${error.Message}.`, { where });
  }
}

type Folder = Pick<ObjectLocation, 'bucket' | 'key'>;

function asListError(folder: Folder, cause: unknown): InputError {
  const where = objectUrl(folder);
  const { name, message } = asAwsFailure(cause);
  if (name === 'NoSuchBucket') {
    return new InputError('INPUT_NOT_FOUND', 'there is no such bucket.', { where, remedy: 'Check its name.', cause });
  }
  const remedy = 'Look at the credentials, the region and the policies: s3:ListBucket is needed.';
  return isForbidden(cause)
    ? new InputError('INPUT_FORBIDDEN', `the bucket may not be listed: ${message}.`, { where, remedy, cause })
    : new InputError('INPUT_READ', `the bucket cannot be listed: ${message}.`, { where, remedy, cause });
}
