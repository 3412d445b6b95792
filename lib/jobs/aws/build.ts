// Makes the RDB of a load, which then is planned and restored like any other: all lines are proven before the first write.
//
// Keys that were seen are known in one memory only: it is done in one call, or refused as soon as that is clear.
import { InputError } from '../../errors.ts';
import { MAX_LINE_BYTES } from '../../sources/json/json-records.ts';
import { mostKeysIn } from '../../sources/json/key-marks.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { createObject } from '../../storage/s3/s3-output.ts';
import { type LinesOptions, type LoadLimits, linesToRdb } from '../lines-to-rdb.ts';
import { type AwsJob, type Cloud, type Deadline, ownRecord } from './job.ts';
import { type LoadInput, openLoadInput } from './load-input.ts';
import { Pace } from './pace.ts';
import type { RunOptions } from './run-options.ts';
import { BUILT_RDB, readText, workKey, writeText } from './work.ts';

/** What was read, for the report. */
export interface Built {
  readonly lines: number;
  readonly keys: number;
  /** Objects that the lines were in. */
  readonly files: number;
  /** Of the RDB. */
  readonly bytes: number;
  readonly warnings: readonly string[];
}

/** Written last: with it the RDB counts, for the options that it names. */
interface BuildFile extends Built {
  readonly options: string;
}

const BUILD = 'build.json';
/** What a function takes beside marks and values: Node, code, and what is on its way from and to S3. */
const OWN_BYTES = 320 * 1024 * 1024;
/** Parts of the RDB under way. */
const SENT_BYTES = 16 * 1024 * 1024;

/**
 * Builds the RDB, where an earlier call has not.
 *
 * @param memoryBytes of the function
 * @throws {InputError} for a line that is not in order, named by object and number; those of openLoadInput;
 *   `INPUT_TOO_LARGE`, `INPUT_TOO_SLOW` for what one call can't do
 */
export async function buildRdb(cloud: Cloud, job: AwsJob, memoryBytes: number, deadline: Deadline): Promise<Built> {
  const { notes, createdAt } = await ownRecord(cloud, job);
  const { shape, allowIncomplete } = JSON.parse(notes.options ?? '{}') as RunOptions;
  const options = JSON.stringify({ shape, allowIncomplete });
  const before = await readBuild(cloud, job);
  if (before?.options === options) return before;
  const input = await openLoadInput(cloud, job, { allowIncomplete, signal: deadline.signal });
  try {
    const built = await build(cloud, job, input, {
      ...{ deadline, limits: limitsOf(memoryBytes) },
      // Seconds to live count from the same moment, however often it is built.
      clock: { now: () => createdAt },
      shape: shape ?? input.shape,
    });
    await writeText(cloud, workKey(job, BUILD), JSON.stringify({ options, ...built } satisfies BuildFile));
    return built;
  } finally {
    await input.close();
  }
}

/** What was built; `undefined` where nothing was. */
export async function readBuild(cloud: Cloud, job: AwsJob): Promise<BuildFile | undefined> {
  const text = await readText(cloud, workKey(job, BUILD));
  return text === undefined ? undefined : (JSON.parse(text) as BuildFile);
}

/** Half of what is left is for the marks of keys, half for the value that is being read. */
function limitsOf(memoryBytes: number): LoadLimits {
  const left = Math.max(0, memoryBytes - OWN_BYTES) / 2;
  return { keys: mostKeysIn(left), keyMemory: left };
}

interface BuildOptions extends Pick<LinesOptions, 'clock' | 'shape'> {
  readonly deadline: Deadline;
  readonly limits: LoadLimits;
}

async function build(cloud: Cloud, job: AwsJob, input: LoadInput, options: BuildOptions): Promise<Built> {
  const { s3, bucket, clock, redactKeys } = cloud;
  const { deadline, ...rest } = options;
  const { signal } = deadline;
  const remedy = elsewhere(job, input);
  const pace = new Pace({ name: objectUrl(job), size: input.bytes, task: 'load this', remedy }, clock, deadline);
  for (const lines of input.inputs) lines.onBytes = (bytes) => pace.add(bytes);
  const key = workKey(job, BUILT_RDB);
  const output = createObject(s3, { bucket, key }, { signal, rewritable: true, memoryBytes: SENT_BYTES });
  try {
    const { keys, bytes } = await linesToRdb(input.inputs, output, { ...rest, signal, redactKeys });
    await output.commit();
    const lines = input.inputs.reduce((sum, each) => sum + each.lines, 0);
    return { lines, keys, files: input.inputs.length, bytes, warnings: input.warnings };
  } catch (error) {
    await output.leave();
    const begun = input.inputs.findLast((lines) => lines.begun);
    throw tooLarge(pace.explain((await begun?.explain(error)) ?? error), options.limits, remedy);
  }
}

/** What the limits of a function refuse is no fault of the lines. */
function tooLarge(error: unknown, { keyMemory }: LoadLimits, remedy: string): unknown {
  if (!(error instanceof InputError)) return error;
  const isLimit =
    error.code === 'JSON_TOO_LARGE' || (error.code === 'JSON_LINE_TOO_LONG' && keyMemory < 4 * MAX_LINE_BYTES);
  if (!isLimit) return error;
  const message = `a function of this size cannot load this: ${error.message}`;
  return new InputError('INPUT_TOO_LARGE', message, { where: error.where, remedy, cause: error });
}

/** What a function can't load, a terminal can. */
function elsewhere(job: AwsJob, { inputs: [first, ...others] }: LoadInput): string {
  const name = first?.name ?? objectUrl(job);
  const from = others.length === 0 ? name : `--recursive ${name.slice(0, name.lastIndexOf('/') + 1)}`;
  const files = others.length === 0 ? name.slice(name.lastIndexOf('/') + 1) : 'part-*';
  return `Give functions that load more (load.memory-mb, at most 10240, and load.timeout), or load it from a terminal: aws s3 cp ${from} . && keyferry load ${files}`;
}
