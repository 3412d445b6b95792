// Asks the target, before the first write, everything that could stop the job later.
import { quoteKey, TargetError } from '../../errors.ts';
import type { DialectName } from '../../rdb/dialect.ts';
import { redisTypes, valkeyTypes } from '../../rdb/types.ts';
import type { Control, ControlReply } from '../../redis/control.ts';
import { refusal } from '../../redis/refusals.ts';
import { atLeast, parseInfo, rdbVersionOf, type ServerInfo, showVersion } from '../../redis/server-info.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { formatCount } from '../../text/count.ts';
import type { ConflictPolicy } from './policy.ts';

/** What the data to be written asks of a target. A plan says it of its file. */
export interface Demands {
  /** What people call it. */
  readonly name: string;
  readonly dialect: DialectName;
  readonly types: readonly { readonly code: number; readonly name: string; readonly keys: number }[];
  readonly modules: readonly { readonly name: string }[];
  readonly functions: readonly unknown[];
  readonly unrestorable: readonly { readonly what: string; readonly count: number }[];
  /** Bytes of the largest key and value. */
  readonly largest: number;
}

export interface PreflightOptions {
  readonly control: Control;
  readonly clock: Clock;
  readonly demands: readonly Demands[];
  /** Bytes that are still to be written. */
  readonly bytesToWrite: number;
  readonly policy: ConflictPolicy;
  /** The databases that will be written to. */
  readonly dbs: readonly number[];
  /** A key that will be written, and its database: shows whether the user may. */
  readonly sample: { readonly db: number; readonly key: Buffer } | undefined;
  /** A filter leaves keys out: what the demands say of types and bytes is an upper bound. */
  readonly filtered: boolean;
  /** Types that will be written; all of the demands' when left out. */
  readonly kinds?: ReadonlySet<string> | undefined;
  /** Keys on the target may be the job's own. */
  readonly resumed: boolean;
  /** Goes on where only an estimate speaks against it. */
  readonly force: boolean;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

export interface PreflightReport {
  readonly server: ServerInfo;
  readonly warnings: readonly string[];
  /** False where the server is too old for function libraries. */
  readonly functions: boolean;
  /** The user may write several strings at once (MSET or MSETNX). */
  readonly groups: boolean;
}

/** proto-max-bulk-len's default: the longest argument, and so the largest payload of a RESTORE; bytes. */
const DEFAULT_MAX_BULK_BYTES = 512 * 1024 * 1024;
const LOADING_POLL_MS = 500;
/** Memory that a data set takes is at least its bytes in the file and often more: from here on a warning is due. */
const USUAL_GROWTH = 1.5;

/** @throws {TargetError} naming what would stop the job, before anything is written */
export async function preflight(options: PreflightOptions): Promise<PreflightReport> {
  const warnings: string[] = [];
  const server = await waitUntilLoaded(options, warnings);
  const { control } = options;
  if (server.role === 'replica') {
    throw new TargetError('TARGET_REPLICA', 'this server is a replica: what is written there is lost or refused.', {
      where: control.name,
      remedy: `Name its master${server.master === undefined ? '' : `, ${server.master}`}, instead.`,
    });
  }
  if (server.cluster) {
    throw new TargetError('TARGET_CLUSTER', 'this server is a node of a cluster.', {
      where: control.name,
      remedy: 'This release restores into standalone servers.',
    });
  }
  checkTypes(options, server);
  await checkLargest(options);
  checkMemory(options, server, warnings);
  await checkModules(options, server, warnings);
  await checkDatabases(options);
  const groups = await checkPermissions(options, server);
  // A server that hides its version gets the benefit of the doubt.
  const functions = server.engine === 'valkey' || atLeast(server, 7) || server.version[0] === 0;
  const libraries = options.demands.reduce((sum, demand) => sum + demand.functions.length, 0);
  if (libraries > 0 && !functions) {
    warnings.push(`${showVersion(server)} has no functions: ${libraries} function libraries will not be restored.`);
  }
  for (const demand of options.demands) {
    for (const { what, count } of demand.unrestorable)
      warnings.push(`${demand.name} holds ${what} (${count} ×), which no command restores.`);
  }
  if (server.keys > 0 && options.policy === 'panic' && !options.resumed) {
    warnings.push(
      `The target is not empty (keys: ${formatCount(server.keys)}): the job stops at the first key that a file has too.`,
    );
  }
  return { server, warnings, functions, groups };
}

async function waitUntilLoaded(options: PreflightOptions, warnings: string[]): Promise<ServerInfo> {
  const { control, clock, patienceMs, signal } = options;
  const deadline = clock.now() + patienceMs;
  for (;;) {
    const reply = await control.answer(0, 'INFO');
    if (reply instanceof ErrorReply && reply.code === 'NOPERM') {
      warnings.push('The user may not call INFO: engine, role and memory of the target are not known.');
      return parseInfo('');
    }
    if (reply instanceof ErrorReply) throw refusal(reply, { where: control.name, command: 'INFO' });
    const server = parseInfo(String(reply));
    if (!server.loading) return server;
    if (clock.now() > deadline) {
      throw new TargetError('TARGET_NOT_READY', 'the server is still loading its data.', {
        where: control.name,
        remedy: 'Run the same command again when it is ready, or wait longer: --retry-for 10m',
      });
    }
    await clock.sleep(LOADING_POLL_MS, signal);
  }
}

function checkTypes({ demands, control, kinds }: PreflightOptions, server: ServerInfo): void {
  if (server.version[0] === 0) return; // not known
  const newest = rdbVersionOf(server);
  const types = server.engine === 'valkey' ? valkeyTypes : redisTypes;
  const lacking = new Map<string, number>();
  for (const demand of demands) {
    const planned = demand.dialect === 'valkey' ? valkeyTypes : redisTypes;
    for (const { code, name, keys } of demand.types) {
      // A code that the two families share by accident is another type: a template reference travels as its DUMP form.
      const type = planned[code];
      const known = types[code]?.name === name && type !== undefined && type.since <= newest;
      if (!known && (kinds === undefined || (type !== undefined && kinds.has(type.kind)))) {
        lacking.set(name, (lacking.get(name) ?? 0) + keys);
      }
    }
  }
  if (lacking.size === 0) return;
  const list = [...lacking].map(([name, keys]) => `${name} (${formatCount(keys)} keys)`).join(', ');
  throw new TargetError(
    'TARGET_TYPES',
    `${showVersion(server)} does not know these value types of the file: ${list}.`,
    {
      where: control.name,
      remedy:
        'Restore into a server that is at least as new as the one that wrote the file, or leave them out with --type.',
    },
  );
}

async function checkLargest({ demands, control }: PreflightOptions): Promise<void> {
  const largest = Math.max(0, ...demands.map((demand) => demand.largest));
  if (largest <= DEFAULT_MAX_BULK_BYTES / 2) return;
  const reply = await control.answer(0, 'CONFIG', 'GET', 'proto-max-bulk-len');
  const limit =
    reply instanceof ErrorReply
      ? DEFAULT_MAX_BULK_BYTES
      : Number((reply as ControlReply[])[1] ?? DEFAULT_MAX_BULK_BYTES);
  if (largest < limit) return;
  throw new TargetError(
    'TARGET_BULK_LIMIT',
    `the file's largest value has ${formatCount(largest)} bytes; the server takes at most ${formatCount(limit)} at once (proto-max-bulk-len).`,
    { where: control.name, remedy: 'Raise proto-max-bulk-len on the target for the time of the restore.' },
  );
}

function checkMemory(options: PreflightOptions, server: ServerInfo, warnings: string[]): void {
  const { bytesToWrite, control, policy, filtered, force } = options;
  if (server.maxMemory === 0) return;
  const free = server.maxMemory - server.usedMemory;
  const numbers = `${formatCount(bytesToWrite)} bytes are to be written, ${formatCount(Math.max(0, free))} are free below maxmemory`;
  const evicts = server.evictionPolicy !== 'noeviction';
  if (bytesToWrite > free) {
    // Replaced keys free memory, filtered ones need none, and an evicting server takes everything.
    if (!evicts && policy !== 'rewrite' && !filtered && !force) {
      throw new TargetError('TARGET_FULL', `the target has no room: ${numbers}.`, {
        where: control.name,
        remedy: 'Raise maxmemory, take a larger server, or leave keys out; --force tries all the same.',
      });
    }
    warnings.push(`${numbers}${evicts ? `: the server will evict keys (${server.evictionPolicy})` : ''}.`);
  } else if (bytesToWrite * USUAL_GROWTH > free) {
    warnings.push(`Memory is close: ${numbers}, and data takes more room in memory than in a file.`);
  }
}

/**
 * A server before 7.0 that is given a value of a module that it lacks ends its process ("no matching module"); a later
 * one refuses the key.
 */
async function checkModules(options: PreflightOptions, server: ServerInfo, warnings: string[]): Promise<void> {
  const { demands, control, kinds, force } = options;
  const wanted = new Set(demands.flatMap((demand) => demand.modules.map((module) => module.name)));
  if (wanted.size === 0 || (kinds !== undefined && !kinds.has('module'))) return;
  const reply = await control.answer(0, 'MODULE', 'LIST');
  const loaded =
    reply instanceof ErrorReply ? [] : (reply as ControlReply[]).map((item) => String((item as ControlReply[])[1]));
  const has = `it has ${loaded.length === 0 ? 'no modules that it tells of' : loaded.join(', ')}`;
  const lacking = [...wanted].filter(
    (type) => !loaded.some((name) => name === type || name === MODULES_OF_TYPES[type]),
  );
  if (lacking.length === 0) return;
  const types = `values of module types ${lacking.join(', ')}`;
  if (server.engine === 'redis' && !atLeast(server, 7) && !force) {
    throw new TargetError('TARGET_MODULES', `${showVersion(server)} would end its process at ${types}; ${has}.`, {
      where: control.name,
      remedy: 'Load the modules there, or leave these keys out with --type. --force tries all the same.',
    });
  }
  warnings.push(`There are ${types} to write; ${has}. Keys that it cannot take are named in the report.`);
}

/** The module that a type belongs to, where its name is another: as MODULE LIST has it. */
const MODULES_OF_TYPES: Readonly<Record<string, string>> = {
  'ReJSON-RL': 'ReJSON',
  'MBbloom--': 'bf',
  MBbloomCF: 'bf',
  'CMSk-TYPE': 'bf',
  'TopK-TYPE': 'bf',
  'TDIS-TYPE': 'bf',
  'TSDB-TYPE': 'timeseries',
  ft_index0: 'search',
  graphdata: 'graph',
};

async function checkDatabases({ dbs, control }: PreflightOptions): Promise<void> {
  const highest = Math.max(0, ...dbs);
  // SELECT is what counts; whether the user may PING is all one.
  if (highest > 0) await control.answer(highest, 'PING');
}

/**
 * Commands that are checked for permission before they are checked for sense: each is refused in a way that shows that
 * the user may, and changes nothing.
 *
 * @returns whether several strings may be written by one command
 */
async function checkPermissions(options: PreflightOptions, server: ServerInfo): Promise<boolean> {
  const { control, sample, policy, demands } = options;
  if (sample === undefined) return true;
  const { db, key } = sample;
  const allows = async (name: string, args: (string | Buffer)[], sense: RegExp) => {
    const reply = await control.answer(db, name, ...args);
    return reply instanceof ErrorReply && !sense.test(reply.text) ? reply : undefined;
  };
  const needed: Parameters<typeof allows>[] = [
    ['RESTORE', [key, '0', ''], /payload|BUSYKEY/i],
    ['SET', [key, '', 'NX', 'XX'], /syntax/i],
  ];
  if (demands.some((demand) => demand.functions.length > 0) && (server.engine === 'valkey' || atLeast(server, 7))) {
    needed.push(['FUNCTION', ['LOAD', ''], /metadata|library|exists/i]);
  }
  for (const probe of needed) {
    const refused = await allows(...probe);
    if (refused !== undefined) {
      const of = probe[0] === 'FUNCTION' ? 'FUNCTION LOAD' : `${probe[0]} of key ${quoteKey(key)}`;
      throw refusal(refused, { where: `${control.name}, ${of}` });
    }
  }
  return (await allows(policy === 'rewrite' ? 'MSET' : 'MSETNX', [key, '', key], /wrong number/i)) === undefined;
}
