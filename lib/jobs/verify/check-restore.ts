// Has a server of this machine load a backup's RDB, and compares what it then holds with the manifest.
import { InputError } from '../../errors.ts';
import type { Control, ControlReply } from '../../redis/control.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import type { BackupShard } from '../dump/manifest.ts';
import type { VerifyTask } from '../verify-backup.ts';
import { findProgram, LocalServer } from './local-server.ts';

/** Kinds that a server's TYPE calls as we do; a module's values have names of its own. */
const KINDS = ['string', 'list', 'set', 'zset', 'hash', 'stream'] as const;
const SCAN_COUNT = 10_000;

type Database = BackupShard['databases'][number];

/**
 * @returns which server has loaded it
 * @throws {InputError} `BACKUP_NO_SERVER`, `BACKUP_NOT_LOADED`, `BACKUP_LOADED_OTHERWISE`
 */
export async function checkRestore(source: ByteSource, shard: BackupShard, task: VerifyTask): Promise<string> {
  const path = source.name;
  const program = await findProgram(shard.rdb);
  if (program === undefined) {
    throw new InputError('BACKUP_NO_SERVER', `no server of this machine loads RDB version ${shard.rdb.version}.`, {
      where: path,
      remedy:
        'Install a redis-server or valkey-server of the version that wrote it, or later, or verify with --level full.',
    });
  }
  const server = await LocalServer.start(program, source, shard, task);
  try {
    const keyspace = String(await server.control.call(0, 'INFO', 'keyspace'));
    for (const database of shard.databases) {
      await compare(path, database, keysIn(keyspace, database.db), server.control, task.signal);
    }
    const functions = await functionsOf(server.control);
    if (functions !== undefined && functions !== shard.functions) {
      throw otherwise(path, `${functions} function libraries instead of ${shard.functions}`);
    }
  } finally {
    await server.end();
  }
  return `loaded by ${program.program} ${program.version}`;
}

const keysIn = (keyspace: string, db: number): number =>
  Number(new RegExp(`^db${db}:keys=(\\d+)`, 'm').exec(keyspace)?.[1] ?? 0);

/** A replica counts keys whose time has passed, and does not show them: so many may be missing of the kinds. */
async function compare(
  path: string,
  { db, keys, expires, types }: Database,
  loaded: number,
  control: Control,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (loaded !== keys) throw otherwise(path, `${loaded} keys in db ${db} instead of ${keys}`);
  let missing = 0;
  for (const kind of KINDS) {
    const expected = types[kind] ?? 0;
    const found = await countKind(control, db, kind, signal);
    if (found > expected) throw otherwise(path, `${found} of type ${kind} in db ${db} instead of ${expected}`);
    missing += expected - found;
  }
  if (missing > expires)
    throw otherwise(path, `${missing} keys less in db ${db}, of which ${expires} can have expired`);
}

async function countKind(control: Control, db: number, kind: string, signal: AbortSignal | undefined): Promise<number> {
  let found = 0;
  let cursor = '0';
  do {
    signal?.throwIfAborted();
    const [next, page] = (await control.call(db, 'SCAN', cursor, 'COUNT', SCAN_COUNT, 'TYPE', kind)) as [
      ControlReply,
      ControlReply[],
    ];
    found += page.length;
    cursor = String(next);
  } while (cursor !== '0');
  return found;
}

/** `undefined` where the server knows none. */
async function functionsOf(control: Control): Promise<number | undefined> {
  const reply = await control.answer(0, 'FUNCTION', 'LIST');
  return reply instanceof ErrorReply || !Array.isArray(reply) ? undefined : reply.length;
}

const otherwise = (where: string, what: string): InputError =>
  new InputError('BACKUP_LOADED_OTHERWISE', `the server that has loaded this file holds ${what}.`, { where });
