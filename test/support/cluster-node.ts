// A node of a test cluster before it has met the others: its configuration, its ports, what it announces.
import { freePort } from './server-process.ts';
import { featuresOf, type Server, type ServerName, startServer } from './servers.ts';

export interface ClusterOptions {
  /** Default 3. */
  masters?: number;
  /** Of each master. Default 1. */
  replicas?: number;
  /** Of each node, as `startServer` takes it; a `requirepass` is for the replicas too. */
  config?: Record<string, string>;
  /** After so many ms of silence a node counts as failed. Default 1500; a promotion takes about two of it. */
  nodeTimeoutMs?: number;
  /**
   * Makes the nodes tell clients addresses that nobody can reach, as behind a NAT: names that do not resolve (7.0 and
   * above), or ports that nobody listens on (without replicas only: these too follow the announced address).
   * `addressMap` has what a client needs.
   */
  announce?: 'hostname' | 'port';
}

/** Starts one server that is a cluster of its own; `index` tells it from the others where it announces itself. */
export async function startNode(
  name: ServerName,
  index: number,
  { config = {}, nodeTimeoutMs = 1500, announce }: ClusterOptions,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const busPort = featuresOf(name).seven ? String(await freePort()) : undefined;
    try {
      return await startServer(name, {
        config: {
          'cluster-enabled': 'yes',
          'cluster-node-timeout': String(nodeTimeoutMs),
          // a replica takes over however long it was without its master
          'cluster-replica-validity-factor': '0',
          // replicas stay with their master, whoever has none
          'cluster-migration-barrier': '100',
          'repl-diskless-sync': 'yes',
          'repl-diskless-sync-delay': '0',
          ...(busPort === undefined ? {} : { 'cluster-port': busPort, 'cluster-allow-replica-migration': 'no' }),
          ...announcing(announce, index, busPort),
          ...(config.requirepass === undefined ? {} : { masterauth: config.requirepass }),
          ...config,
        },
      });
    } catch (error) {
      // 6.0 has its bus at port + 10,000, which may be taken or no port at all
      if (attempt === 10 || !/Address already in use|port number too high/.test(String(error))) throw error;
    }
  }
}

function announcing(
  announce: ClusterOptions['announce'],
  index: number,
  busPort: string | undefined,
): Record<string, string> {
  if (announce === 'hostname') {
    return { 'cluster-announce-hostname': hostname(index), 'cluster-preferred-endpoint-type': 'hostname' };
  }
  if (announce === undefined) return {};
  return {
    'cluster-announce-port': String(deadPort(index)),
    ...(busPort === undefined ? {} : { 'cluster-announce-bus-port': busPort }),
  };
}

/** The top-level domain that never resolves (RFC 2606). */
export const hostname = (index: number): string => `node-${index}.invalid`;
/** The lowest ports, which nothing on a test machine listens on. */
export const deadPort = (index: number): number => 1 + index;

/** Has a node make itself known to another. */
export async function meet(node: Server, other: Server): Promise<void> {
  await node.call('CLUSTER', 'MEET', other.host, other.port, await busPortOf(other));
}

async function busPortOf(node: Server): Promise<number> {
  const [, configured = '0'] = (await node.call('CONFIG', 'GET', 'cluster-port')) as string[];
  return Number(configured) || node.port + 10_000;
}
