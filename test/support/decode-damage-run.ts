// A process that damages files, decodes them, and judges what came out: apart from the tests, so that a hang can be ended
// and memory measured.
//
// Says the name of each case before it begins; the last line is the result as JSON.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeyferryError, RdbError } from '../../lib/errors.ts';
import { decodeTemplateNames, decodeValue } from '../../lib/rdb/decode.ts';
import { readString } from '../../lib/rdb/strings.ts';
import { bytesOf, type Json } from '../targets/json/model.ts';
import { type Checksum, flipBits, forgeLength, withChecksum } from './damage.ts';
import {
  type Candidate,
  candidates,
  type DamageTotals,
  newTotals,
  runCase,
  tell,
  watchBuffers,
} from './damage-watch.ts';
import { type DecodeRun, decodeFile, type Line, parseLines } from './decode-run.ts';
import { Random } from './random.ts';
import { largeSample } from './samples.ts';
import { type RecordFacts, scanFile } from './scan-events.ts';

export interface DecodeDamageOrder {
  kind: 'truncated' | 'flipped' | 'forged';
  seed: number;
  /** How many cases; `truncated` cuts small files at every byte besides. */
  count: number;
  /** Bytes up to which a file is small. */
  smallBytes: number;
  /** Where the damaged file is written. */
  folder: string;
  /** Files of real servers besides the samples and the corpus. */
  files: string[];
}

export interface DecodeDamageResult extends DamageTotals {
  /** How often which error left out a key with `salvage`. */
  salvaged: Record<string, number>;
}

interface SoundFile extends Candidate {
  text: Buffer;
  /** Where each line's record ends. */
  ends: number[];
}

const order = JSON.parse(process.argv[2] ?? '{}') as DecodeDamageOrder;
const path = join(order.folder, 'damaged.rdb');
const result: DecodeDamageResult = { ...newTotals(), salvaged: {} };

/** Bytes up to which files are damaged often. */
const MIDDLE_BYTES = 50_000;

watchBuffers(result);
const files = await soundFiles();
// So that the process has the size that it has when nothing is damaged.
for (const { bytes } of files) await decoded(bytes, true);
globalThis.gc?.();
const before = process.resourceUsage().maxRSS;
result.largestBuffer = 0;
if (order.kind === 'truncated') await truncateSmall();
for (let number = 0; number < order.count; number++) await damageOnce(number);
result.grownBytes = (process.resourceUsage().maxRSS - before) * 1024;
tell(result);

function decoded(bytes: Buffer, salvage = false): Promise<DecodeRun> {
  writeFileSync(path, bytes);
  return decodeFile(path, { salvage });
}

function hasLine({ event }: RecordFacts): boolean {
  return event === 'KEY' || event === 'AUX' || event === 'FUNCTION' || event === 'MODULE_AUX';
}

async function soundFiles(): Promise<SoundFile[]> {
  const sound: SoundFile[] = [];
  for (const { name, bytes, places } of candidates(order.files, [largeSample])) {
    const { report, text } = await decoded(bytes);
    // Some of the corpus is made to be refused.
    if (report.outcome !== 'complete') continue;
    const ends = scanFile(bytes)
      .records.filter(hasLine)
      .map(({ end }) => end);
    if (ends.length !== report.lines) throw new Error(`${name}: ${ends.length} records, ${report.lines} lines`);
    sound.push({ name, bytes, places, text, ends });
  }
  return sound;
}

async function truncateSmall(): Promise<void> {
  // Of the versions that differ by their number alone one is enough.
  const versions = /^redis version (?!11$)/;
  const small = files.filter(({ name, bytes }) => bytes.length <= order.smallBytes && !versions.test(name));
  for (const file of small) {
    for (let end = 0; end < file.bytes.length; end++) {
      await runCase(result, `${file.name} cut at ${end}`, () => truncated(file, end));
    }
  }
}

async function damageOnce(number: number): Promise<void> {
  const random = new Random(order.seed).fork(`${order.kind} ${number}`);
  // The first four have every type; the large ones take long.
  const often = random.chance(0.4) ? files.slice(0, 4) : files.filter(({ bytes }) => bytes.length < MIDDLE_BYTES);
  const file = random.pick(random.chance(0.05) ? files : often);
  const label = `${file.name}, seed ${order.seed}, ${order.kind}, case ${number}`;
  if (order.kind === 'truncated') {
    const end = random.int(0, file.bytes.length - 1);
    await runCase(result, `${label}, cut at ${end}`, () => truncated(file, end));
    return;
  }
  const checksum = random.pick<Checksum>(['kept', 'repaired', 'repaired', 'disabled']);
  const { bytes: sound, places } = file;
  const hasChecksum = /^(REDIS00(0[5-9]|1)|VALKEY)/.test(sound.toString('latin1', 0, 9));
  const changed = order.kind === 'flipped' ? flipBits(sound, random) : forgeLength(sound, places, random);
  const bytes = hasChecksum ? withChecksum(changed, checksum) : changed;
  const checked = checksum === 'kept' && hasChecksum && sound.readBigUInt64LE(sound.length - 8) !== 0n;
  await runCase(result, `${label}, checksum ${checksum}`, () => damaged(file, bytes, checked));
}

/** A file that ends too early: exactly the lines of the records that are whole, and an error at its end. */
async function truncated(file: SoundFile, end: number): Promise<string> {
  const { report, text, end: ended } = await decoded(file.bytes.subarray(0, end));
  const expected = linesUpTo(file, end);
  if (!text.equals(expected)) throw new Error(`${report.lines} lines, not the ${expected.length} bytes before the cut`);
  if (report.outcome !== 'stopped' || ended !== 'left') throw new Error(`${report.outcome}, the output was ${ended}`);
  return codeOf(report.error, end);
}

/** The lines of all records that end at `offset` or before. */
function linesUpTo({ text, ends }: SoundFile, offset: number): Buffer {
  let at = 0;
  for (const end of ends) {
    if (end > offset) break;
    at = text.indexOf('\n', at) + 1;
  }
  return text.subarray(0, at);
}

async function damaged(file: SoundFile, bytes: Buffer, checked: boolean): Promise<string> {
  const run = await decoded(bytes);
  const { report, text, end } = run;
  // What stands before the damage is there as it was, unless the damage is in the magic: then all may mean something else.
  const first = firstDifference(file.bytes, bytes);
  const sound = first < 9 ? Buffer.alloc(0) : linesUpTo(file, first);
  if (!text.subarray(0, sound.length).equals(sound)) throw new Error('lines before the damage are not as they were');
  const lines = parseLines(text);
  if (lines.length !== report.lines) throw new Error(`${lines.length} lines, reported as ${report.lines}`);
  const whole = report.outcome === 'complete';
  if (!whole && report.outcome !== 'stopped') throw new Error(`it ended as ${report.outcome}`);
  if (end !== (whole ? 'committed' : 'left')) throw new Error(`${report.outcome}, but the output was ${end}`);
  // A version of before checksums, by a bit turned in the magic: then the checksum is left over, and reported as what
  // follows the RDB.
  const leftOver = whole && report.warnings.length > 0;
  if (whole && checked && !leftOver && !bytes.equals(file.bytes)) throw new Error('it was taken for sound');
  await salvaged(bytes, run, lines);
  return whole ? 'complete' : codeOf(report.error, bytes.length);
}

/** With `salvage` exactly those keys are missing, and listed, whose values can't be decoded. */
async function salvaged(bytes: Buffer, without: DecodeRun, before: Line[]): Promise<void> {
  const { report, text, end } = await decoded(bytes, true);
  const lines = parseLines(text);
  if (!text.subarray(0, without.text.length).equals(without.text)) throw new Error('salvage gave other lines');
  if (end !== (report.outcome === 'stopped' ? 'left' : 'committed')) throw new Error(`salvaged, but ${end}`);
  if (report.outcome === 'stopped') codeOf(report.error, bytes.length);
  if (report.outcome === 'complete' && lines.length !== before.length) throw new Error('salvage found more, silently');
  if ((report.outcome === 'partial') !== (report.damaged.length > 0 && report.error === undefined)) {
    throw new Error(`${report.outcome} with ${report.damaged.length} keys left out`);
  }
  for (const { code } of report.damaged) result.salvaged[code] = (result.salvaged[code] ?? 0) + 1;
  if (report.outcome !== 'stopped') expectEachKey(bytes, lines, report.damaged);
}

type Damaged = DecodeRun['report']['damaged'][number];

function expectEachKey(bytes: Buffer, lines: Line[], damagedKeys: readonly Damaged[]): void {
  const left = [...damagedKeys];
  const found = lines.filter(({ db }) => db !== undefined);
  const { records, scanner } = scanFile(bytes, { keys: false });
  const templates = templatesOf(bytes, records);
  for (const { event, db, keyStart = 0, valueStart = 0, end } of records) {
    if (event !== 'KEY') continue;
    const type = scanner.dialect?.types[bytes[keyStart - 1] as number];
    if (type === undefined) throw new Error(`no type at ${keyStart - 1}`);
    let key: Buffer | undefined;
    let sound = true;
    try {
      key = readString(bytes, keyStart).value;
      decodeValue(type, bytes.subarray(valueStart, end), { base: valueStart, templates });
    } catch {
      sound = false;
    }
    const entry = sound ? found[0] && { key: keyOf(found.shift()) } : left.shift();
    const [name, wanted] = [entry?.key?.toString('hex'), key?.toString('hex')];
    if (entry === undefined || name !== wanted) {
      throw new Error(`db ${db}, key ${wanted} at ${keyStart} should be ${sound ? 'a line' : 'listed'}`);
    }
  }
  if (left.length > 0 || found.length > 0) throw new Error('there are keys that the file does not have');
}

function templatesOf(bytes: Buffer, records: readonly RecordFacts[]): (id: bigint) => Buffer[] | undefined {
  const all = new Map(records.flatMap(({ template }) => (template === undefined ? [] : [[template.id, template]])));
  return (id) => {
    const template = all.get(id);
    if (template === undefined) return undefined;
    const { offset, bytes: length } = template;
    return [...decodeTemplateNames(bytes.subarray(offset, offset + length), offset)];
  };
}

function keyOf(line: Line | undefined): Buffer | undefined {
  return line === undefined ? undefined : bytesOf(line.key as Json);
}

/** The error's code, which must be one that a person can do something with. */
function codeOf(error: KeyferryError | undefined, size: number): string {
  if (!(error instanceof KeyferryError)) throw new Error('it stopped without an error of ours', { cause: error });
  if (error instanceof RdbError && !(error.offset >= 0 && error.offset <= size)) {
    throw new Error(`${error.code} at ${error.offset} of ${size}`);
  }
  // What is no RDB from its first bytes on has no place in it.
  if (!(error instanceof RdbError) && !error.code.startsWith('INPUT_')) throw new Error(`${error.code} has no place`);
  if (/\n\s+at /.test(error.describe())) throw new Error(`a stack is shown: ${error.describe()}`);
  return error.code;
}

function firstDifference(a: Buffer, b: Buffer): number {
  for (let at = 0; ; at++) if (a[at] !== b[at] || at === a.length) return at;
}
