// The data of bench/big.ts: an RDB of one hash of a gigabyte, and a ready stream of HSETs that makes the same hash.
import { join } from 'node:path';
import { type HugeHash, hugeHashFields, writeHugeHash } from '../test/support/huge-hash.ts';
import { BENCH_FOLDER } from './generate.ts';
import { ensureMade } from './made-files.ts';
import { OutputFile } from './output-file.ts';

const SEED = 20_261_125;
const VERSION = 1;
const KEY = 'huge';

/** A gigabyte, cut in two ways. */
export const SHAPES = {
  'fields-1k': { fields: 1_000_000, valueBytes: 1000 },
  'fields-1m': { fields: 1000, valueBytes: 1_000_000 },
} as const;
export type Shape = keyof typeof SHAPES;

/** Fields of one HSET, as a script would batch them: 100, and fewer where these are more than 1 MB. */
const FIELDS_PER_COMMAND = 100;
const BYTES_PER_COMMAND = 1_000_000;

export interface BigFiles {
  readonly rdb: string;
  readonly stream: string;
  readonly rdbBytes: number;
}

export function ensureBigFiles(shape: Shape, folder = BENCH_FOLDER): BigFiles {
  const { fields, valueBytes } = SHAPES[shape];
  const { rdb, stream } = paths(shape, folder);
  return ensureMade({
    name: shape,
    folder,
    summary: `a hash of ${fields.toLocaleString('en-US')} fields of ${valueBytes.toLocaleString('en-US')} bytes`,
    version: `${VERSION} ${SEED}`,
    files: [rdb, stream],
    make: () => writeBigFiles(shape, folder),
  });
}

/** @param scale 1 = all fields */
export function writeBigFiles(shape: Shape, folder: string, scale = 1): BigFiles {
  const { fields, valueBytes } = SHAPES[shape];
  const { rdb, stream } = paths(shape, folder);
  const hash: HugeHash = { key: KEY, fields: fields * scale, valueBytes, seed: SEED };
  writeHsets(stream, hash);
  return { rdb, stream, rdbBytes: writeHugeHash(rdb, hash) };
}

const paths = (shape: Shape, folder: string): { rdb: string; stream: string } => ({
  rdb: join(folder, `${shape}.rdb`),
  stream: join(folder, `${shape}.hset.resp`),
});

function writeHsets(path: string, hash: HugeHash): void {
  const file = new OutputFile(path);
  const each = Math.max(1, Math.min(FIELDS_PER_COMMAND, Math.floor(BYTES_PER_COMMAND / hash.valueBytes)));
  let index = 0;
  for (const [field, value] of hugeHashFields(hash)) {
    if (index % each === 0) {
      const inThis = Math.min(each, hash.fields - index);
      file.buffer.ascii(`*${2 + 2 * inThis}\r\n$4\r\nHSET\r\n$${KEY.length}\r\n${KEY}\r\n`);
    }
    file.buffer.ascii(`$${field.length}\r\n`);
    file.buffer.append(field);
    file.buffer.ascii(`\r\n$${value.length}\r\n`);
    file.buffer.append(value);
    file.buffer.ascii('\r\n');
    file.flushIfFull();
    index++;
  }
  file.finish();
}
