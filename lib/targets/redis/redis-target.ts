// A live server as a target: it is written to chunk by chunk, and says of every key what became of it.
import type { KeyferryError } from '../../errors.ts';
import { quoteKey } from '../../errors.ts';
import type { ScanState } from '../../rdb/scanner.ts';
import { BulkWriter } from '../../redis/bulk-writer.ts';
import type { Control } from '../../redis/control.ts';
import type { Endpoint } from '../../redis/endpoint.ts';
import { type Rate, RateLimit } from '../../redis/rate-limit.ts';
import { refusal, stopsTheJob } from '../../redis/refusals.ts';
import { atLeast, type ServerInfo } from '../../redis/server-info.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { type Attempt, type ChunkBytes, ChunkWriter, type ChunkWriterContext, keyExists } from './chunk-writer.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import type { ConflictPolicy } from './policy.ts';
import { resolveSuspects, type SuspectContext } from './resolve-suspects.ts';
import { type LargeRecord, type RecordHead, restoreStreamed } from './streamed-restore.ts';
import { newTally, type Tally } from './tally.ts';

export interface RedisTargetOptions {
  readonly endpoint: Endpoint;
  readonly control: Control;
  readonly server: ServerInfo;
  readonly policy: ConflictPolicy;
  /** Plain strings go several at once. */
  readonly groups: boolean;
  readonly clock: Clock;
  readonly rate: Rate;
  readonly connections: number;
  /** Unanswered bytes a socket, at most. */
  readonly inFlightBytes: number;
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly mapDb: (db: number) => number;
  /** Told of keys as they are confirmed. */
  readonly onWritten: (keys: number) => void;
}

export class RedisTarget {
  readonly #options: RedisTargetOptions;
  readonly #writer: BulkWriter;
  readonly #rate: RateLimit;

  constructor(options: RedisTargetOptions) {
    this.#options = options;
    this.#writer = new BulkWriter(options);
    this.#rate = new RateLimit(options.rate, options.clock);
  }

  get name(): string {
    return this.#options.control.name;
  }

  /** Begins to write a chunk. */
  begin(encoder: EntryEncoder, chunk: ChunkBytes, attempt: Attempt): ChunkWriter {
    const { policy, groups, clock, mapDb, onWritten } = this.#options;
    const context: ChunkWriterContext = {
      writer: this.#writer,
      encoder,
      policy,
      groups,
      clock,
      targetName: this.name,
      mapDb,
      onWritten,
    };
    return new ChunkWriter(context, chunk, attempt);
  }

  /** Ends a chunk: every key has been confirmed, or is accounted for otherwise. */
  async complete(writer: ChunkWriter, encoder: EntryEncoder, chunk: ChunkBytes): Promise<Tally> {
    await writer.settled();
    if (writer.suspects.length > 0) await resolveSuspects(writer, chunk, this.#suspectContext(encoder));
    return writer.tally;
  }

  /** Holds the caller down to the rate that was asked for. `undefined` when there is nothing to wait for. */
  throttle(bytes: number, keys: number): Promise<void> | undefined {
    return this.#rate.limited ? this.#rate.take(bytes, keys, this.#options.signal) : undefined;
  }

  /** Writes one record that is too large to hold. */
  async writeLarge(
    encoder: EntryEncoder,
    record: LargeRecord,
    head: RecordHead,
    state: ScanState,
    attempt: Attempt,
  ): Promise<Tally> {
    const { clock, mapDb, policy } = this.#options;
    const tally = newTally();
    const { entry } = head;
    if (encoder.hasExpired(entry, clock.now())) {
      tally.expired++;
      return tally;
    }
    const db = mapDb(entry.db);
    await this.throttle(0, 1);
    const onPiece = async (bytes: number) => this.throttle(bytes, 0);
    const { reply, uncertain } = await restoreStreamed(record, head, { ...this.#options, encoder, db, onPiece });
    if (!(reply instanceof ErrorReply)) {
      tally.written++;
      this.#options.onWritten(1);
      return tally;
    }
    const key = Buffer.from(encoder.key(entry, head.bytes, record.start));
    if (reply.code === 'BUSYKEY') {
      if (attempt === 'confirmed') {
        tally.already++;
        return tally;
      }
      if (attempt === 'unsure' || uncertain) return this.#settleLarge(encoder, record, state);
      if (policy === 'panic') throw keyExists(key, db, this.name, false);
      tally.skipped++;
    } else if (stopsTheJob(reply)) {
      throw refusal(reply, { where: `${this.name}, db ${db}, key ${quoteKey(key)}` });
    } else {
      tally.failed.push({ db, key, type: entry.type?.name ?? '', reason: reply.text });
    }
    return tally;
  }

  /** A large key exists and may be our own: it is read whole to be compared. */
  async #settleLarge(encoder: EntryEncoder, { source, start, end }: LargeRecord, state: ScanState): Promise<Tally> {
    const chunk = { bytes: await source.read(start, end), base: start, state };
    const writer = this.begin(encoder, chunk, 'unsure');
    writer.suspects.push({ at: 0, db: state.db });
    return this.complete(writer, encoder, chunk);
  }

  /** Calls back when the target has failed for good. */
  onFailure(callback: (error: KeyferryError) => void): () => void {
    return this.#writer.onFailure(callback);
  }

  /** Stops all writing for this reason. */
  fail(error: KeyferryError): void {
    this.#writer.fail(error);
  }

  end(): void {
    this.#writer.end();
  }

  #suspectContext(encoder: EntryEncoder): SuspectContext {
    const { control, policy, server, mapDb, clock, signal, onWritten } = this.#options;
    const knowsPexpiretime = server.engine === 'valkey' || atLeast(server, 7);
    return { control, encoder, policy, knowsPexpiretime, mapDb, now: () => clock.now(), signal, onSettled: onWritten };
  }
}
