// Writes batches to one server over several sockets, with a bound on what is under way.
import type { KeyferryError } from '../errors.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Batch } from './batch.ts';
import { BulkConnection } from './bulk-connection.ts';
import type { Endpoint } from './endpoint.ts';

export interface BulkWriterOptions {
  endpoint: Endpoint;
  clock: Clock;
  /** Sockets. */
  connections: number;
  /** Unanswered bytes a socket from which on it takes no further batch. */
  inFlightBytes: number;
  patienceMs: number;
  replyTimeoutMs: number;
}

/** Bytes of a batch's buffer; larger commands get one of their own size. */
export const BATCH_BYTES = 128 * 1024;

export class BulkWriter {
  readonly #options: BulkWriterOptions;
  readonly #connections: BulkConnection[];
  readonly #free: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #failure: KeyferryError | undefined;
  readonly #onFailure = new Set<(error: KeyferryError) => void>();

  constructor(options: BulkWriterOptions) {
    this.#options = options;
    this.#connections = Array.from(
      { length: options.connections },
      () =>
        new BulkConnection({
          ...options,
          onBatchDone: (batch) => this.#recycle(batch),
          onFailure: (error) => this.fail(error),
        }),
    );
  }

  /** A buffer for a batch; at least `bytes` large. */
  buffer(bytes: number): Buffer {
    if (bytes > BATCH_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
  }

  /** Hands a batch to the socket with the least under way. */
  submit(batch: Batch): void {
    this.#leastBusy().send(batch);
  }

  /** True when every socket has as much under way as it may: wait for {@link room} before the next batch. */
  get full(): boolean {
    return this.#leastBusy().inFlightBytes >= this.#options.inFlightBytes;
  }

  /** Resolves when a socket may take a batch. Rejects when the writer has failed. */
  async room(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.full) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Bytes that are not answered, over all sockets. */
  get inFlightBytes(): number {
    return this.#connections.reduce((sum, connection) => sum + connection.inFlightBytes, 0);
  }

  /** Calls back once when the writer fails; at once when it has failed. Gives the function that calls this off. */
  onFailure(callback: (error: KeyferryError) => void): () => void {
    if (this.#failure !== undefined) callback(this.#failure);
    else this.#onFailure.add(callback);
    return () => this.#onFailure.delete(callback);
  }

  /** Stops everything for this reason. */
  fail(error: KeyferryError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.end();
    for (const callback of this.#onFailure) callback(error);
    this.#wake();
  }

  end(): void {
    for (const connection of this.#connections) connection.end();
  }

  #leastBusy(): BulkConnection {
    let least = this.#connections[0] as BulkConnection;
    for (const connection of this.#connections) if (connection.inFlightBytes < least.inFlightBytes) least = connection;
    return least;
  }

  #recycle(batch: Batch): void {
    if (batch.bytes.length === BATCH_BYTES) this.#free.push(batch.bytes);
    if (this.#waiting.length > 0) this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
