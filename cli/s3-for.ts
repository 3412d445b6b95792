// The client of S3 for a command, where one of its paths is in S3.
import type { S3Client } from '@aws-sdk/client-s3';
import { isObjectUrl } from '../lib/jobs/dump/place.ts';
import type { Io } from './io.ts';

/** Loads the SDK, which takes long, only where it is needed. */
export async function s3For(paths: readonly string[], { env }: Pick<Io, 'env'>): Promise<S3Client | undefined> {
  return paths.some(isObjectUrl) ? (await import('./s3-client.ts')).s3Client(env) : undefined;
}
