// The bench's S3 answers the library's own readers and writers as S3 does.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { LocalS3 } from '../../bench/local-s3.ts';
import { createObject } from '../../lib/storage/s3/s3-output.ts';
import { openObject } from '../../lib/storage/s3/s3-source.ts';
import { temporaryFolder } from '../support/folder.ts';

const MIB = 1024 * 1024;
const bytes = Buffer.alloc(12 * MIB, createHash('sha512').update('bench').digest());
const clientOf = ({ url }: LocalS3) =>
  new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

test('a file of this machine is read by ranges', async () => {
  await using s3 = await LocalS3.start();
  const path = join(temporaryFolder(), 'data');
  writeFileSync(path, bytes);
  s3.addFile('bench/restore/data.rdb', path);
  const source = await openObject(clientOf(s3), { bucket: 'bench', key: 'restore/data.rdb' }, { requestBytes: MIB });
  expect(source.size).toBe(bytes.length);
  expect((await source.read(3, 5 * MIB)).equals(bytes.subarray(3, 5 * MIB))).toBe(true);
  await source.close();
});

test('what was written in parts is read as one, across them', async () => {
  await using s3 = await LocalS3.start();
  const client = clientOf(s3);
  const location = { bucket: 'bench', key: 'results/a part.jsonl' };
  const output = createObject(client, location, { partBytes: 5 * MIB });
  await output.write(bytes);
  await output.commit();
  const source = await openObject(client, location);
  expect((await source.read(0, bytes.length)).equals(bytes)).toBe(true);
  const across = await source.read(5 * MIB - 7, 10 * MIB + 7);
  expect(across.equals(bytes.subarray(5 * MIB - 7, 10 * MIB + 7))).toBe(true);
  await source.close();
});

test('what is not there is said to be so', async () => {
  await using s3 = await LocalS3.start();
  await expect(openObject(clientOf(s3), { bucket: 'bench', key: 'nothing' })).rejects.toMatchObject({
    code: 'INPUT_NOT_FOUND',
  });
});
