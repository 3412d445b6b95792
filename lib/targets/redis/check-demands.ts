// Whether the target can hold what the files hold: value types, sizes, modules.
import { TargetError } from '../../errors.ts';
import { conversion, LOSSES, type Loss } from '../../rdb/reencode.ts';
import { redisTypes, valkeyTypes } from '../../rdb/types.ts';
import type { ControlReply } from '../../redis/control.ts';
import { type Fleet, firstControl } from '../../redis/fleet.ts';
import { atLeast, type ServerInfo, showVersion, typeSupport } from '../../redis/server-info.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import { formatCount } from '../../text/count.ts';
import type { PreflightOptions } from './preflight.ts';

/** proto-max-bulk-len's default: the longest argument, and so the largest payload of a RESTORE; bytes. */
export const DEFAULT_MAX_BULK_BYTES = 512 * 1024 * 1024;
/** The least that proto-max-bulk-len can be (config.c). */
const LEAST_MAX_BULK_BYTES = 1024 * 1024;

/**
 * What the target can't take at all stops the job; what it can take only with a loss is told. Both are told by types: a
 * value need not have what its type could hold.
 *
 * @throws {TargetError} `TARGET_TYPES`
 */
export function checkTypes(options: PreflightOptions, server: ServerInfo, warnings: string[]): void {
  const { demands, fleet, kinds } = options;
  const support = typeSupport(server);
  if (support === undefined) return;
  const lacking = new Map<string, number>();
  const lost = new Map<Loss, number>();
  for (const demand of demands) {
    const planned = demand.dialect === 'valkey' ? valkeyTypes : redisTypes;
    for (const { code, name, keys } of demand.types) {
      const type = planned[code];
      if (kinds !== undefined && type !== undefined && !kinds.has(type.kind)) continue;
      const becomes = type === undefined ? undefined : conversion(type, support);
      if (becomes === undefined) lacking.set(name, (lacking.get(name) ?? 0) + keys);
      for (const loss of becomes?.mayLose ?? []) lost.set(loss, (lost.get(loss) ?? 0) + keys);
    }
  }
  if (lacking.size > 0) {
    const list = [...lacking].map(([name, keys]) => `${name} (${formatCount(keys)} keys)`).join(', ');
    throw new TargetError(
      'TARGET_TYPES',
      `${showVersion(server)} has nothing that could hold these value types of the file: ${list}.`,
      { where: fleet.name, remedy: 'Restore into a newer server, or leave them out with --type.' },
    );
  }
  for (const [loss, keys] of lost) {
    warnings.push(`${showVersion(server)} can't hold ${LOSSES[loss]} (in ${formatCount(keys)} keys at most).`);
  }
}

/** The most bytes that the server takes as one argument; asked for only where a value is above the least that can be set. */
export async function bulkLimit({ demands, fleet }: PreflightOptions): Promise<number> {
  const largest = Math.max(0, ...demands.map((demand) => demand.largest));
  if (largest <= LEAST_MAX_BULK_BYTES || fleet.kind === 'proxy') return DEFAULT_MAX_BULK_BYTES;
  return (await toldBulkLimit(fleet)) ?? DEFAULT_MAX_BULK_BYTES;
}

/** The server's proto-max-bulk-len in bytes; `undefined` where it may not be asked. */
export async function toldBulkLimit(fleet: Fleet): Promise<number | undefined> {
  const reply = await firstControl(fleet).answer(0, 'CONFIG', 'GET', 'proto-max-bulk-len');
  const value = reply instanceof ErrorReply ? undefined : (reply as ControlReply[])[1];
  return value == null ? undefined : Number(value);
}

/** Names of the server's modules; `undefined` where it may not be asked. */
export async function toldModules(fleet: Fleet): Promise<string[] | undefined> {
  const reply = await firstControl(fleet).answer(0, 'MODULE', 'LIST');
  if (reply instanceof ErrorReply) return undefined;
  return (reply as ControlReply[]).map((item) => String((item as ControlReply[])[1]));
}

/**
 * A server before 7.0 that is given a value of a module that it lacks ends its process ("no matching module"); a later
 * one refuses the key.
 *
 * @throws {TargetError} `TARGET_MODULES`
 */
export async function checkModules(options: PreflightOptions, server: ServerInfo, warnings: string[]): Promise<void> {
  const { demands, fleet, kinds, force } = options;
  const wanted = new Set(demands.flatMap((demand) => demand.modules.map((module) => module.name)));
  if (fleet.kind === 'proxy' || wanted.size === 0 || (kinds !== undefined && !kinds.has('module'))) return;
  const loaded = (await toldModules(fleet)) ?? [];
  const has = `it has ${loaded.length === 0 ? 'no modules that it tells of' : loaded.join(', ')}`;
  const lacking = [...wanted].filter(
    (type) => !loaded.some((name) => name === type || name === MODULES_OF_TYPES[type]),
  );
  if (lacking.length === 0) return;
  const types = `values of module types ${lacking.join(', ')}`;
  if (server.engine === 'redis' && !atLeast(server, 7) && !force) {
    throw new TargetError('TARGET_MODULES', `${showVersion(server)} would end its process at ${types}; ${has}.`, {
      where: fleet.name,
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
