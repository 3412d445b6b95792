// Writes batches to a fleet of servers, with a bound on what is under way; follows slots and masters when they move.
import { InterruptedError, type KeyferryError, TargetError } from '../errors.ts';
import type { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Batch } from './batch.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import type { Fleet, Master } from './fleet.ts';
import { Lane } from './lane.ts';

export interface BulkWriterOptions {
  fleet: Fleet;
  clock: Clock;
  /** Sockets a server. */
  connections: number;
  /** Unanswered bytes a socket from which on it takes no further batch. */
  inFlightBytes: number;
  patienceMs: number;
  replyTimeoutMs: number;
}

/** Bytes of a batch's buffer; larger commands get one of their own size. */
export const BATCH_BYTES = 128 * 1024;

/** So many redirections are followed at once; then there is a pause before each. */
const EAGER_REDIRECTS = 3;
const REDIRECT_PAUSE_MS = 100;

export class BulkWriter {
  readonly #options: BulkWriterOptions;
  /** By endpoint. */
  readonly #lanes = new Map<string, Lane>();
  readonly #free: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #failure: KeyferryError | undefined;
  #rerouting: Promise<void> | undefined;
  readonly #onFailure = new Set<(error: KeyferryError) => void>();

  constructor(options: BulkWriterOptions) {
    this.#options = options;
    for (const { endpoint } of options.fleet.masters) this.#lane(endpoint);
  }

  get fleet(): Fleet {
    return this.#options.fleet;
  }

  /** A buffer for a batch; at least `bytes` large. */
  buffer(bytes: number): Buffer {
    if (bytes > BATCH_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
  }

  /** Hands a batch to the server that its first command's slot belongs to; one of another server's comes to it by MOVED. */
  submit(batch: Batch): void {
    if (this.#failure === undefined) this.#laneOf(batch).send(batch);
  }

  /** True when some server has as much under way as it may: wait for {@link room} before the next batch. */
  get full(): boolean {
    for (const lane of this.#lanes.values()) if (lane.full) return true;
    return false;
  }

  /** Resolves when every server may take a batch. Rejects when the writer has failed. */
  async room(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.full) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Asks the replicas of these servers for all that was written to them so far.
   *
   * @param endpoints as `batch.sentTo` names them
   * @returns those of which a replica has it all
   */
  async confirmed(endpoints: Iterable<string>): Promise<Set<string>> {
    const having = this.fleet.masters.filter(({ replicas }) => replicas > 0);
    const followed = new Set(having.map(({ endpoint }) => showEndpoint(endpoint)));
    const confirmed = new Set<string>();
    const ask = async (name: string) => {
      if (await this.#lanes.get(name)?.confirmed()) confirmed.add(name);
    };
    await Promise.all([...endpoints].filter((name) => followed.has(name)).map(ask));
    if (this.#failure !== undefined) throw this.#failure;
    return confirmed;
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
    for (const lane of this.#lanes.values()) lane.end();
    for (const callback of this.#onFailure) callback(error);
    this.#wake();
  }

  /** Ends the connections. Whoever still waits for an answer is told that none will come. */
  end(): void {
    this.fail(new InterruptedError('INTERRUPTED', 'the connections were ended before all was answered.'));
  }

  #lane(endpoint: Endpoint): Lane {
    const name = showEndpoint(endpoint);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      const moves = this.fleet.kind === 'cluster' || this.fleet.kind === 'sentinel';
      lane = new Lane({
        ...this.#options,
        endpoint,
        onBatchDone: (batch) => this.#recycle(batch),
        onRedirect: moves ? (batch, reply) => this.#redirect(batch, reply) : undefined,
        onRetry: moves ? (batch) => this.#retry(batch) : undefined,
        onTrouble: moves ? () => this.#reroute() : undefined,
        onFailure: (error, failed) => this.#laneFailed(error, failed),
      });
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #laneOf(batch: Batch): Lane {
    const { fleet } = this;
    const master = fleet.masters[fleet.masterOf(batch.slots[0] ?? 0)];
    return this.#lane((master as Master).endpoint);
  }

  /** A command was answered MOVED, ASK or READONLY: it was not run, and goes where it belongs now. */
  #redirect(batch: Batch, reply: ErrorReply): void {
    if (++batch.redirects > EAGER_REDIRECTS + this.#options.patienceMs / REDIRECT_PAUSE_MS) {
      this.fail(
        // Two nodes each name the other: a cluster can be left so when slots are moved in haste.
        new TargetError(
          'CLUSTER_UNSTABLE',
          `a key is sent from node to node without end. The last answer: ${reply.text}`,
          {
            where: this.fleet.name,
            remedy: 'Look at the cluster (redis-cli --cluster check). The same command again goes on from here.',
          },
        ),
      );
      return;
    }
    const endpoint = this.fleet.redirect(reply);
    batch.asking = reply.code === 'ASK';
    const go = () => {
      if (this.#failure !== undefined) return;
      if (endpoint === undefined) this.submit(batch);
      else this.#lane(endpoint).send(batch);
    };
    if (endpoint !== undefined && batch.redirects <= EAGER_REDIRECTS) go();
    else setTimeout(() => this.fleet.refresh().then(go), REDIRECT_PAUSE_MS);
    if (!batch.asking) this.#reroute();
  }

  /** A node that was taken out of the cluster says CLUSTERDOWN for ever: the next try goes where the slot is now. */
  #retry(batch: Batch): void {
    void this.fleet.refresh().then(() => this.submit(batch));
  }

  /** Looks at the fleet anew and takes what waits for a server that is gone to its successor. */
  #reroute(): void {
    this.#rerouting ??= this.fleet.refresh().then(() => {
      this.#rerouting = undefined;
      if (this.#failure !== undefined) return;
      const masters = new Set(this.fleet.masters.map(({ endpoint }) => showEndpoint(endpoint)));
      for (const [name, lane] of this.#lanes) {
        for (const batch of lane.withdraw()) this.#resend(batch, lane);
        if (masters.has(name) || !lane.idle) continue;
        lane.end();
        this.#lanes.delete(name);
      }
      this.#wake();
    });
  }

  /** Sends a batch whose server is down: as it is while its keys still belong there, else each command on its own. */
  #resend(batch: Batch, lane: Lane): void {
    batch.asking = false;
    const ownerOf = (slot: number) => this.fleet.masters[this.fleet.masterOf(slot)]?.endpoint as Endpoint;
    const left = batch.slots.length === 0 ? [0] : batch.slots.slice(batch.answered);
    if (left.every((slot) => showEndpoint(ownerOf(slot)) === lane.name)) {
      lane.send(batch);
      return;
    }
    for (let index = batch.answered; index < batch.commands; index++) this.submit(batch.extract(index));
    this.#recycle(batch);
  }

  /** A server that nobody waits for any more may be gone. */
  #laneFailed(error: KeyferryError, lane: Lane): void {
    const needed = this.fleet.masters.some(({ endpoint }) => showEndpoint(endpoint) === lane.name);
    if (needed || !lane.idle) this.fail(error);
    else this.#lanes.delete(lane.name);
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
