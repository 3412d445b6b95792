// The map of a cluster as one of its nodes tells it: which master serves which slot, and who follows it.
import { TargetError } from '../errors.ts';
import type { ControlReply } from './control.ts';
import type { Endpoint } from './endpoint.ts';
import type { Master } from './fleet.ts';
import { SLOTS } from './slots.ts';

/** No master is known for a slot. */
export const NOBODY = 0xffff;

export interface ClusterMap {
  /** Masters that serve slots. */
  readonly masters: readonly Master[];
  /** For each slot its master, as an index, or {@link NOBODY}. */
  readonly owners: Uint16Array;
  /** Every node that the map names, replicas too: any may be the one that is left to ask. */
  readonly nodes: readonly Endpoint[];
}

/** From `host:port` as a node announces itself to where this client reaches it. */
export type AddressMap = ReadonlyMap<string, string>;

/** How nodes are reached: as the seed is, but each at its own address. */
export interface NodeAddresses {
  readonly seed: Endpoint;
  readonly map?: AddressMap | undefined;
}

/**
 * Reads the reply of CLUSTER SLOTS.
 *
 * @param asked the node that gave it: an empty host in the reply means that node's own
 * @param before masters that were known before keep their place, so that what was sorted by place stays so
 * @throws {TargetError} `CLUSTER_MAP` when the reply is no such map
 * @see https://valkey.io/commands/cluster-slots/
 */
export function parseClusterSlots(
  reply: ControlReply,
  addresses: NodeAddresses,
  asked: Endpoint,
  before: readonly Master[] = [],
): ClusterMap {
  const found = new Map<string, Master>();
  const nodes: Endpoint[] = [];
  const spans: { from: number; to: number; id: string }[] = [];
  for (const item of list(reply, asked)) {
    const [from, to, master, ...replicas] = list(item, asked);
    const place = (node: ControlReply | undefined) => {
      const [host, port] = list(node, asked);
      return nodeEndpoint(host == null ? '' : String(host), Number(port), addresses, asked);
    };
    const id = list(master, asked)[2];
    const endpoint = place(master);
    nodes.push(endpoint, ...replicas.map(place));
    const name = String(id ?? `${endpoint.host}:${endpoint.port}`);
    found.set(name, { id: name, endpoint, replicas: replicas.length });
    spans.push({ from: Number(from), to: Number(to), id: name });
  }
  const masters = before.filter(({ id }) => found.has(id)).map(({ id }) => found.get(id) as Master);
  for (const master of found.values()) if (!masters.includes(master)) masters.push(master);
  const owners = new Uint16Array(SLOTS).fill(NOBODY);
  for (const { from, to, id } of spans) {
    if (!(from >= 0 && from <= to && to < SLOTS)) throw notAMap(asked);
    owners.fill(
      masters.findIndex((master) => master.id === id),
      from,
      to + 1,
    );
  }
  return { masters, owners, nodes };
}

/** Where a node is that calls itself `host:port`, for this client. */
export function nodeEndpoint(host: string, port: number, { seed, map }: NodeAddresses, asked: Endpoint): Endpoint {
  // "?" stands for a host name that the node was not told.
  const announced = host === '' || host === '?' ? asked.host : host;
  const mapped = map?.get(`${announced}:${port}`);
  if (mapped === undefined) return { ...seed, path: undefined, host: announced, port };
  const colon = mapped.lastIndexOf(':');
  return {
    ...seed,
    path: undefined,
    host: mapped.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(mapped.slice(colon + 1)),
  };
}

function list(reply: ControlReply | undefined, asked: Endpoint): ControlReply[] {
  if (!Array.isArray(reply)) throw notAMap(asked);
  return reply;
}

const notAMap = ({ host, port }: Endpoint) =>
  new TargetError('CLUSTER_MAP', 'what CLUSTER SLOTS answers is no map of a cluster.', {
    where: `${host}:${port}`,
    remedy: 'Is there a proxy between? Then say --mode proxy.',
  });
