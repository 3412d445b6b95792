// What a restore bench does to servers and files around each run, so that all runs begin alike, and what it asks of them.
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../test/support/servers.ts';
import { type Command, type Cost, processCpuSeconds, run, show } from './measure.ts';
import { megabytes, type Pair, type printSpreads, ratios, type Side } from './pairs.ts';

/** After the last key of a run is deleted: time for the servers to fall asleep. */
const SETTLE_MS = 500;

export interface RestoreCost extends Cost {
  /** What the servers spent, all together, between the command's start and its end. */
  readonly serverCpuSeconds: number;
}

export interface Expected {
  /** The RDB beside which keyferry leaves its plan. */
  readonly rdb: string;
  /** Keys on all servers together after a run. */
  readonly keys: number;
  /** Takes what the first run of each side left: DEBUG DIGEST of each server. One element at the end: all the same. */
  readonly digests: Set<string>;
}

/** A side that fills the servers from nothing. Its first run also takes the digests, outside of the measured time. */
export function restoring(command: Command, servers: readonly Server[], expected: Expected): Side<RestoreCost> {
  const { rdb, keys, digests } = expected;
  let checked = false;
  return {
    label: command.label,
    measure: async () => {
      forgetPlans(rdb);
      await emptied(servers);
      const before = cpuOf(servers);
      const cost = await run(command);
      const serverCpuSeconds = cpuOf(servers) - before;
      const sizes = await Promise.all(servers.map((server) => server.call('DBSIZE')));
      const size = sizes.reduce((sum: number, each) => sum + Number(each), 0);
      if (size !== keys) {
        throw new Error(`${show(command)}: left ${size} keys, not ${keys}.\n${cost.output.slice(-2000)}`);
      }
      if (!checked) {
        digests.add((await Promise.all(servers.map((server) => server.call('DEBUG', 'DIGEST')))).join(' '));
      }
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

/** Empties servers, gives their free pages back (so that each run begins with the same heap), and lets them settle. */
async function emptied(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      await server.call('FLUSHALL', 'SYNC');
      await server.call('MEMORY', 'PURGE');
    }),
  );
  await sleep(SETTLE_MS);
}

function cpuOf(servers: readonly Server[]): number {
  return servers.reduce((sum, server) => sum + processCpuSeconds(server.process.pid!), 0);
}

/** The rows that every restore bench prints; `servers` as the reader knows them. */
export function spreadsOf(pairs: readonly Pair<RestoreCost>[], servers: string): Parameters<typeof printSpreads>[0] {
  const a = pairs.map((pair) => pair.a);
  const b = pairs.map((pair) => pair.b);
  return [
    { what: 'A wall, s', values: a.map((cost) => cost.wallSeconds) },
    { what: 'B wall, s', values: b.map((cost) => cost.wallSeconds) },
    { what: 'A / B, pair by pair', values: ratios(pairs), digits: 3 },
    { what: 'A CPU, s', values: a.map((cost) => cost.cpuSeconds) },
    { what: 'B CPU, s', values: b.map((cost) => cost.cpuSeconds) },
    { what: `${servers} during A, s`, values: a.map((cost) => cost.serverCpuSeconds) },
    { what: `${servers} during B, s`, values: b.map((cost) => cost.serverCpuSeconds) },
    { what: 'A peak RSS, MB', values: a.map((cost) => megabytes(cost.peakRssBytes)), digits: 0 },
  ];
}
