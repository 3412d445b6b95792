// npm run bench:restore: keyferry restore, in turn with a ready RESTORE stream of the same keys through redis-cli --pipe.
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Server, startServer } from '../test/support/servers.ts';
import { type BenchFiles, ensureFiles } from './generate.ts';
import { type Command, type Cost, processCpuSeconds, run, show } from './measure.ts';
import { packageNode, readOptions, runBench } from './options.ts';
import {
  measurePairs,
  megabytes,
  type Pair,
  printPair,
  printPairHead,
  printRequirements,
  printSpreads,
  ratios,
  type Side,
  spread,
} from './pairs.ts';

const REQUIRED_RATIO = 1.0;
const REQUIRED_RSS_MB = 200;
/** After the last key of a run is deleted: time for the server to fall asleep. */
const SETTLE_MS = 500;

interface RestoreCost extends Cost {
  /** What the server spent between the command's start and its end. */
  readonly serverCpuSeconds: number;
}

async function bench(): Promise<boolean> {
  const options = readOptions();
  const files = ensureFiles('mixed');
  if (files.stream === undefined) throw new Error('The data set mixed has no RESTORE stream: delete .bench/.');
  await using server = await startServer('redis-7.0');
  const keyferry: Command = {
    label: 'keyferry',
    program: packageNode(),
    args: [options.cli, 'restore', files.rdb, '--to', `redis://127.0.0.1:${server.port}`, '--fresh', ...options.extra],
  };
  const pipe: Command = {
    label: 'redis-cli',
    program: 'redis-cli',
    args: ['-p', String(server.port), '--pipe'],
    stdin: files.stream,
  };
  console.log(`Into an empty Redis ${server.version}, ${files.keys.toLocaleString('en-US')} keys:`);
  console.log(`A  ${show(keyferry)}\nB  ${show(pipe)}\n`);

  const digests = new Set<string>();
  printPairHead(keyferry.label, pipe.label);
  const pairs = await measurePairs(
    restoring(keyferry, server, files, digests),
    restoring(pipe, server, files, digests),
    options,
    printPair,
  );
  return report(pairs, digests);
}

/** The first run of each side also takes the dataset's digest, outside of the time that is measured. */
function restoring(command: Command, server: Server, files: BenchFiles, digests: Set<string>): Side<RestoreCost> {
  let checked = false;
  return {
    label: command.label,
    measure: async () => {
      forgetPlans(files.rdb);
      await emptied(server);
      const pid = server.process.pid!;
      const before = processCpuSeconds(pid);
      const cost = await run(command);
      const serverCpuSeconds = processCpuSeconds(pid) - before;
      const size = Number(await server.call('DBSIZE'));
      if (size !== files.keys) {
        throw new Error(`${show(command)}: left ${size} keys, not ${files.keys}.\n${cost.output.slice(-2000)}`);
      }
      if (!checked) digests.add(String(await server.call('DEBUG', 'DIGEST')));
      checked = true;
      return { ...cost, serverCpuSeconds };
    },
  };
}

/** Removes what keyferry has left beside the RDB (plan, chunks, ledger), so that each run plans anew. */
function forgetPlans(rdb: string): void {
  for (const name of readdirSync(dirname(rdb))) {
    if (name.startsWith(`${basename(rdb)}.`)) rmSync(join(dirname(rdb), name), { recursive: true });
  }
}

/** Empties the server, gives its free pages back (so that each run begins with the same heap), and lets it settle. */
async function emptied(server: Server): Promise<void> {
  await server.call('FLUSHALL', 'SYNC');
  await server.call('MEMORY', 'PURGE');
  await sleep(SETTLE_MS);
}

function report(pairs: readonly Pair<RestoreCost>[], digests: ReadonlySet<string>): boolean {
  const a = pairs.map((pair) => pair.a);
  const b = pairs.map((pair) => pair.b);
  const rss = (costs: readonly Cost[]): number[] => costs.map((cost) => megabytes(cost.peakRssBytes));
  printSpreads([
    { what: 'A wall, s', values: a.map((cost) => cost.wallSeconds) },
    { what: 'B wall, s', values: b.map((cost) => cost.wallSeconds) },
    { what: 'A / B, pair by pair', values: ratios(pairs), digits: 3 },
    { what: 'A CPU, s', values: a.map((cost) => cost.cpuSeconds) },
    { what: 'B CPU, s', values: b.map((cost) => cost.cpuSeconds) },
    { what: 'server CPU during A, s', values: a.map((cost) => cost.serverCpuSeconds) },
    { what: 'server CPU during B, s', values: b.map((cost) => cost.serverCpuSeconds) },
    { what: 'A peak RSS, MB', values: rss(a), digits: 0 },
    { what: 'B peak RSS, MB', values: rss(b), digits: 0 },
  ]);
  const same = digests.size === 1;
  console.log(
    same ? 'Both sides left the same dataset (DEBUG DIGEST).' : 'MISSED  the two sides left different datasets.',
  );
  const met = printRequirements([
    { what: 'median ratio', measured: spread(ratios(pairs)).median, atMost: REQUIRED_RATIO, unit: '' },
    { what: 'peak RSS of a restore', measured: spread(rss(a)).max, atMost: REQUIRED_RSS_MB, unit: 'MB' },
  ]);
  return same && met;
}

await runBench(bench);
