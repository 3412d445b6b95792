// A dump's data as a replica gets it: each shard by PSYNC, or by SYNC where only that is permitted.
import { SourceError } from '../../errors.ts';
import type { TypeSupport } from '../../rdb/reencode.ts';
import { showEndpoint } from '../../redis/endpoint.ts';
import { type PsyncNames, psyncNameOf } from '../../sources/replica/psync-names.ts';
import { Replication, type ReplicationCommand } from '../../sources/replica/replication.ts';
import { type Shard, type ShardOptions, Shards } from '../../sources/replica/shards.ts';
import type { DumpSource, ShardHooks, ShardSource } from './shard-source.ts';

export interface ReplicaSourceOptions extends ShardOptions {
  /** In this order, each where the one before is refused. */
  readonly ways: readonly ReplicationCommand[];
  readonly psyncNames: PsyncNames;
  readonly announce?: { readonly host: string; readonly port: number } | undefined;
  readonly stallMs: number;
}

export class ReplicaSource implements DumpSource {
  readonly #options: ReplicaSourceOptions;
  readonly #found: Shards;

  private constructor(options: ReplicaSourceOptions, found: Shards) {
    this.#options = options;
    this.#found = found;
  }

  /** @throws as {@link Shards.find} */
  static async find(options: ReplicaSourceOptions): Promise<ReplicaSource> {
    return new ReplicaSource(options, await Shards.find(options));
  }

  get kind(): Shards['kind'] {
    return this.#found.kind;
  }

  get shards(): readonly Shard[] {
    return this.#found.list;
  }

  get warnings(): readonly string[] {
    return this.#found.warnings;
  }

  open(shard: Shard, hooks: ShardHooks): Promise<ShardSource> {
    return joinShard(shard, this.#options, hooks);
  }

  /** As {@link Shards.versions}. */
  versions(): Promise<readonly TypeSupport[]> {
    return this.#found.versions();
  }

  check(): Promise<void> {
    return this.#found.checkUnmoved();
  }

  end(): void {
    this.#found.end();
  }
}

/** How a shard is joined. */
export type JoinOptions = Omit<ReplicaSourceOptions, keyof ShardOptions> & Pick<ShardOptions, 'patienceMs' | 'clock'>;

/** @throws as {@link Replication.open}; a refusal only when no way is left */
export async function joinShard(shard: Shard, options: JoinOptions, hooks: ShardHooks): Promise<ShardSource> {
  const [first, ...others] = options.ways;
  try {
    return await join(shard, first as ReplicationCommand, options, hooks);
  } catch (error) {
    const [next] = others;
    if (next === undefined || !isRefusal(error)) throw error;
    const joined = await join(shard, next, options, hooks).catch((again: unknown) => {
      throw isRefusal(again) ? error : again;
    });
    const where = showEndpoint(shard.endpoint);
    hooks.onWarning(`by ${next.toUpperCase()} instead of ${first?.toUpperCase()}: at ${where} ${error.message}`);
    return joined;
  }
}

async function join({ endpoint }: Shard, via: ReplicationCommand, options: JoinOptions, hooks: ShardHooks) {
  const { psyncNames, announce, patienceMs, stallMs, clock } = options;
  const { signal, whole, onWarning } = hooks;
  const replication = await Replication.open(endpoint, {
    command: via,
    commandName: via === 'psync' ? psyncNameOf(psyncNames, endpoint) : undefined,
    rdbOnly: true,
    ...{ announce, patienceMs, stallMs, clock, signal, whole },
    onWait: (said) => onWarning(`${showEndpoint(endpoint)} was not ready at first. It said: ${said}`),
  });
  return {
    via,
    rdb: replication.rdb(),
    get bytes() {
      return replication.rdbBytes;
    },
    replid: replication.replid,
    offset: replication.offset,
    pointInTime: true,
    end: () => replication.end(),
  };
}

/** True where the source lives, and does not let itself be copied this way. */
export function isRefusal(error: unknown): error is SourceError {
  return error instanceof SourceError && error.code === 'SOURCE_REFUSED';
}
