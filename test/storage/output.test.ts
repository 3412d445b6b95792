// Files as outputs, by the suite of all outputs.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFile } from '../../lib/storage/file-sink.ts';
import { openOutput } from '../../lib/storage/output.ts';
import { temporaryFolder } from '../support/folder.ts';
import { outputSuite, rewritableSuite } from './output-suite.ts';

outputSuite('a file', async () => {
  const path = join(temporaryFolder(), 'out');
  return {
    begin: () => openOutput(path),
    read: async () => (existsSync(path) ? readFileSync(path) : undefined),
    leavings: async () => existsSync(`${path}.partial`),
  };
});

rewritableSuite('a file', 100_000, async () => {
  const path = join(temporaryFolder(), 'out');
  return { begin: () => createFile(path), read: async () => (existsSync(path) ? readFileSync(path) : undefined) };
});
