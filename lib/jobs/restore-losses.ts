// What the values of planned files would lose on a target: what --strict judges by, before the first write.
//
// The plan tells which files can hold such values at all. Those are read once more, value by value, as they will be
// written; that costs about as much time as planning did.
import { KEY_META_SINCE } from '../rdb/payload.ts';
import { conversion } from '../rdb/reencode.ts';
import { redisTypes, valkeyTypes } from '../rdb/types.ts';
import { typeSupport } from '../redis/server-info.ts';
import type { RdbInput } from '../sources/rdb/input.ts';
import type { Plan } from '../sources/rdb/plan.ts';
import { losesByCommands } from '../targets/redis/foreseen-losses.ts';
import type { Limits } from '../targets/redis/preflight.ts';
import { addCounts, type Losses } from '../targets/redis/tally.ts';
import type { Progress } from '../telemetry/progress.ts';
import type { ChunkRestore } from './chunk-restore.ts';

export interface ForeseeOptions extends Limits {
  /** A record from here on is written in parts; bytes. */
  readonly bigKeyBytes: number;
  /** As the input's chunks will be written. */
  readonly restoreOf: (input: RdbInput) => ChunkRestore;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Kinds of losses with the number of keys, exact: of keys that the filter takes and that have not expired. Keys that exist
 * on the target count too, though `skip` would leave them as they are. What a server will refuse as bad data, and only
 * then goes by commands, nobody can foresee.
 *
 * @throws {InputError} `INPUT_CHANGED` when a file is no longer what was planned; the signal's reason
 */
export async function foreseeLosses(inputs: readonly RdbInput[], options: ForeseeOptions): Promise<Losses> {
  const { progress, signal } = options;
  const losses: Losses = {};
  for (const input of inputs) {
    const least = leastChunkBytes(input.plan, options);
    if (least === Number.POSITIVE_INFINITY) continue;
    const restore = options.restoreOf(input);
    progress.begin('checking', { file: input.name, bytes: input.plan.bytes });
    for (const chunk of input.chunks) {
      signal.throwIfAborted();
      if (chunk.end - chunk.start >= least) addCounts(losses, await restore.losses(chunk));
      progress.bytes = chunk.end;
    }
  }
  return losses;
}

/** Chunks from this size on can hold values that lose something; bytes. */
function leastChunkBytes(plan: Plan, { server, restores, bigKeyBytes }: ForeseeOptions): number {
  const support = typeSupport(server);
  const table = plan.dialect === 'valkey' ? valkeyTypes : redisTypes;
  const types = plan.types.flatMap(({ code }) => table[code] ?? []);
  const hasMeta = plan.dialect === 'redis' && plan.version >= KEY_META_SINCE;
  const byTypes = types.some((type) => support !== undefined && (conversion(type, support)?.mayLose.length ?? 0) > 0);
  if (byTypes || hasMeta) return 0;
  const byCommands = plan.idle || plan.freq || types.some(losesByCommands);
  if (!byCommands) return Number.POSITIVE_INFINITY;
  return restores ? bigKeyBytes : 0;
}
