// Bundles the functions for the npm package, one folder each in dist/functions, and says how large they are.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bundle, bundleFunction } from '../infra/bundle.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'functions');

/** What each may take at most, and what of it a cold start may load: more would be felt. */
export const MOST_BYTES = 1_500_000;
export const MOST_START_BYTES = 850_000;

/** What the stack calls; other files in functions/ are parts of these. */
export const FUNCTIONS = [
  'claim',
  'lease',
  'build',
  'plan',
  'prepare',
  'restore-chunk',
  'finish',
  'decode-chunk',
  'decode-finish',
  'dump-discover',
  'dump-shard',
  'dump-finish',
  'dump-fail',
  'backup-age',
  'fail',
  'stray',
  'doctor',
  'empty-bucket',
] as const;

/** @throws when one is larger than it may be */
export function buildFunctions(out = join(root, 'dist', 'functions')): Bundle[] {
  rmSync(out, { recursive: true, force: true });
  const bundles = FUNCTIONS.map((name) => bundleFunction(name, sources, out));
  const large = bundles.filter(({ bytes, startBytes }) => bytes > MOST_BYTES || startBytes > MOST_START_BYTES);
  if (large.length > 0) throw new Error(`larger than it may be: ${large.map(({ name }) => name).join(', ')}`);
  return bundles;
}

if (import.meta.main) {
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;
  for (const { name, bytes, startBytes } of buildFunctions()) {
    console.log(`${name.padEnd(16)}${kilobytes(bytes).padStart(8)}, loaded at a start: ${kilobytes(startBytes)}`);
  }
}
