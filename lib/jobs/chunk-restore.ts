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
import type { ConflictPolicy, ExpiryRule } from '../targets/redis/policy.ts';
import { proveRecord } from '../targets/redis/record-parts.ts';
import type { RedisTarget, Written } from '../targets/redis/redis-target.ts';
import { changed, type LargeRecord, readRecordHead } from '../targets/redis/streamed-restore.ts';
import { newTally } from '../targets/redis/tally.ts';
import type { Clock } from '../telemetry/clock.ts';

export interface ChunkRestoreOptions {
  readonly policy: ConflictPolicy;
  readonly expiry: ExpiryRule;
  readonly filter: EntryFilter | undefined;
  readonly server: ServerInfo;
  readonly clock: Clock;
  /** A record from here on is not held whole, but streamed; bytes. It stands alone in its chunk. */
  readonly largeBytes: number;
  /** A record from here on is written in parts; bytes. */
  readonly bigKeyBytes: number;
  /** A proxy stands before the target. */
  readonly proxied: boolean;
  /** The most bytes that the target takes as one argument. */
  readonly bulkLimit: number;
  /** Ends the work between two keys. */
  readonly signal: AbortSignal;
  /** Told how many bytes more of the chunk are dealt with. */
  readonly onBytes: (bytes: number) => void;
}

/** Keys, and bytes of their records, after which the rate is asked, where one was set. */
const RATE_STEP_KEYS = 64;
const RATE_STEP_BYTES = 64 * 1024;

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
   * Writes the chunk's keys.
   *
   * @throws {InputError} `INPUT_CHANGED` before anything is written, when the chunk's bytes are not those planned
   * @throws {TargetError} what stopped it
   */
  async run(chunk: Chunk, target: RedisTarget, attempt: Attempt): Promise<Written> {
    await this.#loadTemplates();
    const encoder = this.#encoder();
    const large = chunk.keys === 1 && chunk.end - chunk.start > this.#options.largeBytes;
    const written = large ? await this.#runLarge(chunk, target, encoder, attempt) : undefined;
    return written ?? this.#runHeld(chunk, target, encoder, attempt);
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

  /** A chunk of many keys: held whole while its keys are under way. */
  #runHeld(chunk: Chunk, target: RedisTarget, encoder: EntryEncoder, attempt: Attempt): Promise<Written> {
    const { source } = this.#input;
    return this.#buffers.lend(chunk.end - chunk.start, async (bytes) => {
      await source.read(chunk.start, chunk.end, bytes);
      if (crc64(bytes) !== chunk.crc) throw changed(source);
      const held: ChunkBytes = { bytes, base: chunk.start, state: this.#state(chunk) };
      const writer = target.begin(encoder, held, attempt);
      try {
        await this.#feed(writer, held, target, encoder);
      } catch (error) {
        // The buffer goes to another chunk: no answer may still come then that is about this one's keys.
        await writer.settled().catch(() => undefined);
        throw error;
      }
      return target.complete(writer, encoder, held);
    });
  }

  async #feed(
    writer: ChunkWriter,
    { bytes, base, state }: ChunkBytes,
    target: RedisTarget,
    encoder: EntryEncoder,
  ): Promise<void> {
    const { filter, signal, onBytes } = this.#options;
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
      }
      if (writer.full) {
        report();
        await writer.ready();
        signal.throwIfAborted();
      }
    }
    await keepRate();
    onBytes(base + bytes.length - reported);
  }

  /** A chunk of one large record: streamed or in parts, unless its value has to be rewritten and has room in memory. */
  async #runLarge(
    chunk: Chunk,
    target: RedisTarget,
    encoder: EntryEncoder,
    attempt: Attempt,
  ): Promise<Written | undefined> {
    const { filter, signal, onBytes, bigKeyBytes, bulkLimit } = this.#options;
    const record: LargeRecord = { source: this.#input.source, start: chunk.start, end: chunk.end, crc: chunk.crc };
    const state = this.#state(chunk);
    const head = await readRecordHead(record, state);
    const type = head.entry.type as ValueType;
    const bytes = chunk.end - chunk.start;
    const apart = (hasParts(type) && bytes >= bigKeyBytes) || bytes + COMMAND_OVERHEAD_BYTES > bulkLimit;
    if (!apart && encoder.rewrites(type)) return undefined;
    const key = () => encoder.key(head.entry, head.bytes, chunk.start);
    const taken = filter?.accepts(head.entry, key) ?? true;
    const write = () =>
      apart
        ? target.writeInParts(encoder, record, head, attempt)
        : target.writeLarge(encoder, record, head, state, attempt);
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
