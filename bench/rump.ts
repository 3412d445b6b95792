// npm run bench:rump: keyferry rump of 1M mixed keys, in turn with a pipelined SCAN, DUMP, RESTORE that does nothing else.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Server, startServer } from '../test/support/servers.ts';
import { generate } from './generate.ts';
import { type Command, processCpuSeconds, run, show } from './measure.ts';
import { packageNode, readOptions, runBench } from './options.ts';
import {
  measurePairs,
  type Pair,
  printPair,
  printPairHead,
  printRequirements,
  printSpreads,
  ratios,
  type Side,
  spread,
} from './pairs.ts';
import { type RestoreCost, spreadsOf } from './targets.ts';

const REQUIRED_RATIO = 1.1;
/** Of the mixed data set's 2.5M keys. */
const SCALE = 0.4;
const SETTLE_MS = 500;

async function bench(): Promise<boolean> {
  const options = readOptions();
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-bench-'));
  try {
    const files = generate('mixed', { folder, scale: SCALE, stream: false });
    await using source = await startServer('redis-7.0', { rdb: files.rdb, deadlineMs: 60_000 });
    await using target = await startServer('redis-7.0');
    const [from, to] = [source, target].map(({ port }) => `redis://127.0.0.1:${port}`) as [string, string];
    const keyferry: Command = {
      label: 'keyferry',
      program: packageNode(),
      args: [
        options.cli,
        'rump',
        '--from',
        from,
        '--to',
        to,
        '--work-dir',
        folder,
        '--fresh',
        '--quiet',
        ...options.extra,
      ],
    };
    const limit: Command = {
      label: 'limit',
      program: packageNode(),
      args: [join(import.meta.dirname, 'rump-limit.ts'), String(source.port), String(target.port)],
    };
    console.log(`From one Redis ${source.version} into another, ${files.keys.toLocaleString('en-US')} keys:`);
    console.log(`A  ${show(keyferry)}\nB  ${show(limit)}\n`);
    const digest = String(await source.call('DEBUG', 'DIGEST'));
    const side = (command: Command) => copying(command, source, target, { keys: files.keys, digest });
    printPairHead(keyferry.label, limit.label);
    return report(await measurePairs(side(keyferry), side(limit), options, printPair));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function copying(
  command: Command,
  source: Server,
  target: Server,
  expected: { keys: number; digest: string },
): Side<RestoreCost> {
  const cpu = () => processCpuSeconds(source.process.pid!) + processCpuSeconds(target.process.pid!);
  return {
    label: command.label,
    measure: async () => {
      await target.call('FLUSHALL', 'SYNC');
      await target.call('MEMORY', 'PURGE');
      await sleep(SETTLE_MS);
      const before = cpu();
      const cost = await run(command);
      const serverCpuSeconds = cpu() - before;
      const size = Number(await target.call('DBSIZE'));
      const digest = String(await target.call('DEBUG', 'DIGEST'));
      if (size !== expected.keys || digest !== expected.digest) {
        throw new Error(`${show(command)}: left ${size} keys of ${expected.keys}.\n${cost.output.slice(-2000)}`);
      }
      return { ...cost, serverCpuSeconds };
    },
  };
}

function report(pairs: readonly Pair<RestoreCost>[]): boolean {
  printSpreads(spreadsOf(pairs, 'both servers CPU'));
  console.log('Both sides left what the source holds (DEBUG DIGEST).');
  return printRequirements([
    { what: 'median ratio', measured: spread(ratios(pairs)).median, atMost: REQUIRED_RATIO, unit: '' },
  ]);
}

await runBench(bench);
