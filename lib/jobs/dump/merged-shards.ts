// A cluster as one RDB: its shards are read one after the other, and their records go into one file.
import { showEndpoint } from '../../redis/endpoint.ts';
import type { Shard } from '../../sources/replica/shards.ts';
import { RdbMerger } from '../../targets/rdb/merge-rdbs.ts';
import { formatCount } from '../../text/count.ts';
import { wayOf } from './copy-shard.ts';
import type { ReplicaSource } from './replica-source.ts';
import type { DumpSource, DumpWay, ShardHooks, ShardSource } from './shard-source.ts';

export class MergedShards implements DumpSource {
  /** One, for all. */
  readonly shards: readonly Shard[];
  readonly #found: ReplicaSource;

  constructor(found: ReplicaSource) {
    this.#found = found;
    const [first] = found.shards;
    this.shards = [{ ...(first as Shard), slots: undefined }];
  }

  get kind(): DumpSource['kind'] {
    return this.#found.kind;
  }

  get warnings(): readonly string[] {
    return this.#found.warnings;
  }

  /** Each shard is of a moment of its own: none goes for all, and no stream goes on behind them. */
  async open(_: Shard, hooks: ShardHooks): Promise<ShardSource> {
    const ways: DumpWay[] = [];
    let current: ShardSource | undefined;
    return {
      get via() {
        return wayOf(ways);
      },
      rdb: this.#merged(hooks, (source) => {
        current = source;
        ways.push(source.via);
      }),
      ...{ bytes: undefined, replid: undefined, offset: undefined, pointInTime: false },
      end: () => current?.end(),
    };
  }

  check(): Promise<void> {
    return this.#found.check();
  }

  end(): void {
    this.#found.end();
  }

  async *#merged(hooks: ShardHooks, onOpen: (source: ShardSource) => void): AsyncGenerator<Buffer, void, undefined> {
    const merger = new RdbMerger({ versions: await this.#found.versions() });
    try {
      for (const shard of this.#found.shards) {
        merger.begin(showEndpoint(shard.endpoint));
        const source = await this.#found.open(shard, { ...hooks, whole: () => merger.whole });
        onOpen(source);
        for await (const piece of source.rdb) yield* merger.take(piece);
        source.end();
      }
      yield merger.end();
      if (merger.twice > 0) {
        hooks.onWarning(`${formatCount(merger.twice)} keys were there in two shards: each is in the file once.`);
      }
    } finally {
      await merger.close();
    }
  }
}
