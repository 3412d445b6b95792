// Restores for tests: files from filled servers, work folders that go by themselves, and what a server holds in short.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import { type RestoreOptions, restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { type Tally, tallied } from '../../lib/targets/redis/tally.ts';
import { type Command, pipelined, show } from './commands.ts';
import { configFor, type FillOptions, fill, saveRdb } from './dataset.ts';
import { type Server, type ServerName, withServer } from './servers.ts';

/** A folder for inputs, plans and ledgers, removed when its scope ends. */
export class WorkFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'keyferry-work-'));
  #folders = 0;

  file(name: string): string {
    return join(this.path, name);
  }

  /** A new empty folder inside. */
  folder(): string {
    return mkdtempSync(join(this.path, `${this.#folders++}-`));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What is restored into: a server, or a proxy in front of one. */
export interface Target {
  readonly url: string;
}

/** Runs a restore in this process. */
export function restoreInto(
  target: Target,
  files: string | readonly string[],
  options: Partial<Omit<RestoreOptions, 'target' | 'files'>> & { workDir: string; url?: string },
): Promise<RestoreReport> {
  const { url = target.url, ...rest } = options;
  return restore({ files: typeof files === 'string' ? [files] : files, target: parseRedisUrl(url), ...rest });
}

/** All keys of a report, whatever became of them. */
export const accounted = (keys: Tally): number => tallied(keys);

/** Fills a server of that name with the test data set and saves it as `path`. */
export async function filledFile(path: string, name: ServerName, options: FillOptions): Promise<string> {
  return withServer(name, {}, async (server) => {
    await fill(server, options);
    copyFileSync(await saveRdb(server), path);
    return path;
  });
}

/** Fills a server of that name with commands and saves it as `path`. */
export async function commandsFile(path: string, server: Server, commands: Iterable<Command>): Promise<string> {
  await wipe(server);
  const client = server.connect();
  await pipelined(client, commands);
  client.disconnect();
  copyFileSync(await saveRdb(server), path);
  return path;
}

/** Removes everything that a restore brings. */
export async function wipe(server: Server): Promise<void> {
  await server.call('FLUSHALL');
  if (server.features.seven) await server.call('FUNCTION', 'FLUSH');
}

/** What a server holds, as far as it is read in some ms: for a full comparison see oracle.ts. */
export interface State {
  /** DEBUG DIGEST: all keys and values of all databases; of expiries only whether there is one. */
  digest: string;
  /** Absolute expiry in ms of each key that has one, by database and key (latin1). */
  expiries: Record<string, number>;
  /** False where the server tells only how much time is left. */
  exact: boolean;
  /** Names of the function libraries. */
  libraries: string[];
}

export async function stateOf(server: Server): Promise<State> {
  const client = server.connect();
  try {
    const keyspace = String(await client.call('INFO', 'keyspace'));
    const expiries: Record<string, number> = {};
    for (const [, db] of keyspace.matchAll(/^db(\d+):/gm)) {
      await client.select(Number(db));
      const keys = await client.keysBuffer('*');
      const now = Date.now(); // the server's clock too
      const command = server.features.seven ? 'PEXPIRETIME' : 'PTTL';
      const times = (await pipelined(
        client,
        keys.map((key): Command => [command, key]),
      )) as number[];
      for (const [i, ms] of times.entries()) {
        if (ms >= 0) expiries[`${db} ${keys[i]!.toString('latin1')}`] = server.features.seven ? ms : now + ms;
      }
    }
    const libraries = server.features.seven
      ? ((await client.call('FUNCTION', 'LIST')) as string[][]).map((library) => String(library[1])).sort()
      : [];
    const digest = String(await client.call('DEBUG', 'DIGEST'));
    return { digest, expiries, exact: server.features.seven, libraries };
  } finally {
    client.disconnect();
  }
}

const EXPIRY_TOLERANCE_MS = 1000;

/** Where two servers differ, the first one's value before ≠; empty when they hold the same. */
export function differences(a: State, b: State): string[] {
  const found: string[] = [];
  if (a.digest !== b.digest) found.push(`DEBUG DIGEST ${a.digest} ≠ ${b.digest}`);
  const tolerance = a.exact && b.exact ? 0 : EXPIRY_TOLERANCE_MS;
  for (const key of new Set([...Object.keys(a.expiries), ...Object.keys(b.expiries)])) {
    const [one, other] = [a.expiries[key], b.expiries[key]];
    const same = one !== undefined && other !== undefined && Math.abs(one - other) <= tolerance;
    if (!same) found.push(`expiry of db ${show(key)}: ${one ?? 'none'} ≠ ${other ?? 'none'}`);
  }
  if (String(a.libraries) !== String(b.libraries)) found.push(`libraries ${a.libraries} ≠ ${b.libraries}`);
  return found.length > 20 ? [...found.slice(0, 20), `… and ${found.length - 20} more`] : found;
}

/** What a server of that name holds that has loaded the file itself. */
export async function nativeState(name: ServerName, rdb: string, options: Partial<FillOptions> = {}): Promise<State> {
  return withServer(name, { rdb, config: configFor(name, options) }, stateOf);
}

/** How often each command was called since the last CONFIG RESETSTAT, refused calls left out. */
export async function commandCalls(server: Server): Promise<Record<string, number>> {
  const text = String(await server.call('INFO', 'commandstats'));
  const calls: Record<string, number> = {};
  for (const [, name, count] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) calls[name as string] = Number(count);
  return calls;
}
