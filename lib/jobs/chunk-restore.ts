// Restores one chunk of a planned RDB: read, prove, filter, write, account. Safe to do again.

import { BufferPool } from '../bytes/buffer-pool.ts';
import { crc64 } from '../bytes/crc64.ts';
import { RdbError } from '../errors.ts';
import type { EntryFilter } from '../filter/filter.ts';
import { dialectOf } from '../rdb/dialect.ts';
import { hasParts } from '../rdb/read-parts.ts';
import { RdbScanner, ScanEvent, type ScanState } from '../rdb/scanner.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../rdb/types.ts';
import { type ServerInfo, typeSupport } from '../redis/server-info.ts';
import type { RdbInput } from '../sources/rdb/input.ts';
import type { Chunk } from '../sources/rdb/plan.ts';
import type { Attempt, ChunkBytes, ChunkWriter } from '../targets/redis/chunk-writer.ts';
import { COMMAND_OVERHEAD_BYTES, EntryEncoder } from '../targets/redis/entry-encoder.ts';
import { lossesByCommands, lossesByRestore } from '../targets/redis/foreseen-losses.ts';
import type { ConflictPolicy, ExpiryRule } from '../targets/redis/policy.ts';
import { proveRecord } from '../targets/redis/record-parts.ts';
import { type RedisTarget, recordOf, type Written } from '../targets/redis/redis-target.ts';
import { changed, type LargeRecord, type RecordHead, readRecordHead } from '../targets/redis/streamed-restore.ts';
import { addLosses, type Losses, newTally } from '../targets/redis/tally.ts';
import { wayOf } from '../targets/redis/way.ts';
import type { Clock } from '../telemetry/clock.ts';

export interface ChunkRestoreOptions {
  readonly policy: ConflictPolicy;
  readonly expiry: ExpiryRule;
  readonly filter: EntryFilter | undefined;
  readonly server: ServerInfo;
  readonly clock: Clock;
  /** A record from here on is not held whole, but streamed; bytes. It stands alone in its chunk. */
  readonly largeBytes: number;
  /** The user may call RESTORE. Default true. */
  readonly restores?: boolean | undefined;
  /** A record from here on is written in parts; bytes. */
  readonly bigKeyBytes: number;
  /** A proxy stands before the target. */
  readonly proxied: boolean;
  /** The most bytes that the target takes as one argument. */
  readonly bulkLimit: number;
  /** True when the time is up: what is under way is finished, and {@link ChunkRestore.run} tells where it stopped. */
  readonly outOfTime?: (() => boolean) | undefined;
  /** Ends the work between two keys. */
  readonly signal: AbortSignal;
  /** Told how many bytes more of the chunk are dealt with. */
  readonly onBytes: (bytes: number) => void;
}

/** A place between two records of a chunk. */
export interface Place {
  /** Absolute offset of the next record. */
  readonly offset: number;
  readonly db: number;
}

/** What became of the keys that were dealt with, and where the others begin, if time ran out before them. */
export interface ChunkWritten extends Written {
  readonly rest: Place | undefined;
}

/** Keys, and bytes of their records, after which clock and rate are asked. */
const RATE_STEP_KEYS = 64;
const RATE_STEP_BYTES = 64 * 1024;

interface LargeChunk {
  readonly record: LargeRecord;
  readonly head: RecordHead;
  /** By commands; else as one streamed RESTORE. */
  readonly apart: boolean;
}

export class ChunkRestore {
  readonly #input: RdbInput;
  readonly #options: ChunkRestoreOptions;
  readonly #templates = new Map<bigint, Buffer>();
  readonly #buffers: BufferPool;

  constructor(input: RdbInput, options: ChunkRestoreOptions) {
    this.#input = input;
    this.#options = options;
    const held = input.chunks.reduce(
      (most, { start, end }) => Math.max(most, Math.min(end - start, options.largeBytes)),
      0,
    );
    this.#buffers = new BufferPool(held);
  }

  /**
   * Writes the chunk's keys, from `from` on where an earlier run stopped there. At least one key is dealt with.
   *
   * @throws {InputError} `INPUT_CHANGED` before anything is written, when the chunk's bytes are not those planned
   * @throws {TargetError} what stopped it
   */
  async run(chunk: Chunk, target: RedisTarget, attempt: Attempt, from?: Place): Promise<ChunkWritten> {
    await this.#loadTemplates();
    const encoder = this.#encoder();
    const large = await this.#large(chunk, encoder);
    if (large === undefined) return this.#runHeld(chunk, target, encoder, attempt, from);
    return { ...(await this.#runLarge(chunk, large, target, encoder, attempt)), rest: undefined };
  }

  /**
   * What the chunk's keys would lose if they were written now, those that the filter takes: kinds with the number of keys.
   *
   * @throws {InputError} `INPUT_CHANGED` when the chunk's bytes are not those planned
   */
  async losses(chunk: Chunk): Promise<Losses> {
    await this.#loadTemplates();
    const encoder = this.#encoder();
    const context = { ...this.#options, encoder };
    const losses: Losses = {};
    const large = await this.#large(chunk, encoder);
    if (large === undefined) {
      await this.#buffers.lend(chunk.end - chunk.start, async (buffer) => {
        await this.#addHeldLosses(losses, await this.#held(chunk, buffer), context);
      });
      return losses;
    }
    const { record, head, apart } = large;
    const { filter, clock } = context;
    const key = () => encoder.key(head.entry, head.bytes, chunk.start);
    const left = encoder.hasExpired(head.entry, clock.now()) || filter?.accepts(head.entry, key) === false;
    if (apart && !left) addLosses(losses, await lossesByCommands(record, head, context));
    return losses;
  }

  /**
   * The first key of a chunk that the filter accepts, and its database.
   *
   * @throws {InputError} `INPUT_CHANGED` where the bytes are no records any more
   */
  async firstKey(chunk: Chunk): Promise<{ db: number; key: Buffer } | undefined> {
    const { source } = this.#input;
    const encoder = this.#encoder();
    const bytes = await source.read(chunk.start, Math.min(chunk.end, chunk.start + this.#options.largeBytes));
    const scanner = new RdbScanner({ from: this.#state(chunk), size: source.size, crc: false });
    scanner.feed(bytes);
    try {
      for (let event = scanner.next(); event !== ScanEvent.MORE && event !== ScanEvent.END; event = scanner.next()) {
        if (event !== ScanEvent.KEY) continue;
        const key = () => encoder.key(scanner, bytes, chunk.start);
        if (this.#options.filter?.accepts(scanner, key) ?? true) return { db: scanner.db, key: Buffer.from(key()) };
      }
    } catch (error) {
      // The plan has scanned them whole.
      throw error instanceof RdbError ? changed(source) : error;
    }
    return undefined;
  }

  async #addHeldLosses(
    losses: Losses,
    chunk: ChunkBytes,
    context: ChunkRestoreOptions & { readonly encoder: EntryEncoder },
  ): Promise<void> {
    const { encoder, filter, restores = true } = context;
    const { bytes, base, state } = chunk;
    const scanner = new RdbScanner({ from: state, crc: false });
    scanner.feed(bytes);
    for (let event = scanner.next(); event !== ScanEvent.MORE; event = scanner.next()) {
      if (event !== ScanEvent.KEY) continue;
      if (filter?.accepts(scanner, () => encoder.key(scanner, bytes, base)) === false) continue;
      const way = wayOf(scanner, bytes, base, { ...context, restores });
      if (way === 'RESTORE') addLosses(losses, lossesByRestore(encoder, scanner, bytes, base));
      if (way !== 'by commands') continue;
      const { record, head } = recordOf(scanner, chunk);
      addLosses(losses, await lossesByCommands(record, head, context));
    }
  }

  /** A chunk of many keys: held whole while its keys are under way. */
  #runHeld(
    chunk: Chunk,
    target: RedisTarget,
    encoder: EntryEncoder,
    attempt: Attempt,
    from: Place | undefined,
  ): Promise<ChunkWritten> {
    return this.#buffers.lend(chunk.end - chunk.start, async (buffer) => {
      const held = startingAt(await this.#held(chunk, buffer), from);
      const writer = target.begin(encoder, held, attempt);
      let rest: Place | undefined;
      try {
        rest = await this.#feed(writer, held, target, encoder);
      } catch (error) {
        // The buffer goes to another chunk: no answer may still come then that is about this one's keys.
        await writer.settled().catch(() => undefined);
        throw error;
      }
      return { ...(await target.complete(writer, encoder, held)), rest };
    });
  }

  /** @returns where it stopped, where time ran out before the chunk's end */
  async #feed(
    writer: ChunkWriter,
    { bytes, base, state }: ChunkBytes,
    target: RedisTarget,
    encoder: EntryEncoder,
  ): Promise<Place | undefined> {
    const { filter, outOfTime, signal, onBytes } = this.#options;
    const scanner = new RdbScanner({ from: state, crc: false });
    scanner.feed(bytes);
    let reported = base;
    let keysToRate = 0;
    let bytesToRate = 0;
    const keepRate = (): Promise<void> | undefined => {
      const wait = target.throttle(bytesToRate, keysToRate);
      keysToRate = 0;
      bytesToRate = 0;
      if (wait !== undefined) writer.flush();
      return wait;
    };
    const report = () => {
      onBytes(scanner.recordEnd - reported);
      reported = scanner.recordEnd;
    };
    for (let event = scanner.next(); event !== ScanEvent.MORE; event = scanner.next()) {
      if (event !== ScanEvent.KEY) continue;
      if (filter !== undefined && !filter.accepts(scanner, () => encoder.key(scanner, bytes, base))) {
        writer.tally.filtered++;
        continue;
      }
      writer.put(scanner);
      bytesToRate += scanner.recordEnd - scanner.recordStart;
      if (++keysToRate === RATE_STEP_KEYS || bytesToRate >= RATE_STEP_BYTES) {
        const wait = keepRate();
        if (wait !== undefined) await wait;
        if (outOfTime?.() && scanner.recordEnd < base + bytes.length) {
          report();
          return { offset: scanner.recordEnd, db: scanner.db };
        }
      }
      if (writer.full) {
        report();
        await writer.ready();
        signal.throwIfAborted();
      }
    }
    await keepRate();
    onBytes(base + bytes.length - reported);
    return undefined;
  }

  /** The chunk's bytes, proven. */
  async #held(chunk: Chunk, buffer?: Buffer): Promise<ChunkBytes> {
    const { source } = this.#input;
    const bytes = await source.read(chunk.start, chunk.end, buffer);
    if (crc64(bytes) !== chunk.crc) throw changed(source);
    return { bytes, base: chunk.start, state: this.#state(chunk) };
  }

  /**
   * A chunk's only record, where it is large: streamed, or taken apart. `undefined` for other chunks, and for a record
   * that has to be rewritten and has room in memory.
   */
  async #large(chunk: Chunk, encoder: EntryEncoder): Promise<LargeChunk | undefined> {
    const { restores = true, largeBytes, bigKeyBytes, bulkLimit } = this.#options;
    const bytes = chunk.end - chunk.start;
    if (chunk.keys > 1 || bytes <= largeBytes) return undefined;
    const record = { source: this.#input.source, start: chunk.start, end: chunk.end, crc: chunk.crc };
    const head = await readRecordHead(record, this.#state(chunk));
    const { entry } = head;
    const big = hasParts(entry.type as ValueType) && (bytes >= bigKeyBytes || !restores);
    const apart = big || bytes + COMMAND_OVERHEAD_BYTES > bulkLimit;
    return !apart && encoder.rewritesRecord(entry) ? undefined : { record, head, apart };
  }

  async #runLarge(
    chunk: Chunk,
    { record, head, apart }: LargeChunk,
    target: RedisTarget,
    encoder: EntryEncoder,
    attempt: Attempt,
  ): Promise<Written> {
    const { filter, signal, onBytes } = this.#options;
    const key = () => encoder.key(head.entry, head.bytes, chunk.start);
    const taken = filter?.accepts(head.entry, key) ?? true;
    const write = () =>
      apart
        ? target.writeInParts(encoder, record, head, attempt)
        : target.writeLarge(encoder, record, head, this.#state(chunk), attempt);
    const written = taken ? await write() : { tally: { ...newTally(), filtered: 1 }, servers: '' };
    // What is left out on the word of its head alone (its name, its expiry) must be what was planned.
    if (written.tally.written === 0) await proveRecord(record, signal);
    onBytes(chunk.end - chunk.start);
    return written;
  }

  #encoder(): EntryEncoder {
    const { policy, expiry, server, clock } = this.#options;
    const { dialect, version } = this.#input.plan;
    return new EntryEncoder({
      policy,
      expiry,
      clock,
      dialect: dialectOf(dialect, version),
      targetTypes: server.engine === 'valkey' ? valkeyTypes : redisTypes,
      support: typeSupport(server),
      scripted: this.#options.proxied,
      templates: (id) => this.#templates.get(id),
    });
  }

  #state({ start, db }: Chunk): ScanState {
    const { dialect, version, templates } = this.#input.plan;
    return {
      dialect,
      version,
      offset: start,
      db,
      crc: undefined,
      templates: new Map(templates.map(({ id, fields }) => [id, fields])),
    };
  }

  async #loadTemplates(): Promise<void> {
    const { source, plan } = this.#input;
    if (this.#templates.size > 0) return;
    for (const { id, offset, bytes } of plan.templates) {
      this.#templates.set(id, await source.read(offset, offset + bytes));
    }
  }
}

/** What is left of a chunk from a place on. */
function startingAt({ bytes, base, state }: ChunkBytes, from: Place | undefined): ChunkBytes {
  if (from === undefined) return { bytes, base, state };
  const { offset, db } = from;
  return { bytes: bytes.subarray(offset - base), base: offset, state: { ...state, offset, db } };
}
