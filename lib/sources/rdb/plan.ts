// Plans an RDB: reads it once from end to end, proves its structure and checksum, and cuts it into chunks at key
// boundaries that can be restored on their own.
import type { ChecksumVerdict, DialectName } from '../../rdb/dialect.ts';
import { RecordSkipper } from '../../rdb/record-skipper.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent, type ScanState } from '../../rdb/scanner.ts';
import { BlockReader } from '../../storage/block-reader.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { type SavedSurvey, Survey } from './survey.ts';

/** A range of an RDB that begins and ends at key boundaries. Offsets are absolute, `end` exclusive. */
export interface Chunk {
  readonly n: number;
  readonly start: number;
  readonly end: number;
  /** The database at its start; SELECTDB records inside may change it. */
  readonly db: number;
  readonly keys: number;
  /** CRC64 of the range's bytes. */
  readonly crc: bigint;
}

/** A span of the RDB. */
export interface Span {
  readonly offset: number;
  readonly bytes: number;
}

/** All that a plan knows but the chunks. */
export interface Plan {
  readonly dialect: DialectName;
  readonly version: number;
  /** Bytes of the RDB, its checksum included; less than the file's where a tail follows. */
  readonly bytes: number;
  readonly checksum: ChecksumVerdict;
  /** CRC64 of everything up to the end mark. */
  readonly crc: bigint;
  /** What follows the RDB in the file: the commands of an append-only file, or something unknown. */
  readonly tail: (Span & { readonly kind: 'aof' | 'unknown' }) | undefined;
  readonly chunks: number;
  readonly keys: number;
  /** Keys with an expiry. */
  readonly expires: number;
  /** Bytes of the largest key record. */
  readonly largest: number;
  readonly idle: boolean;
  readonly freq: boolean;
  readonly dbs: readonly { readonly db: number; readonly keys: number; readonly expires: number }[];
  readonly types: readonly {
    readonly code: number;
    readonly name: string;
    readonly keys: number;
    readonly bytes: number;
  }[];
  /** Module types of module values, with the number of keys. */
  readonly modules: readonly { readonly name: string; readonly version: number; readonly keys: number }[];
  readonly aux: readonly (readonly [name: string, value: string])[];
  /** Function libraries: spans of their source as an RDB string. */
  readonly functions: readonly Span[];
  /** Lua scripts that servers before 7.0 kept in the file: spans of the AUX value as an RDB string. */
  readonly scripts: readonly Span[];
  /** What the file holds that no command can restore, in words, with how often. */
  readonly unrestorable: readonly { readonly what: string; readonly count: number }[];
  /** Field-name templates that later hashes refer to: spans of the count and names. */
  readonly templates: readonly (Span & { readonly id: bigint; readonly fields: number })[];
}

export interface PlanOptions {
  /** Size in bytes from which a chunk is closed. Default 8 MiB. */
  chunkBytes?: number | undefined;
  /** Called with every chunk in order. A promise holds the reading back. */
  onChunk?: ((chunk: Chunk) => void | Promise<void>) | undefined;
  /** Told the bytes and keys read so far, about once a block. */
  onProgress?: ((bytes: number, keys: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface PlanSomeOptions extends PlanOptions {
  /** Goes on from where an earlier call stopped. */
  from?: SavedPlanning | undefined;
  /** True when the time is up: asked about once a block. */
  outOfTime: () => boolean;
}

/** Planning that was stopped between two keys: plain data, but for bigints and maps. */
export interface SavedPlanning {
  readonly scan: ScanState;
  readonly survey: SavedSurvey;
}

export const DEFAULT_CHUNK_BYTES = 8 * 1024 * 1024;

/**
 * Reads the whole source once.
 *
 * @throws {RdbError} on any damage, before which chunks may have been given already
 */
export async function planRdb(source: ByteSource, options: PlanOptions = {}): Promise<Plan> {
  const planned = await planSome(source, { ...options, outOfTime: () => false });
  return (planned as { plan: Plan }).plan;
}

/**
 * Reads until the end, or until the time is up. What it gives then is for the next call, after which all is as if there
 * had been one.
 *
 * @throws {RdbError} on any damage, before which chunks may have been given already
 */
export async function planSome(
  source: ByteSource,
  options: PlanSomeOptions,
): Promise<{ readonly plan: Plan } | { readonly saved: SavedPlanning }> {
  const skipper = new RecordSkipper();
  const from = options.from?.scan.offset ?? 0;
  const blocks = new BlockReader(source, { from, headroom: HELD_RECORD_BYTES, memory: skipper.blocks });
  try {
    return await surveyBlocks(source, blocks, skipper, options);
  } finally {
    await blocks.settle();
    skipper.end();
  }
}

async function surveyBlocks(
  source: ByteSource,
  blocks: BlockReader,
  skipper: RecordSkipper,
  options: PlanSomeOptions,
): ReturnType<typeof planSome> {
  const { from, chunkBytes = DEFAULT_CHUNK_BYTES } = options;
  const scanner = new RdbScanner({ size: source.size, from: from?.scan });
  const survey = new Survey(scanner, skipper, chunkBytes, from?.survey);
  const giveChunks = async () => {
    for (const chunk of survey.takeChunks()) await options.onChunk?.(chunk);
  };
  let fed = false;
  let stops = false;
  for (;;) {
    if (!stops) survey.skip();
    const event = scanner.next();
    if (event === ScanEvent.KEY) {
      survey.key();
      if (!stops) continue;
      await giveChunks();
      return { saved: { scan: scanner.save(), survey: survey.save() } };
    } else if (event === ScanEvent.MORE) {
      options.signal?.throwIfAborted();
      options.onProgress?.(Math.min(scanner.fedTo, source.size), survey.keys);
      await giveChunks();
      // A call reads one block at least, however little time it has.
      stops = fed && options.outOfTime();
      fed = true;
      const block = await blocks.next();
      if (block === undefined) scanner.finish();
      else scanner.feed(block.buffer, block.start, block.end);
    } else if (event === ScanEvent.END) {
      break;
    } else {
      survey.record(event);
    }
  }
  survey.end();
  await giveChunks();
  options.onProgress?.(scanner.recordEnd, survey.keys);
  return { plan: survey.plan(await tailOf(source, scanner.recordEnd)) };
}

async function tailOf(source: ByteSource, offset: number): Promise<Plan['tail']> {
  const bytes = source.size - offset;
  if (bytes <= 0) return undefined;
  const first = await source.read(offset, offset + 1);
  return { offset, bytes, kind: first[0] === 0x2a || first[0] === 0x23 ? 'aof' : 'unknown' };
}
