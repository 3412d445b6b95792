// JSON Lines, and a decode's parts by their manifest, dropped into the bucket of a deployed keyferry.
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../../lib/jobs/decode.ts';
import { PartFiles } from '../../lib/jobs/part-files.ts';
import { openOutput } from '../../lib/storage/output.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { type Server, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';

const DOOR = 'load/cache';

describe.skipIf(awsLacks !== '')(`load on a local AWS${awsLacks}`, () => {
  let folder: string;
  let deployment: Deployment;
  let cache: Server;
  /** Of the server that the lines come from. */
  let digest: unknown;
  let lines: Buffer;
  let count: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyferry-e2e-'));
    const rdb = join(folder, 'dump.rdb');
    {
      await using source = await startServer('redis-7.0');
      await fill(source, { seed: 20_261_123 });
      await copyFile(await saveRdb(source), rdb);
    }
    cache = await startServer('redis-7.0', { rdb });
    digest = await cache.call('DEBUG', 'DIGEST');
    await decode({ files: [rdb], output: await openOutput(join(folder, 'dump.jsonl')) });
    lines = await readFile(join(folder, 'dump.jsonl'));
    count = lines.toString('latin1').split('\n').length - 1;
    await decode({ files: [rdb], output: await PartFiles.open(join(folder, 'parts'), { parts: 5, packing: 'zst' }) });
    const config = `
[targets.cache]
endpoint = "redis://127.0.0.1:${cache.port}"
concurrency = 3

[restore]
memory-mb = 512
timeout = "60s"

[load]
chunk-bytes = "64KiB"
memory-mb = 512
timeout = "60s"

[decode]
chunk-bytes = "256KiB"
memory-mb = 512
timeout = "60s"
`;
    deployment = await Deployment.of(config, { settings: { SFN_WAIT_SCALE: '0.02' } });
    await empty();
  }, 180_000);

  async function empty(): Promise<void> {
    await cache.call('FLUSHALL');
    await cache.call('FUNCTION', 'FLUSH');
  }

  afterEach(async () => {
    deployment.forgetNotices();
    await empty();
  });

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await cache?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** Drops an object below the door; gives its version, and how its execution ended. */
  async function load(content: Buffer, name: string) {
    const seen = (await deployment.executions(DOOR)).length;
    const key = `${DOOR}/${name}`;
    const version = await deployment.drop(content, key);
    const ended = (await deployment.ended(DOOR, seen + 1)).at(-1);
    const report = async (under = 'results') =>
      JSON.parse((await deployment.read(`${under}/${key}/${version}.json`)) ?? '{}');
    return { key, version, ended, report };
  }

  test('lines that a decode wrote arrive as what was decoded, with report, tag and notice', async () => {
    const { key, version, ended, report } = await load(lines, 'dump.jsonl');
    expect(ended).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
    const { state, job, read, planned } = await report();
    expect({ state, job }).toMatchObject({ state: 'succeeded', job: { mode: 'load', target: 'cache', version } });
    expect(read).toEqual({ lines: count, keys: planned.keys, files: 1 });
    expect(planned.chunks).toBeGreaterThanOrEqual(8);
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'succeeded' });
    expect(await deployment.told(1)).toMatchObject([{ subject: 'keyferry: load of dump.jsonl succeeded' }]);
  });

  test('a copy of the manifest that the decode door wrote loads its parts where they lie, as one job', async () => {
    const decoded = await deployment.drop(join(folder, 'dump.rdb'), 'decode/dump.rdb');
    expect(await deployment.ended('decode', 1)).toMatchObject([{ status: 'SUCCEEDED' }]);
    const manifest = await deployment.read(`results/decode/dump.rdb/${decoded}/manifest.json`);
    deployment.forgetNotices();
    const { ended, report } = await load(Buffer.from(manifest ?? ''), 'dump.json');
    expect(ended).toMatchObject({ status: 'SUCCEEDED', error: undefined });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
    const { read, planned } = await report();
    expect(read).toMatchObject({ lines: count, keys: planned.keys });
    expect(read.files).toBeGreaterThan(1);
    expect(await deployment.told(1)).toHaveLength(1);
  });

  test('a bad line puts the file into quarantine by its number, and a foreign file too; nothing is written', async () => {
    const bad = Buffer.concat([lines, Buffer.from('{"db":0,"key":"x"\n')]);
    const { key, ended, report } = await load(bad, 'bad.jsonl');
    expect(ended).toMatchObject({ status: 'FAILED', error: 'JSON_SYNTAX' });
    const line = `line ${(count + 1).toLocaleString('en-US')}`;
    expect(ended?.cause).toContain(`s3://${deployment.bucket}/${key}, ${line}`);
    expect(JSON.stringify(await report('quarantine'))).toContain(line);
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'quarantined' });
    const foreign = await load(lines, 'lines.txt');
    expect(foreign.ended).toMatchObject({ status: 'FAILED', error: 'DOOR_SUFFIX' });
    expect(await deployment.tagsOf(foreign.key)).toMatchObject({ keyferry: 'quarantined' });
    expect(await cache.call('DBSIZE')).toBe(0);
  });

  test('a part that is missing is a failed job by its name; a retry, with the part put back, loads all', async () => {
    const at = 'results/decode/other/';
    const manifest = JSON.parse(await readFile(join(folder, 'parts', 'manifest.json'), 'utf8'));
    const [missing, ...others] = manifest.parts.map(({ file }: { file: string }) => file);
    for (const name of others) await deployment.drop(join(folder, 'parts', name), at + name);
    const copy = JSON.stringify({ ...manifest, location: `s3://${deployment.bucket}/${at}` });
    const { key, version, ended } = await load(Buffer.from(copy), 'missing.json');
    expect(ended).toMatchObject({ status: 'FAILED', error: 'MANIFEST_PART' });
    expect(ended?.cause).toContain(at + missing);
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'failed' });
    expect(await cache.call('DBSIZE')).toBe(0);
    await deployment.drop(join(folder, 'parts', missing), at + missing);
    const before = (await deployment.executions(DOOR)).length;
    await deployment.start(DOOR, { bucket: deployment.bucket, key, version, retry: 'first' });
    expect((await deployment.ended(DOOR, before + 1)).at(-1)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });
});
