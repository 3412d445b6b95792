// The load on AWS, step by step: the real handlers on the local AWS, into real servers.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { GetObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decode } from '../../lib/jobs/decode.ts';
import type { DecodeManifest } from '../../lib/jobs/decode-manifest.ts';
import { PartFiles } from '../../lib/jobs/part-files.ts';
import { openOutput } from '../../lib/storage/output.ts';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { filledFile, WorkFolder, wipe } from '../support/restore-run.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { Crash, configure, deploy, execute, type RunOptions } from './machine.ts';
import { slowIn } from './slow-input.ts';

const SEED = seedOr(20261123);
const missing = awsLacks || lacks('redis-7.0');
const skip = missing !== '';
const aws = skip ? undefined : await startLocalAws();
const folder = new WorkFolder();
let s3: S3Client;
let bucket: string;
let server: Server;
let lines: Buffer;
/** DEBUG DIGEST of what the lines hold. */
let digest: string;
let objects = 0;

const digestOf = async (of: Server) => String(await of.call('DEBUG', 'DIGEST'));
const rewrite = { onConflict: 'rewrite' };

describe.skipIf(skip)(`a load on AWS${missing}`, () => {
  beforeAll(async () => {
    ({ s3, bucket } = await deploy(aws as NonNullable<typeof aws>));
    const path = await filledFile(folder.file('data.rdb'), 'redis-7.0', { seed: SEED });
    server = await startServer('redis-7.0', { rdb: path });
    digest = await digestOf(server);
    const out = folder.file('data.jsonl');
    await decode({ files: [path], output: await openOutput(out) });
    lines = readFileSync(out);
    await decode({ files: [path], output: await PartFiles.open(folder.file('parts'), { parts: 4, packing: 'zst' }) });
  });
  afterAll(async () => {
    await server?.stop();
    await aws?.stop();
    folder[Symbol.dispose]();
  });
  beforeEach(async () => {
    await wipe(server);
    configure(server.url, rewrite);
  });

  /** Puts a file below the door; gives the event that S3 would send. */
  async function drop(content: Buffer | string, name = `${objects++}.jsonl`) {
    const key = `load/cache/${name}`;
    const version = await putObject(s3, bucket, key, Buffer.from(content));
    return { bucket, key, version, sequencer: '0055AED6DCD90281E5', size: content.length };
  }
  const load = (event: object, options: RunOptions = {}) => execute(s3, event, { mode: 'load', ...options });
  const report = async (event: { key: string; version: string }, under = 'results') =>
    JSON.parse(String(await getObject(s3, bucket, `${under}/${event.key}/${event.version}.json`)));
  async function tagOf({ key, version }: { key: string; version: string }) {
    const tagging = new GetObjectTaggingCommand({ Bucket: bucket, Key: key, VersionId: version });
    return (await s3.send(tagging)).TagSet?.find(({ Key }) => Key === 'keyferry')?.Value;
  }
  const lineCount = () => lines.toString('latin1').split('\n').length - 1;

  /** A decode's parts, put where decode puts them, and what its manifest says. */
  async function decoded(change: (manifest: DecodeManifest) => object = () => ({})) {
    const at = `results/decode/${objects++}/`;
    const parts = folder.file('parts');
    for (const file of readdirSync(parts)) {
      if (file !== 'manifest.json') await putObject(s3, bucket, at + file, readFileSync(join(parts, file)));
    }
    const manifest = JSON.parse(readFileSync(join(parts, 'manifest.json'), 'utf8')) as DecodeManifest;
    const location = `s3://${bucket}/${at}`;
    return { at, text: JSON.stringify({ ...manifest, location, ...change({ ...manifest, location }) }) };
  }

  test('brings all that a decode wrote, functions too, and its report says of how many lines', async () => {
    const event = await drop(lines);
    const { status, steps, end } = await load(event);
    expect(end?.cause).toBe('');
    expect(status).toBe('SUCCEEDED');
    expect(steps['restore-chunk']).toBeGreaterThanOrEqual(8);
    expect(await digestOf(server)).toBe(digest);
    expect(end?.subject).toMatch(/^keyferry: load of \d+\.jsonl succeeded$/);
    const { job, read, keys, planned, functions } = await report(event);
    expect(job).toMatchObject({ mode: 'load', target: 'cache' });
    expect(read).toEqual({ lines: lineCount(), keys: planned.keys, files: 1 });
    expect(keys.written + keys.expired).toBe(planned.keys);
    expect(functions.written).toBe(2);
    expect(await tagOf(event)).toBe('succeeded');
  });

  test.each([
    ['gz', gzipSync],
    ['zst', zstdCompressSync],
  ] as const)('takes lines that are packed as .%s', async (suffix, pack) => {
    const { end } = await load(await drop(pack(lines), `packed.ndjson.${suffix}`));
    expect(end?.cause).toBe('');
    expect(await digestOf(server)).toBe(digest);
  });

  test('a copy of a decode’s manifest brings its parts as one job, from where they lie', async () => {
    const { text } = await decoded();
    const event = await drop(text, 'manifest.json');
    const { end } = await load(event);
    expect(end?.cause).toBe('');
    expect(await digestOf(server)).toBe(digest);
    expect((await report(event)).read).toMatchObject({ lines: lineCount(), files: 4 });
  });

  test('a manifest without a location has its parts beside it', async () => {
    const { at, text } = await decoded(() => ({ location: undefined }));
    for (let n = 0; n < 4; n++) {
      const name = `part-0000${n}.jsonl.zst`;
      await putObject(s3, bucket, `load/cache/beside/${name}`, (await getObject(s3, bucket, at + name)) as Buffer);
    }
    const { end } = await load(await drop(text, 'beside/manifest.json'));
    expect(end?.cause).toBe('');
    expect(await digestOf(server)).toBe(digest);
  });

  test('a part that is missing, or another than was decoded, fails by name before anything is written', async () => {
    const part = 'part-00002.jsonl.zst';
    const flip = (bytes: Buffer): Buffer => {
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0xff;
      return bytes;
    };
    const changes: [how: RegExp, (bytes: Buffer) => Buffer | undefined][] = [
      [/is not there/, () => undefined],
      [/bytes, not/, (bytes) => bytes.subarray(1)],
      [/SHA-256/, flip],
    ];
    for (const [how, change] of changes) {
      const { at, text } = await decoded(
        change(Buffer.alloc(2)) === undefined
          ? ({ parts }) => ({
              parts: parts.map((each) => (each.file === part ? { ...each, file: `no-${part}` } : each)),
            })
          : undefined,
      );
      const stored = await getObject(s3, bucket, at + part);
      const changed = change(Buffer.from(stored as Buffer));
      if (changed !== undefined) await putObject(s3, bucket, at + part, changed);
      const event = await drop(text, `broken-${objects++}.json`);
      const { end } = await load(event);
      expect(end).toMatchObject({ ok: false, error: 'MANIFEST_PART', cause: expect.stringMatching(how) });
      expect(end?.cause).toContain(part);
      // The manifest itself is in order: with its parts put back it can be retried.
      expect(await tagOf(event)).toBe('failed');
      expect(await server.call('DBSIZE')).toBe(0);
      if (how.source !== 'SHA-256') continue;
      await putObject(s3, bucket, at + part, stored as Buffer);
      expect((await load({ ...event, retry: 'put back' })).end?.cause).toBe('');
      expect(await digestOf(server)).toBe(digest);
      await wipe(server);
    }
  });

  test('counts that are not those of the manifest fail by name', async () => {
    for (const field of ['keys', 'lines', 'jsonBytes'] as const) {
      const { text } = await decoded(({ parts }) => ({
        parts: parts.map((each) => ({ ...each, [field]: each[field] + 1 })),
      }));
      const { end } = await load(await drop(text, `counts-${field}.json`));
      expect(end).toMatchObject({ error: 'MANIFEST_PART', cause: expect.stringContaining(', not ') });
    }
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('an incomplete decode is refused by name, until somebody allows it', async () => {
    const { text } = await decoded(({ parts }) => ({
      complete: false,
      parts: parts.map((each, n) => ({ ...each, complete: n < 3 })),
    }));
    const event = await drop(text, 'incomplete.json');
    expect((await load(event)).end).toMatchObject({ ok: false, error: 'MANIFEST_INCOMPLETE' });
    expect(await tagOf(event)).toBe('failed');
    const allowed = await load({ ...event, retry: '1', options: { 'allow-incomplete': true } });
    expect(allowed.end?.cause).toBe('');
    const { read, warnings } = await report(event);
    expect(read.files).toBe(3);
    expect(warnings).toContainEqual('The decode was incomplete: 1 parts were left out.');
  });

  test('a bad line puts the file into quarantine, named by its number, and nothing is written', async () => {
    const all = lines.toString('latin1').split('\n');
    const at = all.length - 5;
    for (const [line, code] of [
      ['{"db":0,"key":"x",', 'JSON_SYNTAX'],
      ['{"db":0,"key":"x","type":"string"}', 'JSON_RECORD'],
      [all[at - 1] as string, 'JSON_RECORD'],
    ] as const) {
      const event = await drop(Buffer.from(all.toSpliced(at, 0, line).join('\n'), 'latin1'));
      const { end } = await load(event);
      expect(end).toMatchObject({ ok: false, error: code });
      expect(end?.cause).toContain(`s3://${bucket}/${event.key}, line ${(at + 1).toLocaleString('en-US')}`);
      expect((await report(event, 'quarantine')).error.code).toBe(code);
      expect(await tagOf(event)).toBe('quarantined');
    }
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('what is no lines, no manifest, or cut off while it was packed, goes into quarantine', async () => {
    for (const [content, name, code] of [
      [lines, 'lines.rdb', 'DOOR_SUFFIX'],
      ['{"format":"other"}', 'other.json', 'MANIFEST_FORMAT'],
      [
        '{"format":"keyferry-decode","version":1,"complete":true,"shape":"keyferry","damaged":[],"parts":[{"file":"../x"}]}',
        'path.json',
        'MANIFEST_FORMAT',
      ],
      [(await decoded(() => ({ shape: 'rdb-cli' }))).text, 'shape.json', 'MANIFEST_FORMAT'],
      [(await decoded(() => ({ location: 'https://example.com/' }))).text, 'location.json', 'MANIFEST_FORMAT'],
      ['REDIS0011 is no line', 'rdb.jsonl', 'JSON_SYNTAX'],
      [gzipSync(lines).subarray(0, 9999), 'cut.jsonl.gz', 'INPUT_COMPRESSION'],
    ] as const) {
      const event = await drop(content, name);
      expect((await load(event)).end, name).toMatchObject({ ok: false, error: code });
      expect(await tagOf(event), name).toBe('quarantined');
    }
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('an empty file loads nothing, and that is all right', async () => {
    const { status, end } = await load(await drop('', 'empty.jsonl'));
    expect(end?.cause).toBe('');
    expect(status).toBe('SUCCEEDED');
  });

  test('redis-dump’s lines are known by themselves, or by the option', async () => {
    await load(await drop('{"db":0,"key":"a","ttl":-1,"type":"string","value":"1","size":1}\n'));
    expect(String(await server.call('GET', 'a'))).toBe('1');
    const event = await drop(
      '{"db":0,"key":"b","ttl":100,"type":"string","value":"Mg==\\n","size":1}\n',
      'base64.jsonl',
    );
    await putObject(s3, bucket, `${event.key}.keyferry.json`, Buffer.from('{"shape": "redis-dump-base64"}'));
    expect((await load(event)).end?.cause).toBe('');
    expect(String(await server.call('GET', 'b'))).toBe('2');
    expect(Number(await server.call('TTL', 'b'))).toBeGreaterThan(0);
    const wrong = await load({ ...(await drop(lines)), options: { 'rdb-version': 9 } });
    expect(wrong.end?.error).toBe('RUN_OPTIONS');
  });

  test('options of a restore hold for a load', async () => {
    const event = await drop(lines, 'one-db.jsonl');
    expect((await load({ ...event, options: { 'only-db': [9], 'db-map': { 9: 3 } } })).end?.cause).toBe('');
    const keyspace = String(await server.call('INFO', 'keyspace'));
    expect(keyspace).toMatch(/db3:keys=\d+/);
    expect(keyspace).not.toMatch(/db[09]:/);
  });

  test('what does not fit into the function’s memory is refused by name, with what helps', async () => {
    configure(server.url, rewrite, 64 * 1024, 256);
    const event = await drop(lines);
    const { end } = await load(event);
    expect(end).toMatchObject({ ok: false, error: 'INPUT_TOO_LARGE' });
    expect(end?.cause).toContain(`aws s3 cp s3://${bucket}/${event.key} . && keyferry load`);
    // The lines are in order: it is no quarantine.
    expect(await tagOf(event)).toBe('failed');
    configure(server.url, rewrite);
    expect((await load({ ...event, retry: 'with more' })).end?.cause).toBe('');
    expect(await digestOf(server)).toBe(digest);
  });

  test('what does not get done in a call’s time is refused by name', async () => {
    const blank = gzipSync(Buffer.alloc(100_000_000, '\n'), { level: 1 });
    const event = await drop(blank, 'blank.jsonl.gz');
    const { end } = await load(event, { ms: ({ name }) => (name === 'build' ? 1000 : 30_000) });
    expect(end).toMatchObject({ ok: false, error: 'INPUT_TOO_SLOW' });
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('what would not get done by its speed so far is refused by name, with the command that loads it', async () => {
    const event = await drop(Buffer.alloc(30_000_000, '\n'), 'slow.jsonl');
    const { end, steps } = await load(event, { ms: 60_000, around: slowIn('build') });
    expect(end).toMatchObject({ ok: false, error: 'INPUT_TOO_SLOW' });
    expect(end?.cause).toMatch(/a function cannot load this in its time: the rest takes about \d+ minutes more\./);
    expect(end?.cause).toContain(`aws s3 cp s3://${bucket}/${event.key} . && keyferry load slow.jsonl`);
    expect(steps).toMatchObject({ build: 1 });
    // The lines may well be in order: it is no quarantine.
    expect(await tagOf(event)).toBe('failed');
  });

  test('fails by name when the object is written over while it is loaded', async () => {
    const event = await drop(lines, 'over.jsonl');
    let done = false;
    const { end } = await load(event, {
      before: async ({ name }) => {
        if (name !== 'build' || done) return;
        done = true;
        await drop(lines, 'over.jsonl');
      },
    });
    expect(end).toMatchObject({ ok: false, error: 'INPUT_CHANGED' });
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('that dies between any two steps is finished by the next run, which builds nothing twice', async () => {
    for (let run = 0; run < runs(2, 25); run++) {
      const seed = SEED + run;
      const random = new Random(seed);
      await wipe(server);
      configure(server.url, { onConflict: 'panic' });
      const event = await drop(lines);
      let left = random.int(1, 30);
      for (let tries = 1; ; tries++) {
        try {
          const before = () => {
            if (left-- <= 0) throw new Crash();
          };
          expect((await load(event, { execution: `crash-${run}`, before })).end?.cause, `seed ${seed}`).toBe('');
          break;
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
          left = tries > 3 ? Number.POSITIVE_INFINITY : random.int(1, 30);
        }
      }
      expect(await digestOf(server), `seed ${seed}`).toBe(digest);
      const { keys, planned } = await report(event);
      expect(keys.written + keys.already + keys.expired, `seed ${seed}`).toBe(planned.keys);
    }
  });
});
