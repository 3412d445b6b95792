// Empties the bucket when a try-out's stack is deleted: CloudFormation deletes no bucket that holds anything.
import { DeleteObjectsCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import * as z from 'zod';

/** What CloudFormation asks of a custom resource. */
const request = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  ResponseURL: z.string(),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  ResourceProperties: z.object({ Bucket: z.string() }),
});

/** The answer has to be on its way before the function's time is up. */
const GRACE_MS = 10_000;

export async function handler(event: unknown, call: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> {
  const { RequestType, ResponseURL, StackId, RequestId, LogicalResourceId, ResourceProperties } = request.parse(event);
  const { Bucket } = ResourceProperties;
  let failure: string | undefined;
  try {
    if (RequestType === 'Delete') await empty(Bucket, () => call.getRemainingTimeInMillis() < GRACE_MS);
  } catch (error) {
    failure = `${Bucket} could not be emptied: ${(error as Error).message}`;
  }
  // Without an answer CloudFormation waits for an hour.
  const answer = { StackId, RequestId, LogicalResourceId, PhysicalResourceId: Bucket };
  const status = failure === undefined ? { Status: 'SUCCESS' } : { Status: 'FAILED', Reason: failure };
  const { ok, status: code } = await fetch(ResponseURL, {
    method: 'PUT',
    body: JSON.stringify({ ...answer, ...status }),
  });
  if (!ok) throw new Error(`CloudFormation did not take the answer: HTTP ${code}`);
}

/** Deletes all versions of all objects, up to 1000 a call. */
async function empty(Bucket: string, outOfTime: () => boolean): Promise<void> {
  const s3 = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });
  for (;;) {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) return;
    if (outOfTime()) throw new Error('there is more in it than fits into one call. Delete the stack again');
    const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    if (Errors[0] !== undefined) throw new Error(`${Errors[0].Key}: ${Errors[0].Message}`);
  }
}
