// RDBs dropped below decode/ of a deployed keyferry: the parts are what the terminal's decode gives.
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DecodeManifest, parseManifest } from '../../lib/jobs/decode-manifest.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { decodedText, parseLines } from '../support/decode-run.ts';
import { getObject } from '../support/local-aws/buckets.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { lacks, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';

const missing = awsLacks || lacks('redis-7.0');
const CONFIG = `
[decode]
chunk-bytes = "64KiB"
memory-mb = 512
timeout = "60s"
concurrency = 3
`;

describe.skipIf(missing !== '')(`decode on a local AWS${missing}`, () => {
  let folder: string;
  let deployment: Deployment;
  let rdb: Buffer;
  /** What the terminal's decode gives. */
  let text: Buffer;
  let done = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyferry-e2e-'));
    const file = join(folder, 'dump.rdb');
    {
      await using source = await startServer('redis-7.0');
      await fill(source, { seed: 20_261_123 });
      await copyFile(await saveRdb(source), file);
    }
    rdb = await readFile(file);
    text = await decodedText(file);
    deployment = await Deployment.of(CONFIG);
  }, 180_000);

  afterEach(() => deployment.forgetNotices());

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** Drops a file; gives the version, and how its execution ended. */
  async function decode(content: Buffer, name: string) {
    const version = await deployment.drop(content, `decode/${name}`);
    const ended = (await deployment.ended('decode', ++done)).at(-1);
    return { ended, parts: `results/decode/${name}/${version}/`, report: `decode/${name}/${version}.json` };
  }

  const manifestIn = async (parts: string): Promise<DecodeManifest> =>
    parseManifest((await deployment.read(`${parts}manifest.json`)) ?? '', parts);

  /** The text of all parts, after a look at their sums. */
  async function textOf(folderOfParts: string, { parts }: DecodeManifest): Promise<Buffer> {
    const texts = parts.map(async ({ file, sha256 }) => {
      const part = (await getObject(deployment.s3, deployment.bucket, folderOfParts + file)) ?? Buffer.alloc(0);
      expect(createHash('sha256').update(part).digest('hex'), file).toBe(sha256);
      return zstdDecompressSync(part);
    });
    return Buffer.concat(await Promise.all(texts));
  }

  test('an RDB below decode/ becomes the lines that the terminal writes, with manifest, report, tag and notice', async () => {
    const { ended, parts, report } = await decode(rdb, 'nightly.rdb');
    expect(ended).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    const manifest = await manifestIn(parts);
    expect(manifest).toMatchObject({ complete: true, location: `s3://${deployment.bucket}/${parts}` });
    expect(manifest.parts.length).toBeGreaterThanOrEqual(8);
    const lines = await textOf(parts, manifest);
    expect(lines.equals(text)).toBe(true);
    expect(parseLines(lines)).toHaveLength(manifest.lines);
    expect(JSON.parse((await deployment.read(`results/${report}`)) ?? '{}')).toMatchObject({
      ...{ state: 'succeeded', outcome: 'complete', job: { mode: 'decode' }, keys: { written: manifest.keys } },
    });
    expect(await deployment.tagsOf('decode/nightly.rdb')).toMatchObject({ keyferry: 'succeeded' });
    const [notice] = await deployment.told(1);
    expect(notice?.subject).toBe('keyferry: decode of nightly.rdb succeeded');
    expect(notice?.text).toContain(`${parts}manifest.json`);
  });

  test('so does a packed one', async () => {
    const { ended, parts } = await decode(gzipSync(rdb), 'nightly.rdb.gz');
    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    expect((await textOf(parts, await manifestIn(parts))).equals(text)).toBe(true);
  });

  test('parts end where a value is damaged: quarantined, and the manifest says that it is not complete', async () => {
    const listpack = Buffer.from(values.HASH_LISTPACK([['field', 'value']]).value);
    listpack[3] = (listpack[3] as number) ^ 0xff;
    const file = new RdbFileBuilder().selectDb(0);
    for (let n = 0; n < 4000; n++) file.key(`key:${n}`, values.STRING('some value of a file with one damaged value'));
    file.key('damaged', { ...values.HASH_LISTPACK([['field', 'value']]), value: listpack });
    const { ended, parts, report } = await decode(file.end(), 'damaged.rdb');
    expect(ended).toMatchObject({ status: 'FAILED', error: 'RDB_LISTPACK' });
    expect(ended?.cause).toContain('salvage');
    const manifest = await manifestIn(parts);
    expect(manifest).toMatchObject({ complete: false, keys: 4000, error: { code: 'RDB_LISTPACK' } });
    expect(manifest.parts.at(-1)?.complete).toBe(false);
    expect(parseLines(await textOf(parts, manifest))).toHaveLength(manifest.lines);
    expect(JSON.parse((await deployment.read(`quarantine/${report}`)) ?? '{}')).toMatchObject({ state: 'quarantined' });
    expect(await deployment.tagsOf('decode/damaged.rdb')).toMatchObject({ keyferry: 'quarantined' });
  });
});
