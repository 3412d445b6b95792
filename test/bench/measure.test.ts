// What the benches say about a run is what the run cost.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Command, run } from '../../bench/measure.ts';
import { measurePairs, ratios, spread } from '../../bench/pairs.ts';

const script = (code: string): Command => ({ label: 'script', program: process.execPath, args: ['-e', code] });

test('CPU, wall time and memory peak belong to the command alone', async () => {
  const busy = await run(
    script(`const held = Buffer.alloc(80 << 20, 1); const until = process.cpuUsage().user + 200_000;
      for (let n = 0; n % 1e6 !== 0 || process.cpuUsage().user < until; n++); console.log(held.length);`),
  );
  const idle = await run({ label: 'sleep', program: 'sleep', args: ['0.3'] });
  expect(busy.cpuSeconds).toBeGreaterThanOrEqual(0.2);
  expect(busy.wallSeconds).toBeGreaterThanOrEqual(0.2);
  expect(busy.peakRssBytes).toBeGreaterThan(80 << 20);
  expect(busy.output).toBe(`${80 << 20}\n`);
  expect(idle.wallSeconds).toBeGreaterThanOrEqual(0.3);
  expect(idle.cpuSeconds).toBeLessThan(0.1);
  // not even what this process, which spawned it, holds itself
  expect(idle.peakRssBytes).toBeLessThan(20 << 20);
});

test('a command reads the file that is its standard input', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-measure-'));
  try {
    writeFileSync(join(folder, 'input'), 'the input');
    const cost = await run({ label: 'cat', program: 'cat', args: [], stdin: join(folder, 'input') });
    expect(cost.output).toBe('the input');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a command that fails is no measurement: the error names it and shows what it said', async () => {
  await expect(run(script('console.error("out of cheese"); process.exit(3)'))).rejects.toThrow(
    /ended with 3\n.*out of cheese/s,
  );
  await expect(run({ label: 'none', program: 'no-such-program-here', args: [] })).rejects.toThrow(/ENOENT/);
});

test('pairs run in turn, warm-ups do not count', async () => {
  const turns: string[] = [];
  const side = (label: string, wallSeconds: number) => ({
    label,
    measure: async () => {
      turns.push(label);
      return { wallSeconds, cpuSeconds: 0, peakRssBytes: 0, output: '' };
    },
  });
  const pairs = await measurePairs(side('A', 1), side('B', 4), { pairs: 2, warmup: 1 });
  expect(turns.join(' ')).toBe('A B A B A B');
  expect(ratios(pairs)).toEqual([0.25, 0.25]);
});

test('a spread is the least, the middle and the most, however they came', () => {
  expect(spread([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
  expect(spread([10, 1, 2, 4])).toEqual({ min: 1, median: 3, max: 10 });
});
