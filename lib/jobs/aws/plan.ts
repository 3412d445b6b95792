// Plans the RDB of a job: its chunks as lines that a Distributed Map reads, and the plan, whose file makes both valid.
// What one call can't finish, the next goes on with.
import { Crc64 } from '../../bytes/crc64.ts';
import { InputError } from '../../errors.ts';
import { type Plan, planSome, type SavedPlanning } from '../../sources/rdb/plan.ts';
import { formatChunk, formatPlan, type PlannedInput, parsePlan } from '../../sources/rdb/plan-files.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { detectFormat, FORMAT_HEAD_BYTES } from '../../storage/input-format.ts';
import { ReadAhead } from '../../storage/read-ahead.ts';
import { OutputError } from '../../storage/s3/output-error.ts';
import { createObject, type ObjectOutput, resumeObject, type SavedOutput } from '../../storage/s3/s3-output.ts';
import { type BackupSet, MANIFEST_ENDING, openSet, type Unpacked } from './backup/open-set.ts';
import { type SavedProof, SetProof } from './backup/set-proof.ts';
import type { AwsJob, Cloud, Deadline } from './job.ts';
import { fromJson, toJson } from './json.ts';
import { openUnpacked, UNPACKED, unpack, unpackedShard } from './unpack.ts';
import { BUILT_RDB, openInput, openWork, readText, workKey, writeText } from './work.ts';

/** Where a plan stands, and how much there is to do. */
export interface PlanPointer {
  readonly chunksBucket: string;
  readonly chunksKey: string;
  readonly chunks: number;
  readonly keys: number;
  readonly bytes: number;
}

/** A plan half made. */
interface SavedWork {
  readonly chunkBytes: number;
  readonly planning: SavedPlanning;
  readonly chunksCrc: bigint;
  readonly output: SavedOutput;
  /** Of a backup's set: that its files are those that were written. */
  readonly proof?: SavedProof | undefined;
}

/** No manifest is larger; bytes. */
const MOST_MANIFEST_BYTES = 16 * 1024 * 1024;

const PLAN = 'plan.json';
const CHUNKS = 'chunks.jsonl';
const STATE = 'plan-state.json';

/**
 * Goes on with the plan as far as the time allows.
 *
 * @returns the plan; `undefined` where it takes another call
 * @throws {InputError} when the input is not there, no RDB, damaged, or `INPUT_CHANGED`
 */
export async function planObject(
  cloud: Cloud,
  job: AwsJob,
  chunkBytes: number,
  deadline: Deadline,
): Promise<PlanPointer | undefined> {
  const opened = await openPlannable(cloud, job, deadline.signal, unpackingOne(cloud, job, deadline));
  if (opened === undefined) return undefined;
  const { input, set } = opened;
  try {
    const format = detectFormat(input.name, await input.read(0, Math.min(input.size, FORMAT_HEAD_BYTES)));
    const planned: PlannedInput = { pin: input.pin, format };
    const before = parsedPlan(await readText(cloud, workKey(job, PLAN)), planned, chunkBytes);
    if (before !== undefined) return pointer(cloud, job, before);
    const rdb = format === 'rdb' ? input : await openUnpacked(cloud, workKey(job, UNPACKED), input, deadline);
    try {
      return await planRest(cloud, job, { input: planned, rdb, set }, chunkBytes, deadline);
    } finally {
      await rdb.close();
    }
  } finally {
    await input.close();
  }
}

/** One file of a set a call, so that each has all the time that there is. */
function unpackingOne(cloud: Cloud, job: AwsJob, deadline: Deadline): Unpacked {
  let unpacked = false;
  return async (packed, index) => {
    const key = workKey(job, unpackedShard(index));
    const copy = await openWork(cloud, key);
    if (copy !== undefined || unpacked) return copy;
    unpacked = true;
    return unpack(cloud, key, packed, deadline);
  };
}

async function planRest(
  cloud: Cloud,
  job: AwsJob,
  { input, rdb, set }: { input: PlannedInput; rdb: ByteSource; set: BackupSet | undefined },
  chunkBytes: number,
  deadline: Deadline,
): Promise<PlanPointer | undefined> {
  const { s3, bucket } = cloud;
  const stateKey = workKey(job, STATE);
  const text = await readText(cloud, stateKey);
  let saved = text === undefined || text === '' ? undefined : fromJson<SavedWork>(text);
  if (saved?.chunkBytes !== chunkBytes || (set !== undefined && saved.proof === undefined)) saved = undefined;
  const options = { signal: deadline.signal, contentType: 'application/jsonl' };
  const output: ObjectOutput =
    saved === undefined
      ? createObject(s3, { bucket, key: workKey(job, CHUNKS) }, options)
      : resumeObject(s3, saved.output, options);
  const crc = new Crc64(saved?.chunksCrc);
  const ahead = new ReadAhead(rdb);
  const proof = set && (await SetProof.open(ahead, set.stretches(rdb), saved?.proof));
  try {
    const planned = await planSome(proof?.source ?? ahead, {
      from: saved?.planning,
      chunkBytes,
      outOfTime: deadline.outOfTime,
      signal: deadline.signal,
      onChunk: (chunk) => {
        const line = Buffer.from(formatChunk(chunk));
        crc.update(line);
        return output.write(line);
      },
    });
    if ('saved' in planned) {
      const work: SavedWork = {
        chunkBytes,
        planning: planned.saved,
        chunksCrc: crc.value,
        output: await output.save(),
        proof: proof?.save(),
      };
      await writeText(cloud, stateKey, toJson(work));
      return undefined;
    }
    await proof?.finish();
    await output.commit();
    await writeText(cloud, workKey(job, PLAN), formatPlan({ input, chunkBytes, plan: planned.plan }, crc.value));
    return pointer(cloud, job, planned.plan);
  } catch (error) {
    if (saved === undefined) await output.leave();
    else if (error instanceof OutputError && error.code === 'OUTPUT_UPLOAD_GONE') {
      // An earlier call gave the chunks their name, and died before the plan: it is made from the beginning.
      await writeText(cloud, stateKey, '');
      return undefined;
    }
    throw error;
  } finally {
    await ahead.close();
  }
}

function parsedPlan(text: string | undefined, { pin }: PlannedInput, chunkBytes: number): Plan | undefined {
  return text === undefined ? undefined : parsePlan(text, { pin, chunkBytes })?.plan;
}

function pointer({ bucket }: Cloud, job: AwsJob, { chunks, keys, bytes }: Plan): PlanPointer {
  return { chunksBucket: bucket, chunksKey: workKey(job, CHUNKS), chunks, keys, bytes };
}

/** A planned RDB, as the steps after the plan open it. */
export interface PlannedRdb {
  readonly input: PlannedInput;
  readonly plan: Plan;
  /** Size from which its chunks were closed. */
  readonly chunkBytes: number;
  /** The plain RDB that the plan's offsets speak of. */
  readonly source: ByteSource;
  /** The chunk index, read when it is needed. */
  chunksText(): Promise<string>;
  close(): Promise<void>;
}

/** @throws {InputError} `INPUT_CHANGED` where the input or its work files are no longer what was planned */
export async function openPlanned(
  cloud: Cloud,
  job: AwsJob,
  chunkBytes: number,
  deadline: Deadline,
): Promise<PlannedRdb> {
  const { input } = (await openPlannable(cloud, job, deadline.signal, (_, index) =>
    openWorkSource(cloud, job, unpackedShard(index)),
  )) as Plannable;
  try {
    const parsed = parsePlan((await readText(cloud, workKey(job, PLAN))) ?? '{}', { pin: input.pin, chunkBytes });
    if (parsed === undefined) throw workGone(job, PLAN);
    const source = parsed.input.format === 'rdb' ? input : await openWorkSource(cloud, job, UNPACKED);
    return {
      input: parsed.input,
      plan: parsed.plan,
      chunkBytes,
      source,
      chunksText: async () => {
        const text = await readText(cloud, workKey(job, CHUNKS));
        if (text === undefined) throw workGone(job, CHUNKS);
        return text;
      },
      close: async () => {
        await source.close();
        await input.close();
      },
    };
  } catch (error) {
    await input.close();
    throw error;
  }
}

interface Plannable {
  readonly input: ByteSource;
  readonly set: BackupSet | undefined;
}

/**
 * The job's object; where that holds lines, the RDB that was built of them; where it is a manifest, the set's.
 *
 * @returns `undefined` where `unpacked` had no time
 */
async function openPlannable(
  cloud: Cloud,
  job: AwsJob,
  signal: AbortSignal,
  unpacked: Unpacked,
): Promise<Plannable | undefined> {
  const input = await openInput(cloud, job, signal);
  const isManifest = job.mode === 'restore' && job.key.endsWith(MANIFEST_ENDING);
  if (job.mode !== 'load' && !isManifest) return { input, set: undefined };
  const text = isManifest ? await textOf(input) : '';
  await input.close();
  if (!isManifest) return { input: await openWorkSource(cloud, job, BUILT_RDB), set: undefined };
  const set = await openSet(cloud, text, input.name, unpacked);
  return set && { input: set.source, set };
}

const textOf = async (source: ByteSource): Promise<string> =>
  (await source.read(0, Math.min(source.size, MOST_MANIFEST_BYTES))).toString('utf8');

async function openWorkSource(cloud: Cloud, job: AwsJob, name: string): Promise<ByteSource> {
  const source = await openWork(cloud, workKey(job, name));
  if (source === undefined) throw workGone(job, name);
  return source;
}

const workGone = (job: AwsJob, name: string) =>
  new InputError('WORK_GONE', 'a work file of this job is not there, or not of this plan.', {
    where: workKey(job, name),
    remedy: 'They are kept as many days as retention.work says. Copy the file to its place again: that is a new job.',
  });
