// Writes the chunks of a job: several at once, in order, each noted in the ledger before its first write and after its
// last confirmation.
import type { CheckpointStore, UnitState } from '../checkpoint/store.ts';
import { KeyferryError, TargetError } from '../errors.ts';
import type { Chunk } from '../sources/rdb/plan.ts';
import type { Attempt } from '../targets/redis/chunk-writer.ts';
import type { RedisTarget } from '../targets/redis/redis-target.ts';
import type { Tally } from '../targets/redis/tally.ts';
import type { Progress } from '../telemetry/progress.ts';
import { formatCount } from '../text/count.ts';
import type { ChunkRestore } from './chunk-restore.ts';

/** With more keys refused than this, something is wrong that going on does not mend. */
const MOST_FAILURES = 10_000;

/** A chunk as the ledger knows it. */
export interface Unit {
  readonly name: string;
  readonly chunk: Chunk;
  readonly restore: ChunkRestore;
}

export interface WriteChunksOptions {
  readonly units: readonly Unit[];
  readonly ledger: CheckpointStore;
  readonly target: RedisTarget;
  /** True when the servers that took a unit's writes still have them: see the target's `Written`. */
  readonly holds: (servers: string) => boolean;
  /** Chunks at once. */
  readonly concurrency: number;
  readonly progress: Progress;
  /** Told what became of each chunk, also of those that an earlier run wrote. */
  readonly onTally: (unit: string, tally: Tally) => void;
  /** True when no further chunk is to be begun. */
  readonly draining: () => boolean;
  /** Ends all waits; aborted here at the first failure. */
  readonly stop: AbortController;
}

/**
 * Writes every chunk that the target's servers have not confirmed, or may have lost since.
 *
 * @returns false when chunks are left because the job is draining
 * @throws the first failure, when all workers have ended: none still writes then
 */
export async function writeChunks(options: WriteChunksOptions): Promise<boolean> {
  const { units, target, progress, concurrency, stop } = options;
  progress.begin('writing', {
    keys: units.reduce((sum, { chunk }) => sum + chunk.keys, 0),
    bytes: units.reduce((sum, { chunk }) => sum + chunk.end - chunk.start, 0),
  });
  progress.failed = 0;
  let failed = false;
  let failure: unknown;
  const queue = units.values();
  const work = async () => {
    try {
      for (const unit of queue) {
        stop.signal.throwIfAborted();
        if (options.draining()) return false;
        await writeUnit(unit, options);
      }
      return true;
    } catch (error) {
      if (!failed) {
        failed = true;
        failure = error;
        if (error instanceof KeyferryError) target.fail(error);
        stop.abort(error);
      }
      return false;
    }
  };
  const breakOff = () => target.end();
  stop.signal.addEventListener('abort', breakOff, { once: true });
  const ends = await Promise.all(Array.from({ length: concurrency }, work));
  stop.signal.removeEventListener('abort', breakOff);
  if (failed) throw failure;
  return ends.every(Boolean);
}

async function writeUnit({ name, chunk, restore }: Unit, options: WriteChunksOptions): Promise<void> {
  const { ledger, target, holds, progress, onTally } = options;
  const state = ledger.units.get(name);
  if (state?.state === 'done' && holds(state.result.server)) {
    const { server: _, ...counts } = state.result;
    onTally(name, { ...counts, failed: [] });
    progress.bytes += chunk.end - chunk.start;
    progress.keys += chunk.keys;
    return;
  }
  const attempt = attemptAfter(state);
  // What another process confirmed stays noted as that: a key that differs then is an application's doing.
  if (attempt !== 'confirmed') await ledger.started(name);
  const { tally, servers } = await restore.run(chunk, target, attempt);
  onTally(name, tally);
  const { failed, ...counts } = tally;
  if (failed.length === 0) await ledger.done(name, { server: servers, ...counts });
  progress.failed += failed.length;
  if (progress.failed <= MOST_FAILURES) return;
  throw new TargetError('TARGET_REJECTS', `the target has refused ${formatCount(progress.failed)} keys.`, {
    where: target.name,
    remedy: `The report names them. The first reason: ${failed[0]?.reason ?? ''}`,
  });
}

/** What is known of a unit's keys before it is written, by what the ledger says of it. */
export function attemptAfter(state: UnitState | undefined): Attempt {
  if (state === undefined) return 'first';
  return state.state === 'done' ? 'confirmed' : 'unsure';
}
