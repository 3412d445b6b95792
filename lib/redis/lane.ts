// The sockets to one server: batches go to the one with the least under way.
import type { KeyferryError } from '../errors.ts';
import type { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Batch } from './batch.ts';
import { BulkConnection } from './bulk-connection.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { CONFIRM_MS } from './fleet.ts';

export interface LaneOptions {
  endpoint: Endpoint;
  clock: Clock;
  /** Sockets. */
  connections: number;
  /** Unanswered bytes a socket from which on it takes no further batch. */
  inFlightBytes: number;
  patienceMs: number;
  replyTimeoutMs: number;
  onBatchDone(batch: Batch): void;
  onRedirect?: ((batch: Batch, reply: ErrorReply) => void) | undefined;
  onRetry?: ((batch: Batch) => void) | undefined;
  onTrouble?: (() => void) | undefined;
  onFailure(error: KeyferryError, lane: Lane): void;
}

export class Lane {
  readonly name: string;
  readonly #options: LaneOptions;
  readonly #connections: BulkConnection[];

  constructor(options: LaneOptions) {
    this.#options = options;
    this.name = showEndpoint(options.endpoint);
    this.#connections = Array.from(
      { length: options.connections },
      () => new BulkConnection({ ...options, onFailure: (error) => options.onFailure(error, this) }),
    );
  }

  send(batch: Batch): void {
    this.#leastBusy().send(batch);
  }

  /** True when every socket has as much under way as it may. */
  get full(): boolean {
    return this.#leastBusy().inFlightBytes >= this.#options.inFlightBytes;
  }

  /** True when nothing was handed over that is not answered. */
  get idle(): boolean {
    return this.#connections.every((connection) => connection.inFlightBytes === 0);
  }

  /** Takes back the batches of sockets that are down: what they hold may have another way to go. */
  withdraw(): Batch[] {
    return this.#connections.flatMap((connection) => connection.withdraw());
  }

  /**
   * Waits until a replica has everything that these sockets have written.
   *
   * @returns false when none says so in time, `undefined` when the server has no WAIT
   */
  async confirmed(): Promise<boolean | undefined> {
    const answers = await Promise.all(this.#connections.map((connection) => connection.confirm(CONFIRM_MS)));
    return answers.includes(undefined) ? undefined : answers.every((replicas) => (replicas as number) > 0);
  }

  end(): void {
    for (const connection of this.#connections) connection.end();
  }

  #leastBusy(): BulkConnection {
    let least = this.#connections[0] as BulkConnection;
    for (const connection of this.#connections) if (connection.inFlightBytes < least.inFlightBytes) least = connection;
    return least;
  }
}
