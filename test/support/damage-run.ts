// A process that damages files and judges each: apart from the tests, so that a hang can be ended and memory measured.
//
// Says the number of each case before it begins; the last line is the result as JSON.
import { type Checksum, flipBits, forgeLength, judge, type Verdict, withChecksum } from './damage.ts';
import {
  type Candidate,
  candidates,
  type DamageTotals,
  newTotals,
  runCase,
  tell,
  watchBuffers,
} from './damage-watch.ts';
import { Random } from './random.ts';
import { largeSample } from './samples.ts';

export interface DamageOrder {
  kind: 'truncated' | 'truncated-large' | 'flipped' | 'forged';
  seed: number;
  /** How many cases; `truncated` takes every byte of small files besides. */
  count: number;
  /** Files of real servers besides the samples and the corpus. */
  files: string[];
}

export interface DamageResult extends DamageTotals {
  /** How often which error was met in values of files that were read. */
  inside: Record<string, number>;
}

const order = JSON.parse(process.argv[2] ?? '{}') as DamageOrder;
const result: DamageResult = { ...newTotals(), inside: {} };

/** Bytes up to which a file is cut at every one of them. */
const SMALL_BYTES = 600;

watchBuffers(result);
const files = await readFiles();
await warmUp();
const before = process.resourceUsage().maxRSS;
if (order.kind === 'truncated') for (const file of files) await truncateSmall(file);
for (let number = 0; number < order.count; number++) await damageOnce(number);
result.grownBytes = (process.resourceUsage().maxRSS - before) * 1024;
tell(result);

async function readFiles(): Promise<Candidate[]> {
  const all = order.kind === 'truncated-large' ? [{ ...largeSample, places: [] }] : candidates(order.files);
  const sound: Candidate[] = [];
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

async function truncateSmall(file: Candidate): Promise<void> {
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
  file: Candidate,
  label: string,
  bytes: Buffer,
  complaint: (verdict: Verdict) => string | undefined,
): Promise<void> {
  await runCase(result, label, async () => {
    const pieces = result.cases % 3 === 0 ? Math.max(777, file.bytes.length >> 5) : Math.max(1, file.bytes.length);
    const verdict = await judge(bytes, pieces, result.cases % 4 === 0);
    const code = 'code' in verdict ? verdict.code : 'read';
    if ('read' in verdict) {
      for (const [inner, times] of Object.entries(verdict.read.inside)) {
        result.inside[inner] = (result.inside[inner] ?? 0) + times;
      }
    }
    const wrong = complaint(verdict);
    if (wrong !== undefined) throw new Error(`${wrong}, not ${code}`);
    return code;
  });
}
