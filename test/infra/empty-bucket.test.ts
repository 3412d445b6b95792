// The custom resource of try-outs: what it deletes, and that CloudFormation always gets its answer.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { handler } from '../../functions/empty-bucket.ts';
import { newBucket, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, type LocalAws, startLocalAws } from '../support/local-aws/local-aws.ts';

describe.skipIf(awsLacks !== '')(`empty-bucket${awsLacks}`, () => {
  let aws: LocalAws;

  beforeAll(async () => {
    aws = await startLocalAws();
    vi.stubEnv('AWS_ENDPOINT_URL', `http://${aws.host}:${aws.port}`);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await aws?.stop();
  });

  /** Calls the handler as CloudFormation does; gives its answer. */
  async function ask(RequestType: string, Bucket: string, remainingMs = 60_000): Promise<Record<string, string>> {
    let answer = '';
    const server = createServer((message, response) => {
      message.on('data', (data: Buffer) => (answer += data));
      message.on('end', () => response.end());
    });
    await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
    const ResponseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const request = { RequestType, ResponseURL, StackId: 's', RequestId: 'r', LogicalResourceId: 'l' };
    await handler({ ...request, ResourceProperties: { Bucket } }, { getRemainingTimeInMillis: () => remainingMs });
    server.closeAllConnections();
    await new Promise((settle) => server.close(settle));
    return JSON.parse(answer) as Record<string, string>;
  }

  async function left(Bucket: string): Promise<number> {
    const { Versions = [], DeleteMarkers = [] } = await aws.s3().send(new ListObjectVersionsCommand({ Bucket }));
    return Versions.length + DeleteMarkers.length;
  }

  test('only a deletion empties the bucket, of every version', async () => {
    const bucket = await newBucket(aws.s3(), true);
    for (const body of ['1', '2', '3']) await putObject(aws.s3(), bucket, 'restore/a.rdb', Buffer.from(body));
    expect(await ask('Create', bucket)).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: bucket, StackId: 's' });
    expect(await left(bucket)).toBe(3);
    expect(await ask('Delete', bucket)).toMatchObject({ Status: 'SUCCESS' });
    expect(await left(bucket)).toBe(0);
  });

  test('out of time it says so, and what to do', async () => {
    const bucket = await newBucket(aws.s3(), true);
    await putObject(aws.s3(), bucket, 'restore/a.rdb', Buffer.from('1'));
    const { Status, Reason } = await ask('Delete', bucket, 5000);
    expect(Status).toBe('FAILED');
    expect(Reason).toContain('Delete the stack again');
  });

  test('a bucket that is not there is answered too', async () => {
    expect(await ask('Delete', 'no-such-bucket-of-keyferry')).toMatchObject({ Status: 'FAILED' });
  });
});
