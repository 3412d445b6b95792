// A live server as a target: it is written to chunk by chunk, and says of every key what became of it.
import { crc64 } from '../../bytes/crc64.ts';
import type { KeyferryError } from '../../errors.ts';
import { quoteKey } from '../../errors.ts';
import type { RdbScanner, ScanState } from '../../rdb/scanner.ts';
import { BulkWriter } from '../../redis/bulk-writer.ts';
import { showEndpoint } from '../../redis/endpoint.ts';
import { type Fleet, hasReplicas } from '../../redis/fleet.ts';
import { KeyControl } from '../../redis/key-control.ts';
import { type Rate, RateLimit } from '../../redis/rate-limit.ts';
import { refusal, stopsTheJob } from '../../redis/refusals.ts';
import { atLeast, type ServerInfo } from '../../redis/server-info.ts';
import type { Witness } from '../../redis/witness.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import { MemorySource } from '../../storage/memory-source.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { type Place, writeByCommands } from './by-commands.ts';
import { type Attempt, type ChunkBytes, ChunkWriter, type ChunkWriterContext, keyExists } from './chunk-writer.ts';
import type { EntryEncoder } from './entry-encoder.ts';
import type { ConflictPolicy } from './policy.ts';
import { resolveSuspects, type SuspectContext } from './resolve-suspects.ts';
import { type LargeRecord, type RecordHead, restoreStreamed } from './streamed-restore.ts';
import { newTally, type Tally } from './tally.ts';

export interface RedisTargetOptions {
  readonly fleet: Fleet;
  readonly witness: Witness;
  readonly server: ServerInfo;
  readonly policy: ConflictPolicy;
  /** Plain strings go several at once. */
  readonly groups: boolean;
  /** The user may call RESTORE. */
  readonly restores: boolean;
  /** A record from here on is written in parts; bytes. */
  readonly bigKeyBytes: number;
  /** The same when the job goes on after a kill. */
  readonly jobId: string;
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

/** What became of a chunk, and which servers have it: see {@link Witness}. */
export interface Written {
  readonly tally: Tally;
  readonly servers: string;
}

const TOO_LARGE = 'larger than the server takes at once, and not to be taken apart';

/** A record of a chunk in memory, as one that is read from where it lies. */
export function recordOf(entry: RdbScanner, { bytes, base }: ChunkBytes): { record: LargeRecord; head: RecordHead } {
  const { recordStart: start, recordEnd: end } = entry;
  const own = bytes.subarray(start - base, end - base);
  const source = new MemorySource('a chunk in memory', own, start);
  return { record: { source, start, end, crc: crc64(own) }, head: { entry, bytes: own } };
}

export class RedisTarget {
  readonly #options: RedisTargetOptions;
  readonly #writer: BulkWriter;
  readonly #rate: RateLimit;
  readonly #control: KeyControl;

  constructor(options: RedisTargetOptions) {
    this.#options = options;
    this.#writer = new BulkWriter(options);
    this.#control = new KeyControl(options);
    this.#rate = new RateLimit(options.rate, options.clock);
  }

  get name(): string {
    return this.#options.fleet.name;
  }

  /** Begins to write a chunk. */
  begin(encoder: EntryEncoder, chunk: ChunkBytes, attempt: Attempt): ChunkWriter {
    const { policy, groups, restores, bigKeyBytes, clock, mapDb, onWritten } = this.#options;
    const context: ChunkWriterContext = {
      writer: this.#writer,
      encoder,
      policy,
      groups,
      restores,
      bigKeyBytes,
      clock,
      targetName: this.name,
      mapDb,
      onWritten,
    };
    return new ChunkWriter(context, chunk, attempt);
  }

  /** Ends a chunk: every key has been confirmed, or is accounted for otherwise. */
  async complete(writer: ChunkWriter, encoder: EntryEncoder, chunk: ChunkBytes): Promise<Written> {
    await writer.settled();
    if (writer.suspects.length > 0) await resolveSuspects(writer, chunk, this.#suspectContext(encoder));
    const confirmed = await this.#writer.confirmed(writer.sentTo);
    for (const { record: place, reason } of writer.byCommands) {
      const { record, head } = recordOf(writer.entryAt(place), chunk);
      const went = await this.#writeByCommands(record, head, writer.attempt, reason, writer.tally, encoder);
      this.#options.onWritten(1);
      if (went === undefined) continue;
      // One server, two ways: what went over both is confirmed only when both are.
      if (!went.replicated) confirmed.delete(went.server);
      else if (!writer.sentTo.has(went.server)) confirmed.add(went.server);
      writer.sentTo.add(went.server);
    }
    return { tally: writer.tally, servers: await this.#options.witness.note(writer.sentTo, confirmed) };
  }

  /** Writes one record that is too large for RESTORE, or that has to be written as an older type and is too large to hold. */
  async writeInParts(encoder: EntryEncoder, record: LargeRecord, head: RecordHead, attempt: Attempt): Promise<Written> {
    const tally = newTally();
    if (encoder.hasExpired(head.entry, this.#options.clock.now())) {
      tally.expired++;
      return { tally, servers: '' };
    }
    await this.throttle(0, 1);
    const place = await this.#writeByCommands(record, head, attempt, TOO_LARGE, tally, encoder);
    this.#options.onWritten(1);
    if (place === undefined) return { tally, servers: '' };
    const confirmed = new Set(place.replicated ? [place.server] : []);
    return { tally, servers: await this.#options.witness.note([place.server], confirmed) };
  }

  #writeByCommands(
    record: LargeRecord,
    head: RecordHead,
    attempt: Attempt,
    reason: string,
    tally: Tally,
    encoder: EntryEncoder,
  ): Promise<Place | undefined> {
    return writeByCommands(record, head, attempt, reason, tally, {
      ...this.#options,
      ...this.#suspectContext(encoder),
      onPiece: async (bytes) => this.throttle(bytes, 0),
    });
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
  ): Promise<Written> {
    const { clock, fleet, mapDb, policy, witness } = this.#options;
    const tally = newTally();
    const { entry } = head;
    if (encoder.hasExpired(entry, clock.now())) {
      tally.expired++;
      return { tally, servers: '' };
    }
    const db = mapDb(entry.db);
    await this.throttle(0, 1);
    const onPiece = async (bytes: number) => this.throttle(bytes, 0);
    const { reply, uncertain, endpoint, replicated } = await restoreStreamed(record, head, {
      ...this.#options,
      locator: fleet,
      replicas: (node) => hasReplicas(fleet, node),
      encoder,
      db,
      onPiece,
    });
    const server = showEndpoint(endpoint);
    const servers = await witness.note([server], new Set(replicated ? [server] : []));
    if (!(reply instanceof ErrorReply)) {
      tally.written++;
      this.#options.onWritten(1);
      return { tally, servers };
    }
    const key = Buffer.from(encoder.key(entry, head.bytes, record.start));
    if (reply.code === 'BUSYKEY') {
      if (attempt === 'confirmed') {
        tally.already++;
        return { tally, servers };
      }
      if (attempt === 'unsure' || uncertain) return this.#settleLarge(encoder, record, state);
      if (policy === 'panic') throw keyExists(key, db, this.name, false);
      tally.skipped++;
    } else if (stopsTheJob(reply)) {
      throw refusal(reply, { where: `${this.name}, db ${db}, key ${quoteKey(key)}` });
    } else {
      tally.failed.push({ db, key, type: entry.type?.name ?? '', reason: reply.text });
    }
    return { tally, servers };
  }

  /** A large key exists and may be our own: it is read whole to be compared. */
  async #settleLarge(encoder: EntryEncoder, { source, start, end }: LargeRecord, state: ScanState): Promise<Written> {
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
    const { policy, server, mapDb, clock, signal, onWritten } = this.#options;
    const knowsPexpiretime = server.engine === 'valkey' || atLeast(server, 7);
    return {
      control: this.#control,
      targetName: this.name,
      encoder,
      policy,
      knowsPexpiretime,
      mapDb,
      clock,
      signal,
      onSettled: onWritten,
    };
  }
}
