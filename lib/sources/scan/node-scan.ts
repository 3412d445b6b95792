// Scans a node: its databases one after another, on from the last page when a connection breaks, anew when the process
// behind it is another one.
import type { ValueKind } from '../../rdb/types.ts';
import { Backoff } from '../../redis/backoff.ts';
import { CommandPipe, PipeBroken } from '../../redis/command-pipe.ts';
import { connectionFailure } from '../../redis/connect-errors.ts';
import { type Endpoint, showEndpoint } from '../../redis/endpoint.ts';
import type { RateLimit } from '../../redis/rate-limit.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { DatabaseScan, type NodeTerms, SCANNED } from './database-scan.ts';
import type { PageSize } from './page-size.ts';
import type { ScanPage } from './scan-entry.ts';
import type { ReadValue } from './value-by-type.ts';

/** A node as it is now: a process, its databases, what it can be asked. */
export interface NodeFacts {
  readonly endpoint: Endpoint;
  /** Changes with the process; empty where it is not told. */
  readonly runId: string;
  readonly dbs: readonly number[];
  readonly terms: NodeTerms;
  /** A replica in a cluster: it answers only clients that said READONLY. */
  readonly readOnly: boolean;
}

export interface NodeScanOptions {
  /** Stays while the node does. */
  readonly id: string;
  /** Looks at the node anew; `undefined` when there is none of this id any more. */
  look(): Promise<NodeFacts | undefined>;
  readonly connections: number;
  readonly size: PageSize;
  readonly rate: RateLimit;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly wants: ((key: Buffer) => boolean) | undefined;
  readonly kinds: ReadonlySet<ValueKind> | undefined;
  readonly readValue: ReadValue;
  /** Where earlier runs came to, by stream. */
  readonly places: ReadonlyMap<string, string>;
  /** Told when CLIENT NO-TOUCH is not to be had. */
  onTouching(): void;
  /** Told when the node's scan begins anew. */
  onRestart(): void;
}

export const streamName = (id: string, runId: string, db: number): string => `${id}/${runId}/${db}`;

/**
 * @returns the run id of the process that was scanned to its end; `undefined` when the node has gone
 * @throws {ConnectionError} when the node stays out of reach; what it refuses for good
 */
export async function* scanNode(options: NodeScanOptions): AsyncGenerator<ScanPage, string | undefined, undefined> {
  const { clock, patienceMs, signal } = options;
  const backoff = new Backoff(clock, patienceMs);
  /** By stream. */
  const cursors = new Map(options.places);
  let last: NodeFacts | undefined;
  for (;;) {
    signal.throwIfAborted();
    let node: NodeFacts | undefined;
    try {
      node = await options.look();
      if (node === undefined) return undefined;
      if (last !== undefined && (last.runId !== node.runId || node.runId === '')) {
        // Another process has another order of keys, so a cursor of the one before would leave some out.
        cursors.clear();
        options.onRestart();
      }
      last = node;
      for (const db of node.dbs) {
        for await (const page of scanDatabase(node, db, cursors, options)) {
          backoff.succeed();
          yield page;
        }
      }
      return node.runId;
    } catch (error) {
      if (!(error instanceof PipeBroken)) throw error;
      const wait = backoff.fail();
      const endpoint = (node ?? last)?.endpoint;
      if (wait === undefined) {
        throw endpoint === undefined ? error : connectionFailure(showEndpoint(endpoint), error, endpoint);
      }
      await clock.sleep(wait, signal);
    }
  }
}

async function* scanDatabase(
  node: NodeFacts,
  db: number,
  cursors: Map<string, string>,
  options: NodeScanOptions,
): AsyncGenerator<ScanPage, void, undefined> {
  const stream = streamName(options.id, node.runId, db);
  const from = cursors.get(stream) ?? '0';
  if (from === SCANNED) return;
  const pipes = await openPipes(node, db, options);
  try {
    const scan = new DatabaseScan({ ...options, terms: node.terms, db, pipes });
    for await (const page of scan.pages(from)) {
      cursors.set(stream, page.to);
      yield { ...page, stream, db };
    }
  } finally {
    for (const pipe of pipes) pipe.end();
  }
}

/** @throws {PipeBroken} when not all of them come up */
export async function openPipes(node: NodeFacts, db: number, options: NodeScanOptions): Promise<CommandPipe[]> {
  const { endpoint, readOnly } = node;
  const { connections, replyTimeoutMs, signal } = options;
  const open = async () => {
    const pipe = await CommandPipe.open({ endpoint, db, replyTimeoutMs, signal });
    const [touching] = await pipe.send([['CLIENT', 'NO-TOUCH', 'ON']]);
    if (touching instanceof ErrorReply) options.onTouching();
    if (readOnly) await pipe.send([['READONLY']]);
    return pipe;
  };
  const opened = await Promise.allSettled(Array.from({ length: connections }, open));
  const pipes = opened.filter((each) => each.status === 'fulfilled').map(({ value }) => value);
  const failed = opened.find((each) => each.status === 'rejected');
  if (failed === undefined) return pipes;
  for (const pipe of pipes) pipe.end();
  throw failed.reason;
}
