// bench/inspect.ts: an inspection, in turn with a plan that only reads the same file: what counting and measuring adds.

import { countedSide } from './counted-side.ts';
import { type DataSetName, dataSets } from './datasets.ts';
import { ensureFiles } from './generate.ts';
import { type Command, show } from './measure.ts';
import { type BenchOptions, chosenOf, packageNode, readOptions, runBench } from './options.ts';
import {
  measurePairs,
  megabytes,
  printPair,
  printPairHead,
  printRequirements,
  printSpreads,
  type Requirement,
  ratios,
  spread,
} from './pairs.ts';

const NAMES: readonly DataSetName[] = ['mixed', 'big', 'lzf'];
const REQUIRED_RSS_MB = 200;

async function bench(): Promise<boolean> {
  const options = readOptions();
  const requirements: Requirement[] = [];
  for (const name of chosenOf(NAMES, options)) requirements.push(await compare(name, options));
  return printRequirements(requirements);
}

async function compare(name: DataSetName, options: BenchOptions): Promise<Requirement> {
  const files = ensureFiles(name);
  const run = (label: string, ...args: string[]): Command => ({
    label,
    program: packageNode(),
    args: [options.cli, label, files.rdb, ...args],
  });
  const inspect = run('inspect', ...options.extra);
  const plan = run('plan', '--no-write', '--quiet');
  console.log(`${name}, ${megabytes(files.rdbBytes).toFixed(1)} MB, ${dataSets[name].summary}`);
  console.log(`A  ${show(inspect)}\nB  ${show(plan)}\n`);
  printPairHead(inspect.label, plan.label);
  const pairs = await measurePairs(countedSide(inspect, files), countedSide(plan, files), options, printPair);
  const a = pairs.map((pair) => pair.a);
  const rss = a.map((cost) => megabytes(cost.peakRssBytes));
  printSpreads([
    { what: 'A wall, s', values: a.map((cost) => cost.wallSeconds) },
    { what: 'A CPU, s', values: a.map((cost) => cost.cpuSeconds) },
    { what: 'B CPU, s', values: pairs.map(({ b }) => b.cpuSeconds) },
    { what: 'A / B, pair by pair', values: ratios(pairs), digits: 2 },
    { what: 'A peak RSS, MB', values: rss, digits: 0 },
  ]);
  return {
    what: `peak RSS of an inspection of ${name}`,
    measured: spread(rss).max,
    atMost: REQUIRED_RSS_MB,
    unit: 'MB',
  };
}

await runBench(bench);
