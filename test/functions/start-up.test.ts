// How long a function takes to load: what people wait for when none is warm.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bundle } from '../../infra/bundle.ts';
import { buildFunctions, FUNCTIONS, MOST_BYTES, MOST_START_BYTES } from '../../scripts/build-functions.ts';
import { WorkFolder } from '../support/restore-run.ts';

/** The goal for each, on a machine that does nothing else. */
const GOAL_MS = 150;
/** Tests run beside others: the best of so many loads says what a function takes. */
const MOST_LOADS = 15;
/** Beside others even the best may take longer; more than this is no longer their doing. */
const MOST_MS = 2 * GOAL_MS;

let folder: WorkFolder;
let bundles: Map<string, Bundle>;
beforeAll(() => {
  folder = new WorkFolder();
  bundles = new Map(buildFunctions(folder.path).map((bundle) => [bundle.name, bundle]));
});
afterAll(() => folder[Symbol.dispose]());

/** Loads a function in a process of its own. */
function load(name: string): { ms: number; handler: string; modules: string[] } {
  const url = JSON.stringify(pathToFileURL(join(folder.path, name, 'index.mjs')).href);
  const script = `const begin = performance.now();
    const { handler } = await import(${url});
    const ms = performance.now() - begin;
    console.log(JSON.stringify({ ms, handler: typeof handler, modules: process.moduleLoadList }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  if (stdout === '') throw new Error(`${name}: ${stderr}`);
  return JSON.parse(stdout);
}

test.each(FUNCTIONS)('%s: its bundle is small, and loads by itself', (name) => {
  const { bytes, startBytes } = bundles.get(name) ?? {};
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
  expect(startBytes).toBeLessThanOrEqual(MOST_START_BYTES);
  const { handler, modules } = load(name);
  expect(handler).toBe('function');
  // Of Node's own modules the largest: fetch and all that belongs to it, which an import of node:http takes along.
  expect(modules.filter((module) => module.includes('undici'))).toEqual([]);
});

test.each(['claim', 'restore-chunk', 'finish'])(
  '%s loads soon',
  (name) => {
    let [loads, best] = [0, Number.POSITIVE_INFINITY];
    while (best > GOAL_MS && loads < MOST_LOADS) {
      best = Math.min(best, load(name).ms);
      loads += 1;
    }
    console.log(`${name}: loaded in ${Math.round(best)} ms (the best of ${loads})`);
    expect(best).toBeLessThan(MOST_MS);
  },
  60_000,
);
