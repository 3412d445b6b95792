// npm run bench:decode: RDB to JSON Lines, nothing kept, in turn with redis-check-rdb on the same file; then two threads
// in turn with one.
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

/** Of redis-check-rdb's time, in one thread. */
const REQUIRED_RATIOS: Readonly<Partial<Record<DataSetName, number>>> = {
  strings: 1.4,
  mixed: 2.0,
  twenty: 0.7,
  lzf: 2.0,
};
/** Two threads' time of one thread's: 1.6 times as fast. */
const REQUIRED_THREADS_RATIO = 1 / 1.6;
const REQUIRED_RSS_MB = 200;

async function bench(): Promise<boolean> {
  const options = readOptions();
  const requirements: Requirement[] = [];
  for (const name of chosenOf(Object.keys(REQUIRED_RATIOS) as DataSetName[], options)) {
    requirements.push(...(await decode(name, REQUIRED_RATIOS[name] as number, options)));
  }
  return printRequirements(requirements);
}

async function decode(name: DataSetName, requiredRatio: number, options: BenchOptions): Promise<Requirement[]> {
  const files = ensureFiles(name);
  const keyferry = (threads: number): Command => ({
    label: `${threads} thread${threads === 1 ? '' : 's'}`,
    program: packageNode(),
    args: [options.cli, 'decode', files.rdb, '-o', '/dev/null', '--threads', String(threads), ...options.extra],
  });
  const [one, two] = [keyferry(1), keyferry(2)];
  const check: Command = { label: 'check-rdb', program: 'redis-check-rdb', args: [files.rdb] };
  console.log(`${name}, ${megabytes(files.rdbBytes).toFixed(1)} MB, ${dataSets[name].summary}`);
  console.log(`A  ${show(one)}\nB  ${show(check)}\nC  ${show(two)}\n`);
  const pairsOf = (a: Command, b: Command) => {
    printPairHead(a.label, b.label);
    return measurePairs(countedSide(a, files), countedSide(b, files), options, printPair);
  };
  const checked = await pairsOf(one, check);
  const threaded = await pairsOf(two, one);
  const a = [...checked.map((pair) => pair.a), ...threaded.map((pair) => pair.b)];
  const c = threaded.map((pair) => pair.a);
  const rss = a.map((cost) => megabytes(cost.peakRssBytes));
  printSpreads([
    { what: 'A wall, s', values: a.map((cost) => cost.wallSeconds) },
    { what: 'B wall, s', values: checked.map(({ b }) => b.wallSeconds) },
    { what: 'C wall, s', values: c.map((cost) => cost.wallSeconds) },
    { what: 'A / B, pair by pair', values: ratios(checked), digits: 3 },
    { what: 'C / A, pair by pair', values: ratios(threaded), digits: 3 },
    { what: 'A CPU, s', values: a.map((cost) => cost.cpuSeconds) },
    { what: 'C CPU, s', values: c.map((cost) => cost.cpuSeconds) },
    { what: 'peak RSS of A, MB', values: rss, digits: 0 },
    { what: 'peak RSS of C, MB', values: c.map((cost) => megabytes(cost.peakRssBytes)), digits: 0 },
  ]);
  return [
    { what: `median ratio on ${name}`, measured: spread(ratios(checked)).median, atMost: requiredRatio, unit: '' },
    {
      what: `two threads of one on ${name}`,
      measured: spread(ratios(threaded)).median,
      atMost: REQUIRED_THREADS_RATIO,
      unit: '',
    },
    { what: `peak RSS of one thread on ${name}`, measured: spread(rss).max, atMost: REQUIRED_RSS_MB, unit: 'MB' },
  ];
}

await runBench(bench);
