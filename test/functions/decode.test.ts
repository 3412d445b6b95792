// The decode on AWS, step by step: the real handlers on the local AWS, against the terminal's decode of the same file.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { DeleteObjectCommand, GetObjectTaggingCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DecodeOptions } from '../../lib/jobs/decode.ts';
import { type DecodeManifest, parseManifest } from '../../lib/jobs/decode-manifest.ts';
import { decodeFile } from '../support/decode-run.ts';
import { temporaryFolder } from '../support/folder.ts';
import { getObject, openUploads, putObject } from '../support/local-aws/buckets.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { configureDecode, executeDecode } from './decode-machine.ts';
import { Crash, deploy } from './machine.ts';

const SEED = seedOr(20261123);
const aws = awsLacks === '' ? await startLocalAws() : undefined;
const sample = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'sample.rdb'));
let s3: S3Client;
let bucket: string;

interface Event {
  readonly key: string;
  readonly version: string;
}

describe.skipIf(aws === undefined)(`a decode on AWS${awsLacks}`, () => {
  beforeAll(async () => {
    ({ s3, bucket } = await deploy(aws as NonNullable<typeof aws>));
  });
  afterAll(() => aws?.stop());
  beforeEach(() => configureDecode());

  let objects = 0;
  /** Puts a file below the door; gives the event that S3 would send. */
  async function drop(content: Buffer, name = `${objects++}.rdb`, options?: object) {
    const key = `decode/${name}`;
    if (options !== undefined) {
      await putObject(s3, bucket, `${key}.keyferry.json`, Buffer.from(JSON.stringify(options)));
    }
    const version = await putObject(s3, bucket, key, content);
    return { bucket, key, version, sequencer: '0055AED6DCD90281E5', size: content.length };
  }
  const folderOf = ({ key, version }: Event) => `results/${key}/${version}/`;
  const object = async (key: string) => (await getObject(s3, bucket, key)) ?? Buffer.alloc(0);
  const manifestOf = async (event: Event) => parseManifest(String(await object(`${folderOf(event)}manifest.json`)), '');
  async function filesOf(event: Event): Promise<string[]> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: folderOf(event) }));
    return Contents.map(({ Key = '' }) => Key.slice(folderOf(event).length));
  }
  /** The parts, unpacked, after a look at their bytes and sums. */
  async function partsOf(event: Event, { parts }: DecodeManifest): Promise<Buffer[]> {
    return Promise.all(
      parts.map(async ({ file, sha256, bytes, jsonBytes, lines }) => {
        const stored = await object(folderOf(event) + file);
        expect(createHash('sha256').update(stored).digest('hex'), file).toBe(sha256);
        expect(stored.length, file).toBe(bytes);
        const text = unpack(file, stored);
        expect(text.length, file).toBe(jsonBytes);
        expect(text.toString().split('\n').length - 1, file).toBe(lines);
        return text;
      }),
    );
  }
  const report = async (event: Event, under = 'results') =>
    JSON.parse(String(await object(`${under}/${event.key}/${event.version}.json`)));
  async function tags({ key, version }: Event) {
    const { TagSet = [] } = await s3.send(
      new GetObjectTaggingCommand({ Bucket: bucket, Key: key, VersionId: version }),
    );
    return Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value]));
  }

  test('gives what the terminal gives, in parts that a manifest names, and says so in report, tag and notice', async () => {
    const event = await drop(sample);
    const { status, end, steps } = await executeDecode(s3, event);
    expect(end?.cause).toBe('');
    expect(status).toBe('SUCCEEDED');
    expect(steps['decode-chunk']).toBeGreaterThanOrEqual(8);
    const manifest = await manifestOf(event);
    const parts = await partsOf(event, manifest);
    const terminal = await inTerminal(sample);
    expect(Buffer.concat(parts).equals(terminal.text)).toBe(true);
    const { keys, lines, bytes } = terminal.report;
    expect(manifest).toMatchObject({ complete: true, keys, lines, jsonBytes: bytes, damaged: [], error: null });
    expect(manifest.location).toBe(`s3://${bucket}/${folderOf(event)}`);
    expect(manifest.files).toMatchObject([{ name: `s3://${bucket}/${event.key}`, bytes: sample.length }]);
    expect(manifest.parts.map(({ file }) => file)).toEqual(
      parts.map((_, n) => `part-${String(n).padStart(5, '0')}.jsonl.zst`),
    );
    expect(await filesOf(event)).toEqual(['manifest.json', ...manifest.parts.map(({ file }) => file)].sort());
    expect(await report(event)).toMatchObject({ state: 'succeeded', outcome: 'complete', keys: { written: keys } });
    expect(await tags(event)).toMatchObject({ keyferry: 'succeeded' });
    expect(end?.subject).toMatch(/^keyferry: decode of \d+\.rdb succeeded$/);
    expect(end?.text).toContain(`${folderOf(event)}manifest.json`);
  });

  test.each([
    ['none', 'redis-dump'],
    ['gz', 'redisshake'],
  ] as const)('packs by %s and writes the shape %s, as configured', async (pack, shape) => {
    configureDecode({ pack, shape });
    const event = await drop(sample);
    const { end } = await executeDecode(s3, event);
    expect(end?.cause).toBe('');
    const manifest = await manifestOf(event);
    expect(manifest.shape).toBe(shape);
    const text = Buffer.concat(await partsOf(event, manifest)).toString();
    const terminal = await inTerminal(sample, { shape });
    expect(withoutTtl(text)).toBe(withoutTtl(terminal.text.toString()));
    expect(manifest.warnings.length).toBe(terminal.report.warnings.length);
  });

  test('takes packed files, and what an append-only file begins with', async () => {
    const packed = await drop(gzipSync(sample), 'packed.rdb.gz');
    expect((await executeDecode(s3, packed)).end?.cause).toBe('');
    const terminal = await inTerminal(sample);
    const manifest = await manifestOf(packed);
    expect(Buffer.concat(await partsOf(packed, manifest)).equals(terminal.text)).toBe(true);
    const aof = await drop(Buffer.concat([sample, Buffer.from('*1\r\n$4\r\nPING\r\n')]), 'append.aof');
    const { end } = await executeDecode(s3, aof);
    expect(end).toMatchObject({ ok: true, subject: 'keyferry: decode of append.aof succeeded in part' });
    expect((await manifestOf(aof)).warnings).toEqual([expect.stringContaining('14 bytes behind the RDB')]);
  });

  test('gives what stands between, before and behind keys its place, also beside a value larger than a chunk', async () => {
    const big = Buffer.alloc(300_000, 'big value ');
    const rdb = new RdbFileBuilder()
      .aux('redis-ver', '7.2.0')
      .library('#!lua name=lib\n')
      .selectDb(0)
      .key('one', values.STRING('1'))
      .key('big', values.STRING(big))
      .aux('between', 'keys')
      .selectDb(7)
      .key('two', values.STRING(big))
      .aux('behind', 'keys')
      .end();
    const event = await drop(rdb);
    const { end, steps } = await executeDecode(s3, event);
    expect(end?.cause).toBe('');
    expect(steps['decode-chunk']).toBe(3);
    expect(Buffer.concat(await partsOf(event, await manifestOf(event)))).toEqual((await inTerminal(rdb)).text);
  });

  test('makes one part of a file without keys', async () => {
    const rdb = new RdbFileBuilder().aux('redis-ver', '7.2.0').library('#!lua name=lib\n').end();
    const event = await drop(rdb);
    const { end, steps } = await executeDecode(s3, event);
    expect(end?.cause).toBe('');
    expect(steps['decode-chunk']).toBeUndefined();
    expect(Buffer.concat(await partsOf(event, await manifestOf(event)))).toEqual((await inTerminal(rdb)).text);
  });

  test('goes by the options beside the file, and refuses what it does not know', async () => {
    const options = { 'only-db': [0], match: ['*1*'], type: ['string'], 'keys-only': true, pack: 'none' };
    const event = await drop(sample, undefined, options);
    expect((await executeDecode(s3, event)).end?.cause).toBe('');
    const manifest = await manifestOf(event);
    const filter = { dbs: [0], match: ['*1*'], kinds: ['string'] } as const;
    const terminal = await inTerminal(sample, { filter, keysOnly: true });
    expect(Buffer.concat(await partsOf(event, manifest))).toEqual(terminal.text);
    expect(manifest).toMatchObject({ keys: terminal.report.keys, filtered: terminal.report.filtered });
    expect(manifest.parts[0]?.file).toBe('part-00000.jsonl');
    const wrong = await drop(sample, undefined, { 'on-conflict': 'skip' });
    const { end } = await executeDecode(s3, wrong);
    expect(end?.error).toBe('RUN_OPTIONS');
    expect(end?.cause).toContain('on-conflict');
  });

  describe('a damaged value', () => {
    const rdb = withDamage(5);

    test.each(['forwards', 'backwards'] as const)(
      'is where the parts end: the file is quarantined, and the manifest says incomplete (chunks %s)',
      async (direction) => {
        configureDecode({}, 4096);
        const event = await drop(rdb);
        const order = (lines: readonly string[]) => (direction === 'forwards' ? lines : lines.toReversed());
        const { status, end } = await executeDecode(s3, event, { order });
        const terminal = await inTerminal(rdb);
        expect({ status, error: end?.error }).toEqual({ status: 'FAILED', error: terminal.report.error?.code });
        expect(end?.cause).toContain('salvage');
        const manifest = await manifestOf(event);
        expect(manifest).toMatchObject({ complete: false, error: { code: 'RDB_LISTPACK' } });
        expect(manifest.parts.length).toBeGreaterThan(1);
        const last = manifest.parts.at(-1);
        expect(last).toMatchObject({ complete: false, file: expect.stringMatching(/\.zst\.partial$/) });
        expect(manifest.parts.slice(0, -1).every(({ complete }) => complete)).toBe(true);
        expect(Buffer.concat(await partsOf(event, manifest)).equals(terminal.text)).toBe(true);
        expect(await filesOf(event)).toEqual(['manifest.json', ...manifest.parts.map(({ file }) => file)].sort());
        expect(await tags(event)).toMatchObject({ keyferry: 'quarantined' });
        expect(await report(event, 'quarantine')).toMatchObject({ state: 'quarantined', outcome: 'stopped' });
      },
    );

    test('is left out and named with salvage', async () => {
      configureDecode({}, 4096);
      const event = await drop(rdb, undefined, { salvage: true });
      const { end } = await executeDecode(s3, event);
      expect(end).toMatchObject({ ok: true, subject: expect.stringContaining('succeeded in part') });
      const manifest = await manifestOf(event);
      const terminal = await inTerminal(rdb, { salvage: true });
      expect(Buffer.concat(await partsOf(event, manifest)).equals(terminal.text)).toBe(true);
      expect(manifest.complete).toBe(true);
      expect(manifest.damaged).toMatchObject([{ key: 'damaged', db: 0, code: 'RDB_LISTPACK' }]);
    });
  });

  test('a file that is no whole RDB is quarantined before anything is written', async () => {
    for (const content of [sample.subarray(0, sample.length >> 1), Buffer.from('no RDB at all, and long enough')]) {
      const event = await drop(content);
      const { status, end } = await executeDecode(s3, event);
      expect(status).toBe('FAILED');
      expect((await report(event, 'quarantine')).error.code).toBe(end?.error);
      expect(await tags(event)).toMatchObject({ keyferry: 'quarantined' });
      expect(await filesOf(event)).toEqual([]);
    }
  });

  test('fails by name when the object is written over in the middle', async () => {
    const event = await drop(sample, 'over.rdb');
    const { end } = await executeDecode(s3, event, {
      before: async ({ name, round }) => {
        if (name === 'decode-chunk' && round === 4) await drop(sample, 'over.rdb');
      },
    });
    expect(end?.error).toBe('INPUT_CHANGED');
  });

  test('fails by name, with what to do, when a call has not time enough for a chunk', async () => {
    const event = await drop(sample);
    const ms = ({ name }: { name: string }) => (name === 'decode-chunk' ? 3 : 30_000);
    const { status, end } = await executeDecode(s3, event, { ms });
    expect({ status, error: end?.error }).toEqual({ status: 'FAILED', error: 'CHUNK_TOO_SLOW' });
    expect(end?.cause).toContain('keyferry decode');
    expect(await tags(event)).toMatchObject({ keyferry: 'failed' });
    expect((await executeDecode(s3, { ...event, retry: 'token' })).end?.ok).toBe(true);
  });

  test('is done once for an event that comes again, and a part written twice is the same', async () => {
    const event = await drop(sample);
    const first = await Promise.all([1, 2, 3].map(() => executeDecode(s3, event)));
    expect(first.filter(({ end }) => end !== undefined)).toHaveLength(1);
    const twice = await drop(sample);
    const { end } = await executeDecode(s3, twice, { order: (lines) => [...lines, ...lines, ...lines.toReversed()] });
    expect(end?.cause).toBe('');
    const sums = ({ parts }: DecodeManifest) => parts.map(({ sha256 }) => sha256);
    expect(sums(await manifestOf(twice))).toEqual(sums(await manifestOf(event)));
  });

  test.each([
    ['the same terms does what is missing', 'zst'],
    ['other terms leaves no part of before behind', 'none'],
  ])('going on, on %s', async (_, pack) => {
    const event = await drop(sample);
    let calls = 0;
    const stopping = {
      execution: `stops-${pack}`,
      before: ({ name }: { name: string }) => {
        if (name === 'decode-chunk' && ++calls > 6) throw new Crash();
      },
    };
    await expect(executeDecode(s3, event, stopping)).rejects.toThrow(Crash);
    const some = await filesOf(event);
    expect(some.length).toBeGreaterThan(2);
    // One was cleared away: it is made again.
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: folderOf(event) + some[0] }));
    configureDecode({ pack });
    expect((await executeDecode(s3, event, { execution: `stops-${pack}` })).end?.cause).toBe('');
    const manifest = await manifestOf(event);
    expect(await filesOf(event)).toEqual(['manifest.json', ...manifest.parts.map(({ file }) => file)].sort());
    expect(Buffer.concat(await partsOf(event, manifest)).equals((await inTerminal(sample)).text)).toBe(true);
  });

  test('that dies between any two steps is finished by the next run', async () => {
    configureDecode({}, 128 * 1024);
    const { text } = await inTerminal(sample);
    for (let run = 0; run < runs(2, 40); run++) {
      const seed = SEED + run;
      const random = new Random(seed);
      const event = await drop(sample);
      let left = random.int(1, 12);
      for (let tries = 1; ; tries++) {
        try {
          const before = () => {
            if (left-- <= 0) throw new Crash();
          };
          const { status } = await executeDecode(s3, event, { execution: `crash-${run}`, before });
          expect(status, `seed ${seed}`).toBe('SUCCEEDED');
          break;
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
          left = tries > 3 ? Number.POSITIVE_INFINITY : random.int(1, 12);
        }
      }
      const parts = await partsOf(event, await manifestOf(event));
      expect(Buffer.concat(parts).equals(text), `seed ${seed}`).toBe(true);
    }
    expect(await openUploads(s3, bucket)).toEqual([]);
  });
});

async function inTerminal(rdb: Buffer, options: Partial<DecodeOptions> = {}) {
  const path = join(temporaryFolder(), 'terminal.rdb');
  writeFileSync(path, rdb);
  return decodeFile(path, options);
}

const unpack = (file: string, bytes: Buffer): Buffer => {
  const name = file.replace('.partial', '');
  return name.endsWith('.zst') ? zstdDecompressSync(bytes) : name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
};

/** Remaining times to live, which count from the moment of the decode. */
const withoutTtl = (text: string): string => text.replaceAll(/"ttl":-?\d+/g, '"ttl":0');

/** A file of some chunks at 4 KiB, one of whose values, in a chunk of that number, is damaged inside. */
function withDamage(chunk: number): Buffer {
  const whole = values.HASH_LISTPACK([['field', 'value']]);
  const listpack = Buffer.from(whole.value);
  listpack[3] = (listpack[3] as number) ^ 0xff;
  const file = new RdbFileBuilder().aux('redis-ver', '7.2.0').selectDb(0);
  for (let n = 0; n < 500; n++) {
    if (n === chunk * 70) file.key('damaged', { ...whole, value: listpack });
    file.key(`key:${n}`, values.STRING(`value ${n} of a file with one damaged value`));
  }
  return file.end();
}
