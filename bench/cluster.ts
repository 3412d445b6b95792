// npm run bench:cluster: keyferry restore into three masters, in turn with three ready RESTORE streams at the same time.
import { startCluster } from '../test/support/cluster.ts';
import { ensureClusterFiles } from './cluster-data.ts';
import { type Command, show } from './measure.ts';
import { packageNode, readOptions, runBench } from './options.ts';
import {
  measurePairs,
  type Pair,
  printPair,
  printPairHead,
  printRequirements,
  printSpreads,
  ratios,
  spread,
} from './pairs.ts';
import { type RestoreCost, restoring, spreadsOf } from './targets.ts';

const REQUIRED_RATIO = 1.6;

async function bench(): Promise<boolean> {
  const options = readOptions();
  const files = ensureClusterFiles();
  await using cluster = await startCluster('redis-7.0', { masters: 3, replicas: 0, nodeTimeoutMs: 15_000 });
  const masters = await cluster.masters();
  const keyferry: Command = {
    label: 'keyferry',
    program: packageNode(),
    args: [options.cli, 'restore', files.rdb, '--to', cluster.url, '--fresh', ...options.extra],
  };
  const pipes = files.streams.map((stream, index): Command => {
    const args = ['-p', String(masters[index]!.port), '--pipe'];
    return { label: 'redis-cli', program: 'redis-cli', args, stdin: stream };
  });
  const together = atOnce(pipes);
  const version = masters[0]!.version;
  console.log(`Into three empty masters of Redis ${version}, ${files.keys.toLocaleString('en-US')} keys:`);
  console.log(`A  ${show(keyferry)}\nB  ${pipes.map(show).join(' &\n   ')}\n`);

  const expected = { rdb: files.rdb, keys: files.keys, digests: new Set<string>() };
  printPairHead(keyferry.label, together.label);
  const pairs = await measurePairs(
    restoring(keyferry, masters, expected),
    restoring(together, masters, expected),
    options,
    printPair,
  );
  return report(pairs, expected.digests);
}

/** One shell that runs the three and fails when one of them does; its CPU includes theirs. */
function atOnce(pipes: readonly Command[]): Command {
  const lines = pipes.map((pipe, index) => `${show(pipe)} & pid${index}=$!`);
  const waits = pipes.map((_, index) => `wait $pid${index}`);
  return { label: 'pipes', program: 'sh', args: ['-c', [...lines, waits.join(' && ')].join('\n')] };
}

function report(pairs: readonly Pair<RestoreCost>[], digests: ReadonlySet<string>): boolean {
  printSpreads(spreadsOf(pairs, 'servers’ CPU'));
  const same = digests.size === 1;
  console.log(
    same
      ? 'Both sides left the same dataset on each master (DEBUG DIGEST).'
      : 'MISSED  the two sides left different datasets.',
  );
  const met = printRequirements([
    { what: 'median ratio', measured: spread(ratios(pairs)).median, atMost: REQUIRED_RATIO, unit: '' },
  ]);
  return same && met;
}

await runBench(bench);
