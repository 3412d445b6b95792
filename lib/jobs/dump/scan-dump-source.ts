// A dump's data where no replica is let in: all keys of all nodes by SCAN, in one file.
import type { Shard, Shards } from '../../sources/replica/shards.ts';
import { ScanSource, type ScanSourceOptions } from '../../sources/scan/scan-source.ts';
import { scanDump } from '../scan-dump.ts';
import type { DumpSource, ShardHooks, ShardSource } from './shard-source.ts';

export class ScanDumpSource implements DumpSource {
  readonly shards: readonly Shard[];
  readonly #source: ScanSource;

  private constructor(source: ScanSource, { source: endpoint, prefer }: ScanSourceOptions) {
    this.#source = source;
    this.shards = [{ endpoint, role: prefer ?? 'master', slots: undefined }];
  }

  /** @throws as {@link ScanSource.open} */
  static async find(options: ScanSourceOptions): Promise<ScanDumpSource> {
    return new ScanDumpSource(await ScanSource.open(options), options);
  }

  get kind(): Shards['kind'] {
    return this.#source.fleet.kind;
  }

  get warnings(): readonly string[] {
    return this.#source.warnings;
  }

  async open(_: Shard, { signal, onWarning }: ShardHooks): Promise<ShardSource> {
    const source = this.#source;
    return {
      via: 'scan',
      rdb: scanDump({ source, signal }, ({ warnings }) => warnings.forEach(onWarning)),
      bytes: undefined,
      replid: undefined,
      offset: undefined,
      pointInTime: false,
      end: () => undefined,
    };
  }

  async check(): Promise<void> {}

  end(): void {
    this.#source.end();
  }
}
