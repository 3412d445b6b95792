// Objects below no door: the real handler on the local AWS, told of objects as a rule tells it.
import { GetObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hear, type NoticeBoard } from '../e2e/notice-board.ts';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { deploy, execute } from './machine.ts';

const { handler } = await import('../../functions/stray.ts');

const skip = awsLacks !== '';
const aws = skip ? undefined : await startLocalAws();
const call = { getRemainingTimeInMillis: () => 30_000 };
let s3: S3Client;
let bucket: string;
let board: NoticeBoard;

describe.skipIf(skip)(`objects below no door${awsLacks}`, () => {
  beforeAll(async () => {
    const local = aws as NonNullable<typeof aws>;
    ({ s3, bucket } = await deploy(local));
    const sns = new SNSClient(local.config());
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'notices' }));
    process.env.KEYFERRY_TOPIC = TopicArn;
    const doors = ['restore/cache/', 'load/cache/', 'decode/'];
    process.env.KEYFERRY_CONFIG = JSON.stringify({ redactKeys: false, doors });
    board = await hear(sns, TopicArn);
  });
  beforeEach(() => {
    board.notices.splice(0);
  });
  afterAll(async () => {
    await board?.[Symbol.asyncDispose]();
    await aws?.stop();
  });

  async function drop(key: string, content = Buffer.from('bytes')) {
    const version = await putObject(s3, bucket, key, content);
    return { bucket: { name: bucket }, object: { key, 'version-id': version, sequencer: '01', size: content.length } };
  }
  /** A topic hands on when the function has long answered. */
  const told = (count: number) => expect.poll(() => board.notices.length, { timeout: 5000 }).toBe(count);
  type Event = Awaited<ReturnType<typeof drop>>;
  const reportOf = async ({ object }: Event) => {
    const text = await getObject(s3, bucket, `quarantine/${object.key}/${object['version-id']}.json`);
    return text === undefined ? undefined : JSON.parse(String(text));
  };
  async function tags({ object }: Event) {
    const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: object.key }));
    return Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value]));
  }

  test.each([
    ['restore/cahce/nightly.rdb', 'there is no door restore/cahce/', 'restore/cache/'],
    ['load/nightly.jsonl', 'the file lies directly below load/', 'load/cache/'],
  ])('%s is tagged, reported and told of', async (key, why, door) => {
    const event = await drop(key);
    expect(await handler(event, call)).toEqual({ ok: true, ignored: null });
    expect(await tags(event)).toEqual({ keyferry: 'quarantined' });
    const { error, state, doors } = await reportOf(event);
    expect(state).toBe('quarantined');
    expect(error.code).toBe('DOOR_UNKNOWN');
    expect(error.message).toContain(why);
    expect(error.remedy).toContain(`aws s3 mv s3://${bucket}/${key} s3://${bucket}/${door} `);
    expect(doors).toEqual(['restore/cache/', 'load/cache/', 'decode/']);
    await told(1);
    expect(board.notices[0]?.subject).toBe(`keyferry: ${key.split('/').at(-1)} quarantined`);
    expect(board.notices[0]?.text).toContain(`quarantine/${key}/`);
    expect(board.notices[0]?.text).toContain('restore/cache/ load/cache/ decode/');
  });

  test('the same event again is quiet, and so is that of a version that was written over', async () => {
    const event = await drop('restore/other/again.rdb');
    await handler(event, call);
    expect(await handler(event, call)).toEqual({ ok: true, ignored: 'it was reported before' });
    const next = await drop('restore/other/again.rdb');
    expect(await handler(event, call)).toMatchObject({ ignored: expect.stringContaining('written over') });
    expect(await handler(next, call)).toEqual({ ok: true, ignored: null });
    await told(2);
  });

  test('folders, options, and what lies below a door are passed over', async () => {
    for (const key of [
      'restore/',
      'restore/new/',
      'restore/new/x.rdb.keyferry.json',
      'restore/cache/x.rdb',
      'decode/x',
    ]) {
      const event = await drop(key, Buffer.alloc(0));
      expect(await handler(event, call), key).toMatchObject({ ok: true, ignored: expect.any(String) });
      expect(await reportOf(event), key).toBeUndefined();
      expect(await tags(event), key).toEqual({});
    }
    await handler(await drop('restore/new/told.rdb'), call);
    await told(1);
    expect(board.notices[0]?.subject).toContain('told.rdb');
  });

  test('what nobody can be told of is tried again', async () => {
    const event = await drop('restore/new/untold.rdb');
    const topic = process.env.KEYFERRY_TOPIC ?? '';
    process.env.KEYFERRY_TOPIC = `${topic}-gone`;
    await expect(handler(event, call)).rejects.toThrow();
    expect(await reportOf(event)).toBeUndefined();
    process.env.KEYFERRY_TOPIC = topic;
    expect(await handler(event, call)).toEqual({ ok: true, ignored: null });
    await told(1);
  });

  test('a file below a door that does not end as it should is a job that fails, once, and is quarantined', async () => {
    const key = 'restore/cache/nightly.zip';
    const version = await putObject(s3, bucket, key, Buffer.from('bytes'));
    const event = { bucket, key, version, sequencer: '01' };
    const { status, end } = await execute(s3, event);
    expect(status).toBe('FAILED');
    expect(end).toMatchObject({
      ok: false,
      error: 'DOOR_SUFFIX',
      subject: 'keyferry: restore of nightly.zip quarantined',
    });
    expect(end?.cause).toContain('.rdb or .aof');
    const report = JSON.parse(String(await getObject(s3, bucket, `quarantine/${key}/${version}.json`)));
    expect(report).toMatchObject({ state: 'quarantined', error: { code: 'DOOR_SUFFIX' } });
    expect(await execute(s3, event)).toMatchObject({ status: 'SUCCEEDED', claim: { proceed: false } });
  });
});
