import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type DecodeOptions, decode } from '../../lib/jobs/decode.ts';
import { type DecodeManifest, parseManifest } from '../../lib/jobs/decode-manifest.ts';
import { PartFiles } from '../../lib/jobs/part-files.ts';
import { openOutput } from '../../lib/storage/output.ts';
import { temporaryFolder } from '../support/folder.ts';
import { values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';

const sample = join(import.meta.dirname, '..', 'fixtures', 'sample.rdb');

interface Split {
  folder: string;
  manifest: DecodeManifest;
  parts: Buffer[];
}

async function split(
  files: string[],
  { parts, packing, ...options }: { parts?: number; packing?: 'gz' | 'zst' | undefined } & Partial<DecodeOptions> = {},
): Promise<Split> {
  const folder = join(temporaryFolder(), 'out');
  await decode({ files, output: await PartFiles.open(folder, { parts, packing }), ...options });
  const manifest = parseManifest(readFileSync(join(folder, 'manifest.json'), 'utf8'), folder);
  const unpack = packing === 'gz' ? gunzipSync : packing === 'zst' ? zstdDecompressSync : (bytes: Buffer) => bytes;
  return { folder, manifest, parts: manifest.parts.map(({ file }) => unpack(readFileSync(join(folder, file)))) };
}

async function whole(path: string): Promise<Buffer> {
  const out = join(temporaryFolder(), 'out.jsonl');
  await decode({ files: [path], output: await openOutput(out) });
  return existsSync(out) ? readFileSync(out) : readFileSync(`${out}.partial`);
}

const lineCount = (text: Buffer): number => text.toString().split('\n').length - 1;

describe('parts', () => {
  test.each([
    [undefined, 1],
    [undefined, 3],
    ['gz', 1],
    ['zst', 3],
  ] as const)(
    'packed as %s, with %i threads, are the whole in pieces, as the manifest says',
    async (packing, threads) => {
      const { folder, manifest, parts } = await split([sample], { parts: 4, packing, threads });
      expect(Buffer.concat(parts).equals(await whole(sample))).toBe(true);
      expect(manifest).toMatchObject({ complete: true, keys: 19_992, error: null, damaged: [] });
      expect(manifest.parts.map(({ file }) => file)).toEqual(
        [0, 1, 2, 3].map((n) => `part-0000${n}.jsonl${packing === undefined ? '' : `.${packing}`}`),
      );
      let keys = 0;
      for (const [n, part] of manifest.parts.entries()) {
        const stored = readFileSync(join(folder, part.file));
        expect(part).toMatchObject({ source: sample, complete: true, bytes: stored.length });
        expect(part.sha256).toBe(createHash('sha256').update(stored).digest('hex'));
        expect(part.jsonBytes).toBe((parts[n] as Buffer).length);
        expect(part.lines).toBe(lineCount(parts[n] as Buffer));
        // About a quarter of the file each.
        expect(part.keys).toBeGreaterThan(1000);
        keys += part.keys;
      }
      expect(keys).toBe(manifest.keys);
    },
  );

  test('are the same, and have the same manifest, whatever the number of threads', async () => {
    const alone = await split([sample], { parts: 3 });
    const threaded = await split([sample], { parts: 3, threads: 2 });
    expect(threaded.manifest).toEqual(alone.manifest);
  });

  test('of several files go on being numbered, and never hold lines of two', async () => {
    const other = join(temporaryFolder(), 'other.rdb');
    writeFileSync(other, new RdbFileBuilder('REDIS0010').selectDb(0).key('only', values.STRING('1')).end());
    const { manifest, parts } = await split([other, sample], { parts: 2 });
    expect(manifest.parts.map(({ source, keys }) => [source === other, keys > 0])).toEqual([
      [true, true],
      [true, false],
      [false, true],
      [false, true],
    ]);
    expect(parts[0]?.toString()).toContain('"key":"only"');
    expect(parts[1]).toHaveLength(0);
    expect(manifest.keys).toBe(19_993);
  });

  test('hold all lines of a value in one', async () => {
    const path = join(temporaryFolder(), 'long.rdb');
    const rdb = new RdbFileBuilder('REDIS0010').selectDb(0).key('before', values.STRING('1'));
    writeFileSync(
      path,
      rdb
        .key('long', values.STRING('x'.repeat(3_000_000)))
        .key('z', values.STRING('2'))
        .end(),
    );
    const { parts } = await split([path], { parts: 3, maxLineBytes: 100_000 });
    expect(parts.filter((part) => part.includes('"key":"long"'))).toHaveLength(1);
  });
});

describe('a damaged file', () => {
  test.each([1, 2])('leaves a manifest that says so, with %i threads', async (threads) => {
    const path = join(temporaryFolder(), 'cut.rdb');
    const bytes = readFileSync(sample);
    writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    const { manifest, parts } = await split([path], { parts: 4, threads });
    expect(manifest).toMatchObject({ complete: false, error: { code: 'RDB_TRUNCATED' } });
    expect(manifest.parts.map(({ complete }) => complete).at(-1)).toBe(false);
    expect(manifest.parts.at(-1)?.file).toMatch(/\.partial$/);
    expect(Buffer.concat(parts).equals(await whole(path))).toBe(true);
  });

  test('names what was salvaged around', async () => {
    const path = join(temporaryFolder(), 'inside.rdb');
    const listpack = Buffer.from(values.HASH_LISTPACK([['f', 'v']]).value);
    listpack[3] = (listpack[3] as number) ^ 0xff;
    const rdb = new RdbFileBuilder('REDIS0010').selectDb(3);
    rdb.key(Buffer.from([0xff]), { ...values.HASH_LISTPACK([['f', 'v']]), value: listpack });
    writeFileSync(path, rdb.key('z', values.STRING('2')).end());
    const { manifest } = await split([path], { salvage: true });
    expect(manifest).toMatchObject({ complete: true, damaged: [{ db: 3, key: { base64: '/w==' }, file: path }] });
  });
});

test('a folder that holds parts already is left alone', async () => {
  const { folder } = await split([sample]);
  const before = readdirSync(folder);
  await expect(PartFiles.open(folder)).rejects.toThrow(expect.objectContaining({ code: 'OUTPUT_NOT_EMPTY' }));
  expect(readdirSync(folder)).toEqual(before);
});

test.each(['', '[]', '{"format":"other","parts":[]}', '{"format":"keyferry-decode","version":2,"parts":[]}'])(
  'what is no manifest is refused: %j',
  (text) => {
    expect(() => parseManifest(text, 'manifest.json')).toThrow(expect.objectContaining({ code: 'MANIFEST_FORMAT' }));
  },
);
