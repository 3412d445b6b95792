// Asks the target, before the first write, everything that could stop the job later.
import { TargetError } from '../../errors.ts';
import type { DialectName } from '../../rdb/dialect.ts';
import type { Fleet } from '../../redis/fleet.ts';
import { type ServerInfo, showVersion } from '../../redis/server-info.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { formatCount } from '../../text/count.ts';
import { bulkLimit, checkModules, checkTypes } from './check-demands.ts';
import { checkMemory } from './check-memory.ts';
import { checkPermissions } from './check-permissions.ts';
import { type AnyLoss, LOSS_WORDS } from './losses.ts';
import type { ConflictPolicy } from './policy.ts';
import type { Losses } from './tally.ts';
import { COMMAND_LOSSES } from './value-commands.ts';

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
  readonly fleet: Fleet;
  /** What each master says of itself. */
  readonly servers: readonly ServerInfo[];
  /** False where INFO may not be called. */
  readonly told: boolean;
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
  /** Stops where something of the data would be lost. */
  readonly strict: boolean;
  /** Under `strict`: what the values would lose on such a target, kinds with the number of keys. */
  readonly foresee?: ((target: Limits) => Promise<Losses>) | undefined;
  /** Goes on where only an estimate speaks against it. */
  readonly force: boolean;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/** What decides which way a value goes. */
export interface Limits {
  readonly server: ServerInfo;
  /** The user may call RESTORE. */
  readonly restores: boolean;
  /** The most bytes that the server takes as one argument. */
  readonly bulkLimit: number;
}

export interface PreflightReport extends Limits {
  readonly warnings: readonly string[];
  /** False where the server is too old for function libraries. */
  readonly functions: boolean;
  /** The user may write several strings at once (MSET or MSETNX). */
  readonly groups: boolean;
}

/** @throws {TargetError} naming what would stop the job, before anything is written */
export async function preflight(options: PreflightOptions): Promise<PreflightReport> {
  const { servers } = options;
  const warnings: string[] = [];
  if (!options.told) warnings.push('The user may not call INFO: engine, role and memory of the target are not known.');
  const server = oldestOf(servers);
  // Strict looks at the values instead.
  checkTypes(options, server, options.strict ? [] : warnings);
  checkMemory(options, servers, warnings);
  await checkModules(options, server, warnings);
  await checkDatabases(options);
  const permitted = await checkPermissions(options, server);
  if (!permitted.restores) {
    warnings.push(
      'The user may not call RESTORE: all values but plain strings go by commands, which takes much longer and loses idle times and frequencies.',
    );
  }
  const left = leftBehind(options, server, permitted.functions);
  const limits: Limits = { server, restores: permitted.restores, bulkLimit: await bulkLimit(options) };
  if (options.strict) await refuseLosses(options, limits, left);
  warnings.push(...left);
  const keys = servers.reduce((sum, each) => sum + each.keys, 0);
  if (keys > 0 && options.policy === 'panic' && !options.resumed) {
    warnings.push(
      `The target is not empty (keys: ${formatCount(keys)}): the job stops at the first key that a file has too.`,
    );
  }
  return { ...permitted, ...limits, warnings };
}

/** @throws {TargetError} `TARGET_LOSSES` where not all of the data would arrive whole */
async function refuseLosses({ fleet, foresee }: PreflightOptions, limits: Limits, left: string[]): Promise<void> {
  const losses = Object.entries((await foresee?.(limits)) ?? {}) as [AnyLoss, number][];
  if (losses.length === 0 && left.length === 0) return;
  const list = losses.map(([loss, keys]) => `${LOSS_WORDS[loss]} (keys: ${formatCount(keys)})`).join('; ');
  const whole = `${showVersion(limits.server)} would not get all of the data.`;
  const lost = list === '' ? [] : [`${whole} Lost would be ${list}.`];
  let remedy = 'Restore into a newer server.';
  if (!limits.restores) remedy = 'Let the user call RESTORE.';
  else if (losses.some(([loss]) => loss in COMMAND_LOSSES)) {
    remedy = 'Raise --big-key-bytes, so that each of these values goes as one RESTORE.';
  }
  throw new TargetError('TARGET_LOSSES', [...lost, ...left].join(' '), {
    where: fleet.name,
    remedy: `${remedy} Without --strict the rest is written, and the report counts what was lost.`,
  });
}

/**
 * What of the data, besides keys, will not be written, in whole sentences.
 *
 * @param functions libraries can be loaded
 */
export function leftBehind({ demands, fleet }: PreflightOptions, server: ServerInfo, functions: boolean): string[] {
  const left: string[] = [];
  const libraries = demands.reduce((sum, demand) => sum + demand.functions.length, 0);
  if (libraries > 0 && !functions) {
    const why = fleet.kind === 'proxy' ? 'A proxy hands on' : `${showVersion(server)} has, or lets this user load,`;
    left.push(`${why} no functions, of which there are ${libraries} libraries: they will not be restored.`);
  }
  for (const demand of demands) {
    for (const { what, count } of demand.unrestorable)
      left.push(`${demand.name} holds ${what} (${count} ×), which no command restores.`);
  }
  return left;
}

/** A cluster that is being upgraded has masters of two versions: what the older one takes, both do. */
export function oldestOf(servers: readonly ServerInfo[]): ServerInfo {
  const age = ({ version: [major, minor, patch] }: ServerInfo) => (major * 1000 + minor) * 1000 + patch;
  return [...servers].sort((a, b) => age(a) - age(b))[0] as ServerInfo;
}

/** @throws {TargetError} `TARGET_DB` where the target lacks one of them */
export async function checkDatabases({ dbs, fleet }: PreflightOptions): Promise<void> {
  const highest = Math.max(0, ...dbs);
  if (highest === 0) return;
  if (fleet.kind === 'proxy') {
    throw new TargetError('TARGET_DB', 'behind a proxy there is one database.', {
      where: fleet.name,
      remedy: 'Say where the keys of the others go: --db-map 1:0 for one, --merge-dbs for all of them.',
    });
  }
  // SELECT is what counts; whether the user may PING is all one.
  await Promise.all(fleet.masters.map(({ endpoint }) => fleet.control(endpoint).answer(highest, 'PING')));
}
