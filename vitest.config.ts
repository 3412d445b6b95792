// Unit and integration tests alike: real servers need more time than vitest's defaults, and processes of their own.
import { defineConfig } from 'vitest/config';

const deep = process.env.KEYFERRY_RUNS === 'full';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: deep ? 3_600_000 : 120_000,
    hookTimeout: 120_000,
    // One worker's garbage must not count as another's memory.
    execArgv: ['--expose-gc'],
  },
});
