// npm run bench:big: keyferry restore of a hash of a gigabyte, in turn with ready HSETs through redis-cli --pipe.
import { startServer } from '../test/support/servers.ts';
import { ensureBigFiles, SHAPES, type Shape } from './big-data.ts';
import { type Command, show } from './measure.ts';
import { type BenchOptions, packageNode, readOptions, runBench } from './options.ts';
import { measurePairs, megabytes, printPair, printPairHead, printSpreads } from './pairs.ts';
import { restoring, spreadsOf } from './targets.ts';

async function bench(): Promise<boolean> {
  const options = readOptions();
  const shapes = Object.keys(SHAPES) as Shape[];
  const unknown = options.names.find((name) => !shapes.some((shape) => shape === name));
  if (unknown !== undefined) throw new Error(`There is no hash ${unknown}; there are ${shapes.join(', ')}.`);
  const [first] = shapes;
  const chosen = options.names.length === 0 ? [first!] : shapes.filter((shape) => options.names.includes(shape));
  let same = true;
  for (const shape of chosen) same = (await measure(shape, options)) && same;
  return same;
}

async function measure(shape: Shape, options: BenchOptions): Promise<boolean> {
  const files = ensureBigFiles(shape);
  await using server = await startServer('redis-7.0');
  const keyferry: Command = {
    label: 'keyferry',
    program: packageNode(),
    args: [options.cli, 'restore', files.rdb, '--to', server.url, '--fresh', ...options.extra],
  };
  const pipe: Command = {
    label: 'redis-cli',
    program: 'redis-cli',
    args: ['-p', String(server.port), '--pipe'],
    stdin: files.stream,
  };
  console.log(`Into an empty Redis ${server.version}, ${shape}, ${megabytes(files.rdbBytes).toFixed(0)} MB:`);
  console.log(`A  ${show(keyferry)}\nB  ${show(pipe)}\n`);

  const digests = new Set<string>();
  const expected = { rdb: files.rdb, keys: 1, digests };
  printPairHead(keyferry.label, pipe.label);
  const pairs = await measurePairs(
    restoring(keyferry, [server], expected),
    restoring(pipe, [server], expected),
    options,
    printPair,
  );
  printSpreads(spreadsOf(pairs, 'server CPU'));
  const same = digests.size === 1;
  console.log(same ? 'Both sides left the same hash (DEBUG DIGEST).' : 'MISSED  the two sides left different hashes.');
  return same;
}

await runBench(bench);
