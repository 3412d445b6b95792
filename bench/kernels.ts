// node bench/kernels.ts: CRC64 and LZF as they are used, in turn with their plain TypeScript twins, on the same bytes.
import { crc64, writeCrc64 } from '../lib/bytes/crc64.ts';
import { expandLzf } from '../lib/bytes/lzf.ts';
import { crc64Twin, expandLzfTwin } from '../lib/bytes/twin.ts';
import { compressLzf } from '../test/support/lzf-compress.ts';
import { Random } from '../test/support/random.ts';

const MB = 1e6;
const ROUNDS = 7;
/** How long one side of one round runs, at least. */
const ROUND_MS = 40;

const SEED = 20_261;
const random = new Random(SEED);

/** JSON of short records, as caches hold it: LZF halves it. */
function json(bytes: number): Buffer {
  let text = '';
  while (text.length < bytes) {
    text += `{"id":${random.int(0, 1e6)},"name":"${random.text(8)}","city":"Porto","score":${random.int(0, 999)}},`;
  }
  return Buffer.from(text, 'latin1').subarray(0, bytes);
}

/** Nanoseconds of a call: the best round, since whatever else the machine does only ever adds. */
function nanoseconds(kernel: () => void, twin: () => void): [kernel: number, twin: number] {
  let best: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    best = [Math.min(best[0], perCall(kernel)), Math.min(best[1], perCall(twin))];
  }
  return best;
}

function perCall(run: () => void): number {
  let calls = 0;
  const start = process.hrtime.bigint();
  const end = start + BigInt(ROUND_MS * 1e6);
  let now = start;
  for (let batch = 1; now < end; batch *= 2) {
    for (let i = 0; i < batch; i++) run();
    calls += batch;
    now = process.hrtime.bigint();
  }
  return Number(now - start) / calls;
}

function row(what: string, bytes: number, kernel: () => void, twin: () => void): void {
  const [fast, plain] = nanoseconds(kernel, twin);
  const rate = (ns: number): string => ((bytes / ns) * (1e9 / MB)).toFixed(0).padStart(7);
  const each = `${(fast / 1000).toFixed(2).padStart(9)} µs`;
  console.log(
    `${what.padEnd(12)}${String(bytes).padStart(9)} ${rate(fast)} ${rate(plain)} ${ratio(plain, fast)} ${each}`,
  );
}

const ratio = (a: number, b: number): string => (a / b).toFixed(1).padStart(6);

console.log(
  `${'what'.padEnd(12)}${'bytes'.padStart(9)}  kernel    twin  ratio  kernel's call   (MB/s, MB = 10^6 bytes)`,
);
for (const bytes of [1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 22]) {
  const data = json(bytes);
  row(
    'crc64',
    bytes,
    () => crc64(data),
    () => crc64Twin(data),
  );
}
for (const bytes of [20, 100, 300, 1000]) {
  const into = Buffer.concat([json(bytes), Buffer.alloc(8)]);
  row(
    'writeCrc64',
    bytes,
    () => writeCrc64(into, bytes, 0, bytes),
    () => into.writeBigUInt64LE(crc64Twin(into.subarray(0, bytes)), bytes),
  );
}
for (const bytes of [200, 1000, 8000, 200_000, 4_000_000]) {
  const block = compressLzf(json(bytes));
  if (block === null) throw new Error(`JSON of ${bytes} bytes did not compress`);
  row(
    'expandLzf',
    bytes,
    () => expandLzf(block, bytes),
    () => expandLzfTwin(block, bytes),
  );
}
