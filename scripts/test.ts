// Runs the tests: a sample of the fault and property tests by default, all of it with --deep. Other arguments go to vitest.
//
// With --deep the deployed stacks are tested three times: on the local AWS as `npm test` has it (corrected where the
// corrections are at hand), as it is installed, and with policies enforced.
//
// Ends with one line of totals: `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
const runs = [run(rest)];
if (deep && rest.length === 0) {
  for (const KEYFERRY_AWS of ['stock', 'enforced']) runs.push(run(['test/e2e'], { KEYFERRY_AWS }));
}
const sum = (count: (totals: Totals) => number) => runs.reduce((all, { totals }) => all + count(totals), 0);
const passed = sum(({ numPassedTests }) => numPassedTests);
const failed = sum(({ numFailedTests }) => numFailedTests);
const skipped = sum(({ numPendingTests, numTodoTests }) => numPendingTests + numTodoTests);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(runs.every(({ ok }) => ok) && passed > 0 && failed === 0 ? 0 : 1);

/** One run of vitest; ends this process where it leaves no results. */
function run(args: string[], more: Record<string, string> = {}): { ok: boolean; totals: Totals } {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-test-'));
  const results = join(folder, 'results.json');
  const { status } = spawnSync(
    join(root, 'node_modules', '.bin', 'vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...args],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...(deep ? { KEYFERRY_RUNS: 'full' } : {}), ...more } },
  );
  const text = existsSync(results) ? readFileSync(results, 'utf8') : undefined;
  rmSync(folder, { recursive: true, force: true });
  if (text !== undefined) return { ok: status === 0, totals: JSON.parse(text) as Totals };
  console.error('vitest left no results');
  process.exit(1);
}
