// Removes from a folder what does not belong to a result: whoever reads the folder reads all that lies there.
import { listObjects, removeObjects } from '../../storage/s3/folder.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { asOutputError } from '../../storage/s3/output-error.ts';
import type { Cloud } from './job.ts';

/**
 * Removes all objects in a folder but those named; their versions stay, as long as the bucket keeps them.
 *
 * @param folder with a slash at its end
 * @throws {OutputError} `OUTPUT_FORBIDDEN`, or `OUTPUT_WRITE` where another try may help
 */
export async function removeOthers({ s3, bucket }: Cloud, folder: string, keep: ReadonlySet<string>): Promise<void> {
  const others: string[] = [];
  try {
    for await (const { key } of listObjects(s3, { bucket, key: folder })) {
      if (!keep.has(key.slice(folder.length))) others.push(key);
    }
  } catch (error) {
    throw asOutputError(objectUrl({ bucket, key: folder }), (error as Error).cause ?? error);
  }
  await removeObjects(s3, bucket, others);
}
