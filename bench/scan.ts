// npm run bench:scan: a plan that only reads (a scan with CRC), in turn with redis-check-rdb on the same file.

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

const REQUIRED_RATIOS: Readonly<Partial<Record<DataSetName, number>>> = {
  'mixed-scan': 0.4,
  big: 0.15,
  lzf: 0.45,
};
const REQUIRED_RSS_MB = 200;

async function bench(): Promise<boolean> {
  const options = readOptions();
  const requirements: Requirement[] = [];
  for (const name of chosenOf(Object.keys(REQUIRED_RATIOS) as DataSetName[], options)) {
    requirements.push(...(await scan(name, REQUIRED_RATIOS[name] as number, options)));
  }
  return printRequirements(requirements);
}

async function scan(name: DataSetName, requiredRatio: number, options: BenchOptions): Promise<Requirement[]> {
  const files = ensureFiles(name);
  const keyferry: Command = {
    label: 'keyferry',
    program: packageNode(),
    args: [options.cli, 'plan', files.rdb, '--no-write', ...options.extra],
  };
  const check: Command = { label: 'check-rdb', program: 'redis-check-rdb', args: [files.rdb] };
  console.log(`${name}, ${megabytes(files.rdbBytes).toFixed(1)} MB, ${dataSets[name].summary}`);
  console.log(`A  ${show(keyferry)}\nB  ${show(check)}\n`);
  printPairHead(keyferry.label, check.label);
  const pairs = await measurePairs(countedSide(keyferry, files), countedSide(check, files), options, printPair);
  const a = pairs.map((pair) => pair.a);
  const b = pairs.map((pair) => pair.b);
  const rss = a.map((cost) => megabytes(cost.peakRssBytes));
  printSpreads([
    { what: 'A wall, s', values: a.map((cost) => cost.wallSeconds) },
    { what: 'B wall, s', values: b.map((cost) => cost.wallSeconds) },
    { what: 'A / B, pair by pair', values: ratios(pairs), digits: 3 },
    {
      what: 'A MB/s, start-up included',
      values: a.map((cost) => megabytes(files.rdbBytes) / cost.wallSeconds),
      digits: 0,
    },
    { what: 'A CPU, s', values: a.map((cost) => cost.cpuSeconds) },
    { what: 'B CPU, s', values: b.map((cost) => cost.cpuSeconds) },
    { what: 'A peak RSS, MB', values: rss, digits: 0 },
  ]);
  return [
    { what: `median ratio on ${name}`, measured: spread(ratios(pairs)).median, atMost: requiredRatio, unit: '' },
    { what: `peak RSS of a plan of ${name}`, measured: spread(rss).max, atMost: REQUIRED_RSS_MB, unit: 'MB' },
  ];
}

await runBench(bench);
