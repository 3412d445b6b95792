// Removes from a folder what does not belong to a result: whoever reads the folder reads all that lies there.
import { DeleteObjectsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { OutputError } from '../../errors.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { asOutputError } from '../../storage/s3/output-error.ts';
import { patiently } from '../../storage/s3/patience.ts';
import type { Cloud } from './job.ts';

/**
 * Removes all objects in a folder but those named; their versions stay, as long as the bucket keeps them.
 *
 * @param folder with a slash at its end
 * @throws {OutputError} `OUTPUT_FORBIDDEN`, or `OUTPUT_WRITE` where another try may help
 */
export async function removeOthers({ s3, bucket }: Cloud, folder: string, keep: ReadonlySet<string>): Promise<void> {
  const where = objectUrl({ bucket, key: folder });
  let from: string | undefined;
  try {
    do {
      const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: folder, ContinuationToken: from });
      const page = await patiently({}, () => s3.send(list));
      const others = (page.Contents ?? []).filter(({ Key = '' }) => !keep.has(Key.slice(folder.length)));
      if (others.length > 0) {
        const Objects = others.map(({ Key }) => ({ Key }));
        const { Errors: [error] = [] } = await patiently({}, () =>
          s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } })),
        );
        if (error !== undefined)
          throw new OutputError('OUTPUT_WRITE', `${error.Key} cannot be removed: ${error.Message}.`, { where });
      }
      from = page.NextContinuationToken;
    } while (from !== undefined);
  } catch (error) {
    throw asOutputError(where, error);
  }
}
