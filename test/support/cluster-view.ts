// A cluster as its nodes see it: who is master of what, and whether they all agree.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from './servers.ts';

export const SLOTS = 16_384;

/** One node, as a line of CLUSTER NODES has it. */
export interface NodeLine {
  readonly id: string;
  /** `myself`, `master`, `slave`, `fail?`, `fail`, `handshake`, … */
  readonly flags: readonly string[];
  /** The id of the master that it follows. */
  readonly masterId: string | undefined;
  /** First and last slot of each range, both included. */
  readonly slots: readonly (readonly [number, number])[];
  /** Slots on the move, as the server writes them: `[93->-id]`, `[93-<-id]`. */
  readonly moving: readonly string[];
}

/** The cluster as this node sees it, itself included. */
export async function linesOf(node: Server): Promise<NodeLine[]> {
  const text = String(await node.call('CLUSTER', 'NODES'));
  return text.trim().split('\n').map(parseLine);
}

/** What a node says of itself. */
export async function selfOf(node: Server): Promise<NodeLine> {
  const self = (await linesOf(node)).find(({ flags }) => flags.includes('myself'));
  if (self === undefined) throw new Error(`the node on port ${node.port} does not know itself`);
  return self;
}

export const isMaster = ({ flags }: NodeLine): boolean => flags.includes('master');

export function owns({ slots }: NodeLine, slot: number): boolean {
  return slots.some(([first, last]) => first <= slot && slot <= last);
}

/** @see https://redis.io/docs/latest/commands/cluster-nodes/ for the fields of a line */
function parseLine(line: string): NodeLine {
  const [id = '', , flags = '', masterId = '-', , , , , ...slots] = line.split(' ');
  return {
    id,
    flags: flags.split(','),
    masterId: masterId === '-' ? undefined : masterId,
    slots: slots.filter((range) => !range.startsWith('[')).map(parseRange),
    moving: slots.filter((range) => range.startsWith('[')),
  };
}

function parseRange(range: string): [number, number] {
  const [first, last] = range.split('-').map(Number);
  return [first!, last ?? first!];
}

/**
 * Why these nodes are no whole cluster yet, `undefined` when they are: all serve, know each other as alive, agree on
 * who owns which slot, and each replica follows its master, which counts it as online (what WAIT needs).
 */
export async function unsettled(nodes: readonly Server[]): Promise<string | undefined> {
  const views = await Promise.all(nodes.map(linesOf));
  const ids = views.map((lines) => lines.find(({ flags }) => flags.includes('myself'))!.id);
  const pictures = views.map((lines) => JSON.stringify(picture(lines, new Set(ids))));
  for (const [index, node] of nodes.entries()) {
    const state = String(await node.call('CLUSTER', 'INFO'));
    if (!state.includes('cluster_state:ok')) return `port ${node.port}: ${state.split('\r\n')[0]}`;
    const lines = views[index]!.filter(({ id }) => ids.includes(id));
    if (lines.length < ids.length) return `port ${node.port} knows ${lines.length} of ${ids.length} nodes`;
    const doubted = lines.find(({ flags }) => flags.some((flag) => /fail|handshake|noaddr/.test(flag)));
    if (doubted !== undefined) return `port ${node.port} takes ${doubted.id} for ${doubted.flags}`;
    if (pictures[index] !== pictures[0]) return `ports ${nodes[0]!.port} and ${node.port} see different owners`;
    const replication = String(await node.call('INFO', 'replication'));
    const self = lines.find(({ flags }) => flags.includes('myself'))!;
    if (!isMaster(self)) {
      if (!replication.includes('master_link_status:up')) return `port ${node.port} has no link to its master`;
      continue;
    }
    const replicas = lines.filter(({ masterId }) => masterId === self.id).length;
    const online = replication.match(/state=online/g)?.length ?? 0;
    if (online !== replicas) return `port ${node.port} has ${online} of ${replicas} replicas online`;
  }
  return undefined;
}

/** The part of a view in which all nodes have to agree. */
function picture(lines: readonly NodeLine[], ids: ReadonlySet<string>): unknown {
  return lines
    .filter(({ id }) => ids.has(id))
    .map(({ id, masterId, slots }) => [id, masterId, slots])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

/** Looks again every 25 ms until `missing` is `undefined`. @throws after `deadlineMs`, with what was missing last */
export async function until(what: string, deadlineMs: number, look: () => Promise<string | undefined>): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const missing = await look();
    if (missing === undefined) return;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms: ${missing}`);
    await sleep(25);
  }
}
