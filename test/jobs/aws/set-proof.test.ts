// The files of a set are those that were written: found while they are read as one RDB, over any number of calls.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type SavedProof, SetProof, type Stretch } from '../../../lib/jobs/aws/backup/set-proof.ts';
import { MemorySource } from '../../../lib/storage/memory-source.ts';
import { Random, runs, seedOr } from '../../support/random.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const END = 9;

/** Files of which the middle stands in one RDB. */
function setOf(random: Random): { rdb: Buffer; stretches: Stretch[]; files: Buffer[] } {
  const stretches: Stretch[] = [];
  const files: Buffer[] = [];
  const parts: Buffer[] = [];
  let at = 0;
  for (let index = 0; index < 4; index++) {
    const from = index === 0 ? 0 : random.int(0, 50);
    const body = random.pick([0, 1, 1000, 70_000]);
    const bytes = Buffer.from(Array.from({ length: from + body + END }, () => random.int(0, 255)));
    files.push(bytes);
    const file = new MemorySource(`shard-${index}`, bytes);
    stretches.push({ name: `shard-${index}`, sha256: sha256(bytes), file, from, start: at, end: at + body });
    parts.push(bytes.subarray(from, from + body));
    at += body;
  }
  return { rdb: Buffer.concat([...parts, Buffer.alloc(END)]), stretches, files };
}

/** Reads all of it as a plan does, in calls of which each begins somewhere before the last one's end. */
async function proven({ rdb, stretches }: ReturnType<typeof setOf>, random: Random): Promise<void> {
  const source = new MemorySource('set', rdb);
  let saved: SavedProof | undefined;
  let at = 0;
  for (;;) {
    const proof = await SetProof.open(source, stretches, saved);
    const until = random.int(at, rdb.length);
    while (at < until) {
      const end = Math.min(rdb.length, at + random.int(1, 20_000));
      await proof.source.read(at, end);
      at = end;
    }
    if (random.int(0, 2) === 0) return proof.finish();
    saved = proof.save();
    at = Math.max(0, at - random.int(0, 3000));
  }
}

test.each(Array.from({ length: runs(20, 300) }, (_, run) => run))('run %i', async (run) => {
  const seed = seedOr(9900 + run);
  const random = new Random(seed);
  const set = setOf(random);
  await expect(proven(set, random), `seed ${seed}`).resolves.toBeUndefined();
  // Any byte of any file, in front of its keys or behind them, too.
  const index = random.int(0, set.files.length - 1);
  const bytes = set.files[index] as Buffer;
  const where = random.int(0, bytes.length - 1);
  bytes[where] = (bytes[where] as number) ^ 1;
  const { from, start, end } = set.stretches[index] as Stretch;
  if (where >= from && where < from + end - start) set.rdb[start + where - from] = bytes[where] as number;
  await expect(proven(set, random), `seed ${seed}`).rejects.toMatchObject({
    code: 'BACKUP_FILE_CHANGED',
    where: `shard-${index}`,
  });
});
