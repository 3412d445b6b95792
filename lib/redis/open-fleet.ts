// Finds out what a target is, and who its masters are: one server, or a cluster.
import { ConnectionError, KeyferryError, TargetError } from '../errors.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Cluster } from './cluster.ts';
import type { AddressMap } from './cluster-slots.ts';
import { Control } from './control.ts';
import type { RedisUrl } from './endpoint.ts';
import type { Fleet } from './fleet.ts';
import { KeyControl } from './key-control.ts';
import { refusal } from './refusals.ts';
import { SentinelFleet } from './sentinel-fleet.ts';
import { parseInfo, type ServerInfo } from './server-info.ts';
import { Standalone } from './standalone.ts';

export type TargetMode = 'auto' | 'proxy';

export interface OpenFleetOptions {
  readonly target: RedisUrl;
  /** `proxy` where a proxy stands before the servers; else what stands there is asked. */
  readonly mode?: TargetMode | undefined;
  /** A source may be a replica. Default `target`. */
  readonly role?: 'target' | 'source' | undefined;
  /** What stands there answers for all nodes, whatever it says of a cluster. */
  readonly single?: boolean | undefined;
  readonly addressMap?: AddressMap | undefined;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenedFleet {
  readonly fleet: Fleet;
  /** What each master says of itself, by its index; fields that it hides are empty. */
  readonly servers: readonly ServerInfo[];
  /** False where the user may not call INFO. */
  readonly told: boolean;
}

const LOADING_POLL_MS = 500;

/** @throws {TargetError} what the server refuses, `TARGET_REPLICA` for a replica; {ConnectionError} when none is there */
export async function openFleet(options: OpenFleetOptions): Promise<OpenedFleet> {
  if (options.mode === 'proxy') return openProxy(options);
  const { sentinel } = options.target;
  if (sentinel !== undefined) {
    const fleet = await SentinelFleet.open({ ...options, target: { ...options.target, sentinel } });
    return asked(fleet, options);
  }
  const control = new Control({ ...options, endpoint: options.target });
  try {
    const seed = await infoOf(control, options);
    if (seed?.cluster && !options.single) {
      return asked(await Cluster.open({ ...options, seed: options.target }, control), options);
    }
    if (seed?.role === 'replica' && options.role !== 'source') {
      throw new TargetError('TARGET_REPLICA', 'this server is a replica: what is written there is lost or refused.', {
        where: control.name,
        remedy: `Name its master${seed.master === undefined ? '' : `, ${seed.master}`}, instead.`,
      });
    }
    const fleet = new Standalone(control, seed?.replicas ?? 0);
    return { fleet, servers: [seed ?? parseInfo('')], told: seed !== undefined };
  } catch (error) {
    if (error instanceof KeyferryError) control.end();
    throw error;
  }
}

/** A proxy says nothing of itself; a server behind it tells its version to a script. */
async function openProxy(options: OpenFleetOptions): Promise<OpenedFleet> {
  const control = new Control({ ...options, endpoint: { ...options.target, proxy: true } });
  const fleet = new Standalone(control, 0);
  try {
    const reply = await new KeyControl({ ...options, fleet }).answer(Buffer.from('keyferry'), 0, 'INFO', 'server');
    const told = !(reply instanceof ErrorReply);
    return { fleet, servers: [parseInfo(told ? String(reply) : '')], told };
  } catch (error) {
    if (error instanceof KeyferryError) control.end();
    throw error;
  }
}

/** With what each master says of itself. */
async function asked(fleet: Fleet, options: OpenFleetOptions): Promise<OpenedFleet> {
  const servers = await Promise.all(
    fleet.masters.map(({ endpoint }) =>
      infoOf(fleet.control(endpoint), options).catch((error: unknown) => {
        throw atAnnounced(error, fleet);
      }),
    ),
  );
  return { fleet, servers: servers.map((info) => info ?? parseInfo('')), told: !servers.includes(undefined) };
}

/** A node that can't be reached may be there all the same, at another address than the one that it announces. */
function atAnnounced(error: unknown, { kind }: Fleet): unknown {
  if (kind !== 'cluster' || !(error instanceof ConnectionError) || error.code !== 'TARGET_UNREACHABLE') return error;
  return new ConnectionError(error.code, error.message, {
    where: error.where,
    remedy:
      'The cluster names this node. Is it down? Or reached at another address from here: then say --address-map ANNOUNCED:PORT=REACHED:PORT',
    cause: error,
  });
}

/** A server's INFO once it has loaded its data; `undefined` where the user may not call it. */
async function infoOf(control: Control, options: OpenFleetOptions): Promise<ServerInfo | undefined> {
  const { clock, patienceMs, signal } = options;
  const deadline = clock.now() + patienceMs;
  for (;;) {
    const reply = await control.answer(0, 'INFO');
    if (reply instanceof ErrorReply && reply.code === 'NOPERM') return undefined;
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
