// A client of S3 with region, profile and credentials as the SDK and the AWS CLI find them.
import { S3Client } from '@aws-sdk/client-s3';

export function s3Client(env: NodeJS.ProcessEnv): S3Client {
  return new S3Client({
    // AWS's own endpoints have the bucket in their name; those of an emulator on an address can't.
    forcePathStyle: (env.AWS_ENDPOINT_URL ?? env.AWS_ENDPOINT_URL_S3) !== undefined,
    followRegionRedirects: true,
  });
}
