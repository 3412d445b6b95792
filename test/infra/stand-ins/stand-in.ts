// What the stand-ins have in common: each does as the object's name says, counts its calls, and tells what it saw.
import { randomUUID } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

/** What every function but restore-chunk gets. */
export interface Payload {
  readonly execution: string;
  readonly state: {
    readonly object?: { readonly key: string };
    readonly key?: string;
    readonly chunk?: { readonly unit: number };
    readonly claim?: { readonly job?: { readonly key: string } };
    readonly caught?: { readonly Error: string; readonly Cause: string };
  };
}

/** `claim-fails,lease-waits` of `restore/cache/claim-fails,lease-waits.rdb`. */
export function wishesOf({ state }: Payload): string[] {
  const key = state.claim?.job?.key ?? state.object?.key ?? state.key ?? '';
  return (key.split('/').at(-1) ?? '').replace(/\.rdb$/, '').split(',');
}

const calls = new Map<string, number>();

/** How often this was asked before, in this process. */
export function before(name: string): number {
  const count = calls.get(name) ?? 0;
  calls.set(name, count + 1);
  return count;
}

const s3 = new S3Client({ forcePathStyle: true });

/** Leaves a line in the bucket, for the test to read. */
export async function tell(line: string): Promise<void> {
  await put(`seen/${randomUUID()}`, line);
}

export async function put(Key: string, Body: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: process.env.KEYFERRY_BUCKET, Key, Body }));
}
