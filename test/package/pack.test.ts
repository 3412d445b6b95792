// What the registry would serve: packed, installed into an empty folder, imported, type-checked and run there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), 'keyferry-pack-'));
const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: folder, encoding: 'utf8' });

beforeAll(() => {
  // The checkout is built by `prepare`; building it again here would pull dist away from under other tests.
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const parsed = JSON.parse(packed) as { filename: string }[] | Record<string, { filename: string }>;
  const [tarball] = Object.values(parsed);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', type: 'module', private: true }));
  run(
    'npm',
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--silent',
    join(folder, tarball?.filename ?? ''),
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the library and the RDB engine are imported as compiled ESM', () => {
  writeFileSync(
    join(folder, 'use.mjs'),
    `import { restore, parseRedisUrl } from 'keyferry';
     import { RdbScanner, ScanEvent } from 'keyferry/rdb';
     const rdb = Buffer.concat([Buffer.from('REDIS0009'), Buffer.from([0, 1, 0x6b, 1, 0x76, 0xff]), Buffer.alloc(8)]);
     const scanner = new RdbScanner();
     scanner.feed(rdb);
     const found = scanner.next() === ScanEvent.KEY ? scanner.key().toString() : 'nothing';
     console.log(JSON.stringify([typeof restore, parseRedisUrl('redis://h:1/2').db, found]));`,
  );
  expect(JSON.parse(run(process.execPath, 'use.mjs'))).toEqual(['function', 2, 'k']);
});

test('the declarations serve a strict TypeScript user', () => {
  writeFileSync(
    join(folder, 'use.ts'),
    `import { type RestoreReport, restore, parseRedisUrl } from 'keyferry';
     import { type ValueType, redisTypes } from 'keyferry/rdb';
     export const report: Promise<RestoreReport> = restore({ files: [], target: parseRedisUrl('redis://h') });
     export const type: ValueType | undefined = redisTypes[0];
     // @ts-expect-error a policy that does not exist
     export const wrong = restore({ files: [], target: parseRedisUrl('redis://h'), onConflict: 'merge' });`,
  );
  const compilerOptions = {
    module: 'nodenext',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  expect(() => run(join(root, 'node_modules', '.bin', 'tsc'), '-p', 'tsconfig.json')).not.toThrow();
});

test('the terminal tool starts, says its version, and needs no dependency of its own', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(run(join(folder, 'node_modules', '.bin', 'keyferry'), '--version').trim()).toBe(version);
});

test('nothing but what a user needs is packed', () => {
  const files = run(
    'tar',
    '-tzf',
    join(folder, `keyferry-${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}.tgz`),
  );
  const strays = files
    .trim()
    .split('\n')
    .filter(
      (file) =>
        !/^package\/(dist\/|package\.json|README\.md|LICENSE|CHANGELOG\.md)/.test(file) ||
        /\.test\.|\.wasm\.ts$/.test(file),
    );
  expect(strays).toEqual([]);
});
