// npm run bench:restore: keyferry restore, in turn with a ready RESTORE stream of the same keys through redis-cli --pipe.
import { startServer } from '../test/support/servers.ts';
import { ensureFiles } from './generate.ts';
import { type Command, show } from './measure.ts';
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
  spread,
} from './pairs.ts';
import { type RestoreCost, restoring, spreadsOf } from './targets.ts';

const REQUIRED_RATIO = 1.0;
const REQUIRED_RSS_MB = 200;

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

  const expected = { rdb: files.rdb, keys: files.keys, digests: new Set<string>() };
  printPairHead(keyferry.label, pipe.label);
  const pairs = await measurePairs(
    restoring(keyferry, [server], expected),
    restoring(pipe, [server], expected),
    options,
    printPair,
  );
  return report(pairs, expected.digests);
}

function report(pairs: readonly Pair<RestoreCost>[], digests: ReadonlySet<string>): boolean {
  const rss = (side: 'a' | 'b') => pairs.map((pair) => megabytes(pair[side].peakRssBytes));
  printSpreads([...spreadsOf(pairs, 'server CPU'), { what: 'B peak RSS, MB', values: rss('b'), digits: 0 }]);
  const same = digests.size === 1;
  console.log(
    same ? 'Both sides left the same dataset (DEBUG DIGEST).' : 'MISSED  the two sides left different datasets.',
  );
  const met = printRequirements([
    { what: 'median ratio', measured: spread(ratios(pairs)).median, atMost: REQUIRED_RATIO, unit: '' },
    { what: 'peak RSS of a restore', measured: spread(rss('a')).max, atMost: REQUIRED_RSS_MB, unit: 'MB' },
  ]);
  return same && met;
}

await runBench(bench);
