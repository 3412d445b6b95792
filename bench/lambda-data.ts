// The data of bench/lambda.ts: an RDB of mixed keys, as large as it is asked for.
import { join } from 'node:path';
import { BENCH_FOLDER } from './generate.ts';
import { ensureMade } from './made-files.ts';
import { expiresOf, writeMixed } from './mixed-keys.ts';
import { RdbFile } from './rdb-file.ts';

const SEED = 20_261_126;
const VERSION = 1;
/** What a key of the mixed set takes in an RDB, with its value: 175 MB for 2,500,000. */
const BYTES_PER_KEY = 70.1;

export interface LambdaFile {
  readonly rdb: string;
  readonly keys: number;
  readonly bytes: number;
}

/** @param megabytes about how large; 1 MB is 1,000,000 bytes */
export function ensureLambdaFile(megabytes: number, folder = BENCH_FOLDER): LambdaFile {
  const name = `mixed-${megabytes}mb`;
  const keys = Math.round((megabytes * 1e6) / BYTES_PER_KEY);
  const rdb = join(folder, `${name}.rdb`);
  return ensureMade({
    name,
    folder,
    summary: `${keys.toLocaleString('en-US')} keys as in mixed`,
    version: `${VERSION} ${SEED} ${keys}`,
    files: [rdb],
    make: () => {
      const file = new RdbFile(rdb, { keys, expires: expiresOf(keys) });
      writeMixed((record) => file.key(record), keys, SEED);
      return { rdb, keys, bytes: file.finish() };
    },
  });
}
