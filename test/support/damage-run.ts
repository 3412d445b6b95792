// A process that damages files and judges each: apart from the tests, so that a hang can be ended and memory measured.
//
// Says the number of each case before it begins; the last line is the result as JSON.
import { readFileSync, writeSync } from 'node:fs';
import { corpusFiles, readCorpus } from './corpus.ts';
import { type Checksum, flipBits, forgeLength, judge, type Verdict, withChecksum } from './damage.ts';
import { Random } from './random.ts';
import { largeSample, samples } from './samples.ts';

export interface DamageOrder {
  kind: 'truncated' | 'truncated-large' | 'flipped' | 'forged';
  seed: number;
  /** How many cases; `truncated` takes every byte of small files besides. */
  count: number;
  /** Files of real servers besides the samples and the corpus. */
  files: string[];
}

export interface DamageResult {
  cases: number;
  /** How often each error was met; `read` for files that were read to their end. */
  verdicts: Record<string, number>;
  /** How often which error was met in values of files that were read. */
  inside: Record<string, number>;
  failures: string[];
  slowest: { ms: number; case: string };
  /** The most bytes that one buffer was asked for, and by how many bytes the process grew. */
  largestBuffer: number;
  grownBytes: number;
}

interface DamagedFile {
  name: string;
  bytes: Buffer;
  /** Where lengths are known to be. */
  places: number[];
}

const order = JSON.parse(process.argv[2] ?? '{}') as DamageOrder;
const result: DamageResult = {
  cases: 0,
  verdicts: {},
  inside: {},
  failures: [],
  slowest: { ms: 0, case: '' },
  largestBuffer: 0,
  grownBytes: 0,
};

/** Bytes up to which a file is cut at every one of them. */
const SMALL_BYTES = 600;
/** Bytes of buffers and objects from which on those that nobody needs any more are let go. */
const GARBAGE_BYTES = 32 * 1024 * 1024;

watchBuffers();
const files = await readFiles();
await warmUp();
const before = process.resourceUsage().maxRSS;
if (order.kind === 'truncated') for (const file of files) await truncateSmall(file);
for (let number = 0; number < order.count; number++) await damageOnce(number);
result.grownBytes = (process.resourceUsage().maxRSS - before) * 1024;
writeSync(1, `${JSON.stringify(result)}\n`);

/** Notes the largest buffer that anybody asks for, also one that is never written to. */
function watchBuffers(): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const real = Buffer[name].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer;
    Object.assign(Buffer, {
      [name]: (size: number, ...rest: unknown[]) => {
        if (size > result.largestBuffer) result.largestBuffer = size;
        return real(size, ...rest);
      },
    });
  }
}

async function readFiles(): Promise<DamagedFile[]> {
  const made = samples.map(({ name, bytes, records }) => ({
    name,
    bytes,
    places: records.flatMap(({ start, keyStart, valueStart }) =>
      keyStart === undefined || valueStart === undefined ? [start + 1] : [keyStart, valueStart, valueStart],
    ),
  }));
  const real = [
    ...corpusFiles().map((name) => ({ name, bytes: readCorpus(name) })),
    ...order.files.map((name) => ({ name, bytes: readFileSync(name) })),
  ].map((file) => ({ ...file, places: [] }));
  const all = order.kind === 'truncated-large' ? [{ ...largeSample, places: [] }] : [...made, ...real];
  const sound: DamagedFile[] = [];
  for (const { name, bytes, places } of all) {
    const verdict = await judge(bytes, 4096);
    // Some of the corpus is made to be refused.
    if ('read' in verdict) sound.push({ name, bytes, places });
  }
  return sound;
}

/** Lets the process reach the size that it has when nothing is damaged. */
async function warmUp(): Promise<void> {
  for (let round = files.length > 1 ? 5 : 20; round > 0; round--) {
    for (const { bytes } of files) if (bytes.length < 2_000_000) await judge(Buffer.from(bytes), 1 << 20, true);
  }
}

async function truncateSmall(file: DamagedFile): Promise<void> {
  const { length } = file.bytes;
  if (length > SMALL_BYTES) return;
  for (let end = 0; end < length; end++) {
    await run(file, `${file.name} cut at ${end}`, file.bytes.subarray(0, end), endsTooEarly);
  }
}

function endsTooEarly(verdict: Verdict): string | undefined {
  return 'code' in verdict && verdict.code === 'RDB_TRUNCATED'
    ? undefined
    : 'a file that ends too early is RDB_TRUNCATED';
}

async function damageOnce(number: number): Promise<void> {
  const random = new Random(order.seed).fork(`${order.kind} ${number}`);
  const file = random.pick(files.length > 1 && random.chance(0.3) ? files.slice(0, 4) : files);
  const label = `${file.name}, seed ${order.seed}, ${order.kind}, case ${number}`;
  if (order.kind === 'truncated' || order.kind === 'truncated-large') {
    await run(file, label, file.bytes.subarray(0, random.int(0, file.bytes.length - 1)), endsTooEarly);
    return;
  }
  const checksum = random.pick<Checksum>(['kept', 'repaired', 'repaired', 'disabled']);
  const damaged =
    order.kind === 'flipped' ? flipBits(file.bytes, random) : forgeLength(file.bytes, file.places, random);
  const hasChecksum = /^(REDIS00(0[5-9]|1)|VALKEY)/.test(file.bytes.subarray(0, 9).toString('latin1'));
  const kept = checksum === 'kept' && hasChecksum && file.bytes.readBigUInt64LE(file.bytes.length - 8) !== 0n;
  const bytes = hasChecksum ? withChecksum(damaged, checksum) : damaged;
  await run(file, `${label}, checksum ${checksum}`, bytes, (verdict) => {
    if (!kept || 'code' in verdict || bytes.equals(file.bytes)) return undefined;
    // A version of before checksums, by a bit turned in the magic: then the checksum is left over, and reported as what
    // follows the RDB.
    const old = /^REDIS000[1-4]$/.test(bytes.subarray(0, 9).toString('latin1'));
    return old && verdict.read.end < bytes.length ? undefined : 'a damaged file was taken for sound';
  });
}

async function run(
  file: DamagedFile,
  label: string,
  bytes: Buffer,
  complaint: (verdict: Verdict) => string | undefined,
): Promise<void> {
  writeSync(1, `${label}\n`);
  result.cases++;
  const start = performance.now();
  try {
    const pieces = result.cases % 3 === 0 ? Math.max(777, file.bytes.length >> 5) : Math.max(1, file.bytes.length);
    const verdict = await judge(bytes, pieces, result.cases % 4 === 0);
    const code = 'code' in verdict ? verdict.code : 'read';
    result.verdicts[code] = (result.verdicts[code] ?? 0) + 1;
    if ('read' in verdict) {
      for (const [inner, times] of Object.entries(verdict.read.inside)) {
        result.inside[inner] = (result.inside[inner] ?? 0) + times;
      }
    }
    const wrong = complaint(verdict);
    if (wrong !== undefined) throw new Error(`${wrong}, not ${code}`);
  } catch (error) {
    if (result.failures.length < 5)
      result.failures.push(`${label}: ${(error as Error).stack} ${(error as Error).cause ?? ''}`);
  }
  const ms = performance.now() - start;
  if (ms > result.slowest.ms) result.slowest = { ms, case: label };
  // What the test itself throws away is not to be taken for what the engine needs.
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  if (arrayBuffers + heapUsed > GARBAGE_BYTES) globalThis.gc?.();
}
