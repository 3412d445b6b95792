// Reads a backup's RDB key by key: its bytes, its structure, and that it holds what the manifest says, each key once.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { InputError, quoteKey } from '../../errors.ts';
import { keySlot } from '../../redis/slots.ts';
import { type DbFacts, type RdbFacts, RdbProof } from '../../sources/rdb/proof.ts';
import { checkSha256 } from '../../sources/rdb/sha256.ts';
import { type SlotRange, showSlots } from '../../sources/replica/shards.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { unpackedPieces } from '../../storage/unpack.ts';
import type { BackupShard } from '../dump/manifest.ts';
import type { VerifyTask } from '../verify-backup.ts';
import { blocksOf, checkBytes, copies, quiet } from './check-bytes.ts';

interface Key {
  readonly db: number;
  readonly key: Buffer;
}

/**
 * @returns what has passed
 * @throws {InputError} `BACKUP_FILE_CHANGED`, `BACKUP_CONTENT`, `BACKUP_DUPLICATE_KEY`, `BACKUP_WRONG_SLOT`; {RdbError}
 */
export async function checkContent(source: ByteSource, shard: BackupShard, task: VerifyTask): Promise<string[]> {
  const keys: Key[] = [];
  const proof = new RdbProof({
    onKey: (db, key) => {
      if (key !== undefined) keys.push({ db, key });
    },
  });
  const path = source.name;
  const packed = shard.packing !== 'none';
  if (packed) await checkBytes(source, shard, task);
  const hash = createHash('sha256');
  const blocks = blocksOf(source, packed ? quiet(task) : task);
  try {
    for await (const piece of packed ? unpackedPieces(path, Readable.from(copies(blocks))) : blocks) {
      for (const block of proof.take(piece)) {
        hash.update(block);
        await checkKeys(path, shard, keys, task);
      }
    }
    hash.update(proof.finish());
    await checkKeys(path, shard, keys, task);
    checkSha256(path, hash.digest('hex'), shard.rdb.sha256);
    checkCounts(path, proof.facts(), shard);
  } finally {
    proof.end();
  }
  return ['SHA-256', 'structure', 'keys'];
}

/** Every key is there once, and in the shard that serves its slot. Empties the list. */
async function checkKeys(path: string, { slots }: BackupShard, keys: Key[], task: VerifyTask): Promise<void> {
  task.progress.keys += keys.length;
  for (const { db, key } of keys.splice(0)) {
    if (slots !== null) checkSlot(path, key, slots);
    if (task.seen.full) await task.seen.makeRoom();
    if (task.seen.enter(db, key) === 'new') continue;
    throw new InputError('BACKUP_DUPLICATE_KEY', `the key ${quoteKey(key)} of db ${db} is there twice.`, {
      where: path,
      remedy: 'A server that loads such a file ends, or keeps one of the two. Take another backup.',
    });
  }
}

function checkSlot(path: string, key: Buffer, slots: readonly SlotRange[]): void {
  const slot = keySlot(key);
  if (slots.some(([from, to]) => from <= slot && slot <= to)) return;
  throw new InputError(
    'BACKUP_WRONG_SLOT',
    `the key ${quoteKey(key)} is of slot ${slot}, not of ${showSlots(slots)}.`,
    {
      where: path,
      remedy: 'Slots moved while the backup was made, or this is another shard. Take another backup.',
    },
  );
}

function checkCounts(path: string, facts: RdbFacts, shard: BackupShard): void {
  const found = counts(facts.dbs, facts.functions);
  const expected = counts(shard.databases, shard.functions);
  if (found === expected) return;
  throw new InputError('BACKUP_CONTENT', `the file holds ${found}; the manifest says ${expected}.`, {
    where: path,
    remedy: 'The manifest is of another file.',
  });
}

function counts(dbs: readonly DbFacts[], functions: number): string {
  const parts = dbs.map(({ db, keys, expires, types }) => {
    const kinds = Object.entries(types).map(([kind, count]) => `${count} ${kind}`);
    return `db ${db}: ${keys} keys (${kinds.sort().join(', ')}), ${expires} with an expiry`;
  });
  return [...parts, `${functions} function libraries`].join('; ');
}
