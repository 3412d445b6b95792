// Where a key's commands go: one server, or the node of a cluster that serves its slot.
import type { ErrorReply } from '../resp/reply-reader.ts';
import type { Endpoint } from './endpoint.ts';

export interface Locator {
  /** The server that takes writes of this key now, as far as is known. */
  locate(key: Buffer): Endpoint;
  /** The node that a MOVED or ASK names, as this client can reach it; `undefined` where the reply names none. */
  redirect(reply: ErrorReply): Endpoint | undefined;
  /** Looks at the topology again: after a MOVED, or when a node can't be reached. Never rejects. */
  refresh(): Promise<void>;
}
