// Copies an object within S3, whole or not at all: by one request, or in parts where it is larger than S3 takes in one.
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { SourcePin } from '../../storage/byte-source.ts';
import { type ObjectLocation, objectUrl } from '../../storage/s3/location.ts';
import { asOutputError } from '../../storage/s3/output-error.ts';
import { patiently } from '../../storage/s3/patience.ts';
import type { Progress } from '../../telemetry/progress.ts';

/** S3 copies no more by one request. */
const MOST_AT_ONCE = 5 * 1024 ** 3;
/** 10,000 parts of it are the 5 TiB that an object may have. */
const PART_BYTES = 512 * 1024 ** 2;
const MOST_PARTS_AT_WORK = 8;

/** @param pinned what is copied, or nothing: an object that was written over is refused */
export async function copyObject(
  s3: S3Client,
  from: ObjectLocation & SourcePin,
  to: ObjectLocation,
  progress: Progress,
  signal: AbortSignal,
  { mostAtOnce = MOST_AT_ONCE, partBytes = PART_BYTES } = {},
): Promise<void> {
  const version = from.version === undefined ? '' : `?versionId=${encodeURIComponent(from.version)}`;
  const source = {
    CopySource: `${from.bucket}/${from.key.split('/').map(encodeURIComponent).join('/')}${version}`,
    CopySourceIfMatch: from.etag,
  };
  const target = { Bucket: to.bucket, Key: to.key };
  try {
    if (from.size > mostAtOnce)
      return await copyParts(s3, { size: from.size, source, target, partBytes }, progress, signal);
    // Without its tags, which may be those of an earlier job.
    const copy = new CopyObjectCommand({ ...target, ...source, TaggingDirective: 'REPLACE' });
    await patiently({ signal }, () => s3.send(copy, { abortSignal: signal }));
    progress.bytes = from.size;
  } catch (error) {
    signal.throwIfAborted();
    throw asOutputError(objectUrl(to), error);
  }
}

interface Parts {
  readonly size: number;
  readonly source: { readonly CopySource: string; readonly CopySourceIfMatch: string | undefined };
  readonly target: { readonly Bucket: string; readonly Key: string };
  readonly partBytes: number;
}

async function copyParts(
  s3: S3Client,
  { size, source, target, partBytes }: Parts,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const begin = new CreateMultipartUploadCommand(target);
  const { UploadId } = await patiently({ signal }, () => s3.send(begin, { abortSignal: signal }));
  const upload = { ...target, UploadId };
  const parts: CompletedPart[] = [];
  const count = Math.ceil(size / partBytes);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const n = next++;
      const [start, end] = [n * partBytes, Math.min((n + 1) * partBytes, size)];
      const copy = new UploadPartCopyCommand({
        ...{ ...upload, ...source, PartNumber: n + 1, CopySourceRange: `bytes=${start}-${end - 1}` },
      });
      const { CopyPartResult } = await patiently({ signal }, () => s3.send(copy, { abortSignal: signal }));
      parts[n] = { PartNumber: n + 1, ETag: CopyPartResult?.ETag };
      progress.bytes += end - start;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(count, MOST_PARTS_AT_WORK) }, work));
    const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } });
    await patiently({ signal }, () => s3.send(complete, { abortSignal: signal }));
  } catch (error) {
    next = count;
    // Where this fails too, the bucket's lifecycle rule removes the parts.
    await s3.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
}
