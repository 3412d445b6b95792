// Runs the tests: a sample of the fault and property tests by default, all of it with --deep. Other arguments go to vitest.
//
// Ends with one line of totals: `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureRedis } from './ensure-redis.ts';

interface Totals {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const deep = process.argv.includes('--deep');
const rest = process.argv.slice(2).filter((argument) => argument !== '--deep');

if (!ensureRedis()) process.exit(1);
const folder = mkdtempSync(join(tmpdir(), 'keyferry-test-'));
const results = join(folder, 'results.json');
const { status } = spawnSync(
  join(root, 'node_modules', '.bin', 'vitest'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...rest],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...(deep ? { KEYFERRY_RUNS: 'full' } : {}) } },
);
let totals: Totals | undefined;
try {
  totals = JSON.parse(readFileSync(results, 'utf8')) as Totals;
} catch {
  console.error('vitest left no results');
}
rmSync(folder, { recursive: true, force: true });
if (totals === undefined) process.exit(1);
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = totals;
console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`);
process.exit(status === 0 && numPassedTests > 0 && numFailedTests === 0 ? 0 : 1);
