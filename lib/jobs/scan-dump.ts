// Makes an RDB of what a scan reads: a server loads it, though it is of no one moment.
import { quoteKey, SourceError } from '../errors.ts';
import type { TypeSupport } from '../rdb/reencode.ts';
import { typeSupport } from '../redis/server-info.ts';
import type { UnreadKey } from '../sources/scan/scan-entry.ts';
import type { ScanSource } from '../sources/scan/scan-source.ts';
import type { ByteSink } from '../storage/file-sink.ts';
import { Fingerprints } from '../targets/rdb/fingerprints.ts';
import { type RdbSummary, RdbWriter, type SavedRdb } from '../targets/rdb/rdb-writer.ts';
import type { Progress } from '../telemetry/progress.ts';
import { formatCount } from '../text/count.ts';
import { whileTime } from './while-time.ts';

/** What a dump takes of a {@link ScanSource}. */
export type Scanned = Pick<
  ScanSource,
  'name' | 'server' | 'databases' | 'narrowed' | 'restarts' | 'warnings' | 'functions' | 'pages'
>;

interface ScanOptions {
  readonly source: Scanned;
  /** Default: the source's own, which is what its DUMP payloads are of. */
  readonly version?: TypeSupport | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ScanDumpOptions extends ScanOptions {
  /** What the fingerprints of keys may take in memory; beyond, they go to files in `folder`. Default 64 MiB. */
  readonly memoryBytes?: number | undefined;
  readonly folder?: string | undefined;
}

/** Tells which keys came before. */
export type SeenKeys = Pick<Fingerprints, 'full' | 'makeRoom' | 'enter'>;

export interface SomeScanDumpOptions extends ScanOptions {
  /** Those that earlier calls have written too. */
  readonly seen: SeenKeys;
  /** Goes on from where an earlier call stopped. */
  readonly from?: SavedScanDump | undefined;
  /** True when the time is up; told how many keys this call has written. A call ends only when it has come further. */
  readonly outOfTime: (keys: number) => boolean;
}

/** A dump that was stopped between two keys: with it, what is in the sink and the keys that were seen, another call goes on. */
export interface SavedScanDump {
  readonly version: TypeSupport;
  readonly rdb: SavedRdb;
  /** By stream of the scan: where it goes on. */
  readonly places: ReadonlyMap<string, string>;
  /** Databases that were begun. */
  readonly begun: readonly number[];
  readonly twice: number;
}

export interface ScanDumpSummary extends RdbSummary {
  /** Keys that came again and were not written again: a server refuses a file that has a key twice. */
  readonly twice: number;
  /** How often a node's scan began anew. */
  readonly restarts: number;
  readonly warnings: readonly string[];
}

/** Keys that are named when some can't be read. */
const NAMED_KEYS = 3;
/** Of a server that hides its version. */
const GUESSED_VERSION: TypeSupport = { family: 'redis', rdb: 11 };

/**
 * Writes the RDB. After an error, what is in the sink must be thrown away.
 *
 * @throws {SourceError} `SOURCE_UNREAD` when keys are there that can't be read: a backup that lacks them is none
 */
export async function writeScanDump(sink: ByteSink, options: ScanDumpOptions): Promise<ScanDumpSummary> {
  const { memoryBytes, folder } = options;
  const seen = new Fingerprints({ memoryBytes, folder, expected: keysOf(options.source) });
  try {
    const written = await writeSomeScanDump(sink, { ...options, seen, outOfTime: () => false });
    return (written as { summary: ScanDumpSummary }).summary;
  } finally {
    await seen.close();
  }
}

/** As many as the source has, as far as is known. */
export const keysOf = ({ databases }: Pick<Scanned, 'databases'>): number =>
  databases.reduce((sum, { keys }) => sum + keys, 0);

/**
 * Writes until the end of the RDB, or until the time is up. What it gives then is for the next call.
 *
 * @throws as {@link writeScanDump}
 */
export async function writeSomeScanDump(
  sink: ByteSink,
  options: SomeScanDumpOptions,
): Promise<{ readonly summary: ScanDumpSummary } | { readonly saved: SavedScanDump }> {
  const { source, seen, from, outOfTime, progress, signal } = options;
  const { server, databases } = source;
  const version = from?.version ?? options.version ?? typeSupport(server) ?? GUESSED_VERSION;
  const writer = from === undefined ? RdbWriter.of(version, sink) : RdbWriter.resume(version, sink, from.rdb);
  const begun = new Set(from?.begun);
  const places = new Map(from?.places);
  const unread: UnreadKey[] = [];
  let twice = from?.twice ?? 0;
  let keys = 0;
  let further = false;
  let stopped = false;
  const isUp = () => {
    stopped ||= further && outOfTime(keys);
    return stopped;
  };
  if (from === undefined) {
    await writer.aux(Buffer.from(`${server.engine}-ver`), Buffer.from(server.version.join('.')));
    await writer.aux(Buffer.from('ctime'), Buffer.from(String(Math.floor(Date.now() / 1000))));
    for (const code of await source.functions()) await writer.functionLibrary(code);
  }
  for await (const page of whileTime(source.pages(from?.places), isUp)) {
    signal?.throwIfAborted();
    unread.push(...page.unread);
    for (const entry of page.entries) {
      if (seen.full) await seen.makeRoom();
      if (seen.enter(entry.db, entry.key) !== 'new') {
        twice++;
        continue;
      }
      if (!begun.has(entry.db)) {
        begun.add(entry.db);
        await writer.selectDb(entry.db, source.narrowed ? undefined : databases.find(({ db }) => db === entry.db));
      }
      await writer.key(entry);
      keys++;
      if (progress !== undefined) progress.keys++;
    }
    further ||= keys > 0 || (places.get(page.stream) ?? page.from) !== page.to;
    places.set(page.stream, page.to);
  }
  if (unread.length > 0) throw unreadable(unread, source.name);
  if (stopped) return { saved: { version, rdb: await writer.save(), places, begun: [...begun], twice } };
  const summary = { ...(await writer.end()), twice, restarts: source.restarts, warnings: source.warnings };
  return { summary };
}

/** The same as a sequence of pieces, to be read once. It ends where the RDB does. */
export async function* scanDump(
  options: ScanDumpOptions,
  done: (summary: ScanDumpSummary) => void = () => undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let offered = Promise.withResolvers<Buffer | undefined>();
  let taken = Promise.withResolvers<void>();
  const sink: ByteSink = {
    write: (bytes) => {
      offered.resolve(bytes);
      return taken.promise;
    },
  };
  const writing = writeScanDump(sink, options).then((summary) => {
    done(summary);
    offered.resolve(undefined);
  });
  writing.catch((error: unknown) => offered.reject(error));
  try {
    for (let piece = await offered.promise; piece !== undefined; piece = await offered.promise) {
      yield piece;
      const { resolve } = taken;
      offered = Promise.withResolvers();
      taken = Promise.withResolvers();
      resolve();
    }
  } finally {
    // Nobody reads on: the next write is told.
    taken.reject(new Error('nobody takes what is written'));
    taken.promise.catch(() => undefined);
    await writing.catch(() => undefined);
  }
}

function unreadable(unread: readonly UnreadKey[], where: string): SourceError {
  const named = unread.slice(0, NAMED_KEYS).map(({ db, key, reason }) => `db ${db}, key ${quoteKey(key)}: ${reason}`);
  return new SourceError('SOURCE_UNREAD', `${formatCount(unread.length)} keys cannot be read. ${named.join('; ')}.`, {
    where,
    remedy: 'Let the user read them (DUMP, or the commands of their type), or leave them out by name.',
  });
}
