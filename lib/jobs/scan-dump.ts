// Makes an RDB of what a scan reads: a server loads it, though it is of no one moment.
import { quoteKey, SourceError } from '../errors.ts';
import type { TypeSupport } from '../rdb/reencode.ts';
import { typeSupport } from '../redis/server-info.ts';
import type { UnreadKey } from '../sources/scan/scan-entry.ts';
import type { ScanSource } from '../sources/scan/scan-source.ts';
import type { ByteSink } from '../storage/file-sink.ts';
import { Fingerprints } from '../targets/rdb/fingerprints.ts';
import { type RdbSummary, RdbWriter } from '../targets/rdb/rdb-writer.ts';
import type { Progress } from '../telemetry/progress.ts';
import { formatCount } from '../text/count.ts';

/** What a dump takes of a {@link ScanSource}. */
export type Scanned = Pick<
  ScanSource,
  'name' | 'server' | 'databases' | 'narrowed' | 'restarts' | 'warnings' | 'functions' | 'pages'
>;

export interface ScanDumpOptions {
  readonly source: Scanned;
  /** Default: the source's own, which is what its DUMP payloads are of. */
  readonly version?: TypeSupport | undefined;
  /** What the fingerprints of keys may take in memory; beyond, they go to files in `folder`. Default 64 MiB. */
  readonly memoryBytes?: number | undefined;
  readonly folder?: string | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
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
  const { source, memoryBytes, folder, progress, signal } = options;
  const { server, databases } = source;
  const writer = RdbWriter.of(options.version ?? typeSupport(server) ?? GUESSED_VERSION, sink);
  const expected = databases.reduce((sum, { keys }) => sum + keys, 0);
  const seen = new Fingerprints({ memoryBytes, folder, expected });
  const begun = new Set<number>();
  const unread: UnreadKey[] = [];
  let twice = 0;
  try {
    await writer.aux(Buffer.from(`${server.engine}-ver`), Buffer.from(server.version.join('.')));
    await writer.aux(Buffer.from('ctime'), Buffer.from(String(Math.floor(Date.now() / 1000))));
    for (const code of await source.functions()) await writer.functionLibrary(code);
    for await (const page of source.pages()) {
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
        if (progress !== undefined) progress.keys++;
      }
    }
    if (unread.length > 0) throw unreadable(unread, source.name);
    return { ...(await writer.end()), twice, restarts: source.restarts, warnings: source.warnings };
  } finally {
    await seen.close();
  }
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
