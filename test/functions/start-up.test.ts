// How long a function takes to load: what people wait for when none is warm.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { bundleFunction } from '../../infra/bundle.ts';
import { MOST_BYTES } from '../../scripts/build-functions.ts';
import { WorkFolder } from '../support/restore-run.ts';

const SOURCES = fileURLToPath(new URL('../../functions', import.meta.url));
const TIMES = 9;
/** The goal is 150 ms on a quiet machine; tests run beside others, and catch only what makes it a matter of another kind. */
const MOST_CPU_MS = 600;

/** Loads a module in a process of its own; ms of time, and of the processor's. */
function load(file: string): { ms: number; cpuMs: number } {
  const url = JSON.stringify(pathToFileURL(file).href);
  const script = `const begin = performance.now(), used = process.cpuUsage();
    await import(${url});
    const { user, system } = process.cpuUsage(used);
    console.log(JSON.stringify({ ms: performance.now() - begin, cpuMs: (user + system) / 1000 }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as { ms: number; cpuMs: number };
}

const median = (values: number[]): number => Math.round(values.sort((a, b) => a - b)[values.length >> 1] ?? 0);

test.each(['restore-chunk', 'finish'])(
  '%s is small, and loads soon',
  async (name) => {
    using folder = new WorkFolder();
    const { bytes } = bundleFunction(name, SOURCES, folder.path);
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
    const loads = Array.from({ length: TIMES }, () => load(join(folder.path, name, 'index.mjs')));
    const ms = median(loads.map((each) => each.ms));
    const cpuMs = median(loads.map((each) => each.cpuMs));
    console.log(
      `${name}: ${Math.round(bytes / 1000)} kB, loaded in ${ms} ms, of the processor ${cpuMs} ms (median of ${TIMES})`,
    );
    expect(cpuMs).toBeLessThan(MOST_CPU_MS);
  },
  60_000,
);
