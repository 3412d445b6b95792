// The data of bench/cluster.ts: an RDB of mixed keys, and its RESTORE stream in three parts, one for each master.
import { join } from 'node:path';
import { keySlot } from '../lib/redis/slots.ts';
import { BENCH_FOLDER } from './generate.ts';
import { ensureMade } from './made-files.ts';
import { expiresOf, writeMixed } from './mixed-keys.ts';
import { RdbFile } from './rdb-file.ts';
import { RestoreStream } from './restore-stream.ts';

const KEYS = 500_000;
const SEED = 20_261_124;
const VERSION = 1;
/** The first slot of each master, as `redis-cli --cluster create` deals them out. */
const FIRST_SLOTS = [0, 5461, 10_923];

export interface ClusterFiles {
  readonly rdb: string;
  /** One for each master, in the order of their slots. */
  readonly streams: readonly string[];
  readonly keys: number;
}

export function ensureClusterFiles(folder = BENCH_FOLDER, keys = KEYS): ClusterFiles {
  const rdb = join(folder, 'mixed-cluster.rdb');
  const streams = FIRST_SLOTS.map((_, index) => join(folder, `mixed-cluster.restore-${index}.resp`));
  return ensureMade({
    name: 'mixed-cluster',
    folder,
    summary: `${keys.toLocaleString('en-US')} keys as in mixed, and three RESTORE streams by slot`,
    version: `${VERSION} ${SEED} ${keys}`,
    files: [rdb, ...streams],
    make: () => {
      write(rdb, streams, keys);
      return { rdb, streams, keys };
    },
  });
}

function write(path: string, streams: readonly string[], keys: number): void {
  const rdb = new RdbFile(path, { keys, expires: expiresOf(keys) });
  const restores = streams.map((stream) => new RestoreStream(stream));
  writeMixed(
    (record) => {
      rdb.key(record);
      // were it wrong, the pipes would meet MOVED
      const slot = keySlot(record.key.view());
      restores[FIRST_SLOTS.findLastIndex((first) => first <= slot)]!.key(record);
    },
    keys,
    SEED,
  );
  rdb.finish();
  for (const stream of restores) stream.finish();
}
