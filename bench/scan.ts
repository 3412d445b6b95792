// npm run bench:scan: a plan that only reads (a scan with CRC), in turn with redis-check-rdb on the same file.
import { type DataSetName, dataSets } from './datasets.ts';
import { type BenchFiles, ensureFiles } from './generate.ts';
import { type Command, type Cost, run, show } from './measure.ts';
import { type BenchOptions, packageNode, readOptions, runBench } from './options.ts';
import {
  measurePairs,
  megabytes,
  printPair,
  printPairHead,
  printRequirements,
  printSpreads,
  type Requirement,
  ratios,
  type Side,
  spread,
} from './pairs.ts';

const REQUIRED_RATIOS: readonly (readonly [DataSetName, number])[] = [
  ['mixed-scan', 0.4],
  ['big', 0.15],
  ['lzf', 0.45],
];
const REQUIRED_RSS_MB = 200;

async function bench(): Promise<boolean> {
  const options = readOptions();
  const unknown = options.names.find((name) => !REQUIRED_RATIOS.some(([known]) => known === name));
  if (unknown !== undefined) {
    throw new Error(`There is no data set ${unknown}; there are ${REQUIRED_RATIOS.map(([name]) => name).join(', ')}.`);
  }
  const chosen = REQUIRED_RATIOS.filter(([name]) => options.names.length === 0 || options.names.includes(name));
  const requirements: Requirement[] = [];
  for (const [name, ratio] of chosen) requirements.push(...(await scan(name, ratio, options)));
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
  const pairs = await measurePairs(scanning(keyferry, files), scanning(check, files), options, printPair);
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

/** A side whose every run must have said how many keys the file has: no time counts that a half-read file took. */
function scanning(command: Command, files: BenchFiles): Side<Cost> {
  return {
    label: command.label,
    measure: async () => {
      const cost = await run(command);
      if (!mentions(cost.output, files.keys)) {
        throw new Error(
          `${show(command)}: does not say that there are ${files.keys} keys.\n${cost.output.slice(-2000)}`,
        );
      }
      return cost;
    },
  };
}

/** Whether the number stands in the text, with or without separators of thousands. */
function mentions(text: string, count: number): boolean {
  const numbers = text.match(/\d+(?:[,_]\d{3})*/g) ?? [];
  return numbers.some((number) => Number(number.replaceAll(/[,_]/g, '')) === count);
}

await runBench(bench);
