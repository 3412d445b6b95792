// npm run bench:dump: keyferry dump with all of its checks, in turn with redis-cli --rdb from the same server.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../test/support/servers.ts';
import { BENCH_FOLDER, ensureFiles } from './generate.ts';
import { type Command, type Cost, run, show } from './measure.ts';
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

const REQUIRED_RATIO = 1.1;
const REQUIRED_RSS_MB = 200;

async function bench(): Promise<boolean> {
  const options = readOptions();
  const files = ensureFiles('mixed');
  const folder = mkdtempSync(join(BENCH_FOLDER, 'dump-'));
  const output = join(folder, 'dump.rdb');
  try {
    await using server = await startServer('redis-7.0', {
      rdb: files.rdb,
      deadlineMs: 120_000,
      // Without it the server would wait for other replicas: seconds that say nothing of either side.
      config: { 'repl-diskless-sync-delay': '0' },
    });
    const keyferry: Command = {
      label: 'keyferry',
      program: packageNode(),
      args: [options.cli, 'dump', '--from', server.url, '-o', output, ...options.extra],
    };
    const cli: Command = {
      label: 'redis-cli',
      program: 'redis-cli',
      args: ['-p', String(server.port), '--rdb', output],
    };
    console.log(`From Redis ${server.version} with ${files.keys.toLocaleString('en-US')} keys:`);
    console.log(`A  ${show(keyferry)}\nB  ${show(cli)}\n`);
    printPairHead(keyferry.label, cli.label);
    const pairs = await measurePairs(dumping(keyferry, output), dumping(cli, output), options, printPair);
    return report(pairs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each run begins without the file that the last one has written. */
function dumping(command: Command, output: string): Side {
  return {
    label: command.label,
    measure: async () => {
      rmSync(output, { force: true });
      const cost = await run(command);
      if (statSync(output).size === 0) throw new Error(`${show(command)} has written nothing.`);
      return cost;
    },
  };
}

function report(pairs: readonly Pair<Cost>[]): boolean {
  const of = (side: 'a' | 'b', value: (cost: Cost) => number) => pairs.map((pair) => value(pair[side]));
  const rss = of('a', ({ peakRssBytes }) => megabytes(peakRssBytes));
  printSpreads([
    { what: 'A wall, s', values: of('a', ({ wallSeconds }) => wallSeconds) },
    { what: 'B wall, s', values: of('b', ({ wallSeconds }) => wallSeconds) },
    { what: 'A / B, pair by pair', values: ratios(pairs), digits: 3 },
    { what: 'A CPU, s', values: of('a', ({ cpuSeconds }) => cpuSeconds) },
    { what: 'B CPU, s', values: of('b', ({ cpuSeconds }) => cpuSeconds) },
    { what: 'A peak RSS, MB', values: rss, digits: 0 },
  ]);
  return printRequirements([
    { what: 'median ratio', measured: spread(ratios(pairs)).median, atMost: REQUIRED_RATIO, unit: '' },
    { what: 'peak RSS of a dump', measured: spread(rss).max, atMost: REQUIRED_RSS_MB, unit: 'MB' },
  ]);
}

await runBench(bench);
