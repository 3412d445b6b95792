// What the registry would serve: packed, installed into an empty folder, imported, type-checked and run there.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InstalledPackage } from '../support/installed-package.ts';

let installed: InstalledPackage;
beforeAll(() => {
  installed = new InstalledPackage();
});
afterAll(() => installed[Symbol.dispose]());

test('the library and the RDB engine are imported as compiled ESM', () => {
  writeFileSync(
    installed.path('use.mjs'),
    `import { restore, parseRedisUrl } from 'keyferry';
     import { RdbScanner, ScanEvent } from 'keyferry/rdb';
     const rdb = Buffer.concat([Buffer.from('REDIS0009'), Buffer.from([0, 1, 0x6b, 1, 0x76, 0xff]), Buffer.alloc(8)]);
     const scanner = new RdbScanner();
     scanner.feed(rdb);
     const found = scanner.next() === ScanEvent.KEY ? scanner.key().toString() : 'nothing';
     console.log(JSON.stringify([typeof restore, parseRedisUrl('redis://h:1/2').db, found]));`,
  );
  expect(JSON.parse(installed.run(process.execPath, 'use.mjs'))).toEqual(['function', 2, 'k']);
});

test('the declarations serve a strict TypeScript user', () => {
  writeFileSync(
    installed.path('use.ts'),
    `import { type RestoreReport, restore, parseRedisUrl } from 'keyferry';
     import { type ValueType, redisTypes } from 'keyferry/rdb';
     export const report: Promise<RestoreReport> = restore({ files: [], target: parseRedisUrl('redis://h') });
     export const type: ValueType | undefined = redisTypes[0];
     // @ts-expect-error a policy that does not exist
     export const wrong = restore({ files: [], target: parseRedisUrl('redis://h'), onConflict: 'merge' });`,
  );
  expect(() => installed.checkTypes('use.ts')).not.toThrow();
});

test('the terminal tool starts, says its version, and needs no dependency of its own', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(installed.run(installed.path('node_modules', '.bin', 'keyferry'), '--version').trim()).toBe(version);
});

test('nothing but what a user needs is packed', () => {
  const files = installed.run('tar', '-tzf', basename(installed.tarball));
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
