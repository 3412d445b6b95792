// Files as byte sources, by the suite of all sources; and when two pins are the same.
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type SourcePin, samePin } from '../../lib/storage/byte-source.ts';
import { openFile } from '../../lib/storage/file-source.ts';
import { temporaryFolder } from '../support/folder.ts';
import { byteSourceSuite, type Stored } from './byte-source-suite.ts';

async function storeInFile(bytes: Buffer): Promise<Stored> {
  const path = join(temporaryFolder(), 'stored.rdb');
  writeFileSync(path, bytes);
  return {
    open: () => openFile(path),
    replace: async (others) => {
      // The same file with other content, as a copy that is still under way would do.
      if (others.length < bytes.length) truncateSync(path, others.length);
      else writeFileSync(path, others);
    },
    remove: async () => rmSync(path),
  };
}

byteSourceSuite('a file', storeInFile);

test('two pins are the same only where all that is known of both is', () => {
  const pin: SourcePin = { size: 5, mtimeMs: 7, etag: 'e', version: 'v' };
  expect(samePin(pin, { ...pin })).toBe(true);
  expect(samePin(pin, { ...pin, size: 6 })).toBe(false);
  expect(samePin(pin, { ...pin, mtimeMs: 8 })).toBe(false);
  expect(samePin(pin, { ...pin, etag: 'f' })).toBe(false);
  expect(samePin(pin, { ...pin, version: undefined })).toBe(false);
  expect(samePin({ size: 5 }, { size: 5, mtimeMs: undefined })).toBe(true);
});
