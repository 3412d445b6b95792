// One shard of a backup: its RDB into its file, proven on the way, and what the manifest says of it and of the whole set.
import { showEndpoint } from '../../redis/endpoint.ts';
import { type Shard, slotsMoved } from '../../sources/replica/shards.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { type BackupManifest, type BackupShard, type ManifestFacts, sealManifest } from './manifest.ts';
import type { ProvenFile, ProvenRdb, StoredFile } from './proven-file.ts';
import type { DumpWay, ShardHooks, ShardSource } from './shard-source.ts';

/** A shard's file that is written and proven. */
export interface Copied {
  readonly shard: Shard;
  readonly file: ProvenFile;
  readonly rdb: ProvenRdb;
  readonly source: ShardSource;
  readonly startedAt: string;
  readonly endedAt: string;
}

export interface CopyTask {
  readonly shard: Shard;
  readonly file: ProvenFile;
  readonly open: (hooks: ShardHooks) => Promise<ShardSource>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onWarning: (text: string) => void;
  /** Told of bytes that were written, and of the keys that ended in them. */
  readonly onPiece: (bytes: number, keys: number, source: ShardSource) => void;
}

/**
 * Writes all of a shard; its file has no name yet.
 *
 * @throws what the source does; {SourceError} `SOURCE_SLOTS_MOVED`
 */
export async function copyShard({ shard, file, open, clock, signal, onWarning, onPiece }: CopyTask): Promise<Copied> {
  const startedAt = isoTime(clock);
  const source = await open({ signal, whole: () => file.whole(), onWarning });
  let keys = 0;
  for await (const piece of source.rdb) {
    await file.write(piece);
    onPiece(piece.length, file.keys - keys, source);
    keys = file.keys;
  }
  const rdb = await file.finish();
  source.end();
  if (rdb.facts.slotImports > 0) {
    throw slotsMoved(showEndpoint(shard.endpoint), 'slots were on their way to this node while it was read.');
  }
  return { shard, file, rdb, source, startedAt, endedAt: isoTime(clock) };
}

/** Of the set: SYNC where PSYNC was refused by one shard, since its answer says less. */
export function wayOf(ways: readonly DumpWay[]): DumpWay {
  return ways.find((via) => via !== 'psync') ?? 'psync';
}

/** What a manifest's entry is made of. */
export interface Written extends Pick<Copied, 'shard' | 'rdb' | 'startedAt' | 'endedAt'> {
  readonly file: Pick<ProvenFile, 'name' | 'packing'>;
  readonly source: Pick<ShardSource, 'replid' | 'offset' | 'pointInTime'>;
}

/** Gives the file its name, and says what it is. */
export async function shardEntry(copied: Copied): Promise<BackupShard> {
  return entryOf(copied, await copied.file.commit());
}

export function entryOf(written: Written, stored: StoredFile): BackupShard {
  const { shard, file, rdb, source, startedAt, endedAt } = written;
  const { facts } = rdb;
  const { aux } = facts;
  // By SYNC the RDB alone says where the stream goes on.
  const replid = source.replid ?? aux.get('repl-id');
  const offset = source.offset?.toString() ?? aux.get('repl-offset');
  const streamDb = Number.parseInt(aux.get('repl-stream-db') ?? '', 10);
  return {
    file: file.name,
    bytes: stored.bytes,
    sha256: stored.sha256,
    packing: file.packing,
    rdb: {
      version: `${facts.dialect} ${facts.version}`,
      bytes: facts.bytes,
      sha256: rdb.sha256,
      crc64: facts.crc64.toString(16).padStart(16, '0'),
      checksum: facts.checksum,
    },
    node: showEndpoint(shard.endpoint),
    role: shard.role,
    engine: aux.has('valkey-ver') ? 'valkey' : aux.has('redis-ver') ? 'redis' : null,
    serverVersion: aux.get('valkey-ver') ?? aux.get('redis-ver') ?? null,
    slots: shard.slots?.map(([from, to]): [number, number] => [from, to]) ?? null,
    replication:
      replid === undefined || offset === undefined || !/^\d{1,20}$/.test(offset)
        ? null
        : { replid, offset, streamDb: streamDb >= 0 ? streamDb : null },
    pointInTime: source.pointInTime,
    ...{ startedAt, endedAt },
    keys: facts.keys,
    expires: facts.expires,
    functions: facts.functions,
    databases: facts.dbs.map(({ db, keys, expires, types }) => ({ db, keys, expires, types: { ...types } })),
  };
}

/** What a set's manifest says beside its shards, and what follows from them. */
type SetFacts = Omit<ManifestFacts, 'shards' | 'pointInTime' | 'bytes' | 'keys' | 'expires'>;

export function manifestOf(shards: BackupShard[], facts: SetFacts): BackupManifest {
  const sum = (of: (shard: BackupShard) => number) => shards.reduce((all, shard) => all + of(shard), 0);
  const { warnings, ...rest } = facts;
  return sealManifest({
    ...rest,
    pointInTime: momentsOf(shards),
    bytes: sum(({ bytes }) => bytes),
    keys: sum(({ keys }) => keys),
    expires: sum(({ expires }) => expires),
    ...{ shards, warnings },
  });
}

function momentsOf(entries: readonly BackupShard[]): BackupManifest['pointInTime'] {
  if (!entries.every(({ pointInTime }) => pointInTime)) return 'none';
  return entries.length === 1 ? 'all' : 'shards';
}

export const isoTime = (clock: Clock): string => new Date(clock.now()).toISOString();
