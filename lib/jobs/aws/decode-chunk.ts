// Decodes one chunk of a job into its part: an item of the map. Safe to run again, also at the same time: a part appears
// whole or not at all, and written again it is the same.
import { InputError, KeyferryError, RdbError } from '../../errors.ts';
import type { Chunk } from '../../sources/rdb/plan.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { proveRecord } from '../../targets/redis/record-parts.ts';
import { type ChunkStep, PASSED } from './chunk-step.ts';
import { firstDamage, noteDamage, PartLedger, partsFolder, writeDamaged } from './decode-parts.ts';
import { type DecodeContext, openRun, type PartOf, writePart } from './decode-steps.ts';
import { asFailure, isPassing, notedFailure, noteFailure } from './failure.ts';
import type { AwsJob, Cloud } from './job.ts';
import { openPlanned } from './plan.ts';
import { openWork } from './work.ts';

const SALVAGE =
  'Put another copy of the file to its place; or the same one, with {"salvage": true} in FILE.keyferry.json beside it: such values are left out then, and named.';

/** Another run has the job by now. */
const CUT_OFF = 'JOB_NOT_OWNED';

/**
 * Writes the chunk's part. What ends the job is noted in the table, and the chunk then counts as dealt with. Damage ends
 * it for the chunks behind it only: the parts before it are a result.
 *
 * @throws what another try may not meet
 */
export async function decodeChunk(context: DecodeContext, job: AwsJob, chunk: Chunk): Promise<ChunkStep> {
  const { cloud, deadline } = context;
  if ((await notedFailure(cloud, job)) !== undefined || (await firstDamage(cloud, job)) < chunk.n) return PASSED;
  try {
    return await decodeInto(context, job, chunk);
  } catch (error) {
    const failure = deadline.signal.aborted ? tooSlow(chunk, job) : error;
    if (!(failure instanceof KeyferryError) || isPassing(failure)) throw failure;
    // A worker that was cut off says nothing of the job, which may well go on without it.
    if (failure.code !== CUT_OFF) await noteFailure(cloud, job, asFailure(failure));
    return { ...PASSED, failed: true };
  }
}

async function decodeInto(context: DecodeContext, job: AwsJob, chunk: Chunk): Promise<ChunkStep> {
  const { cloud, chunkBytes, deadline } = context;
  const run = await openRun(context, job);
  const ledger = new PartLedger(cloud, job, run.terms, chunkBytes);
  const before = await ledger.read(chunk.n);
  if (before !== undefined && before.failure === undefined && (await isThere(cloud, job, before))) return PASSED;
  const planned = await openPlanned(cloud, job, chunkBytes, deadline);
  try {
    const part = { planned, run, chunk };
    const failure = await writeWhole(context, job, part, ledger);
    if (failure !== undefined) {
      // Damage that is in the file, and not in what came of it just now.
      await proveRecord({ ...chunk, source: planned.source }, deadline.signal);
      const { facts } = await writePart(context, job, part, { upToDamage: true });
      await ledger.write(chunk.n, { ...facts, failure: { ...asFailure(failure), remedy: SALVAGE } });
      await noteDamage(cloud, job, chunk.n);
      return { ...PASSED, keys: facts.keys, failed: true };
    }
    return { done: true, keys: chunk.keys, bytes: chunk.end - chunk.start, ended: true, failed: false };
  } finally {
    await planned.close();
  }
}

/** @returns the damage of a value */
async function writeWhole(
  context: DecodeContext,
  job: AwsJob,
  part: PartOf & { readonly chunk: Chunk },
  ledger: PartLedger,
): Promise<RdbError | undefined> {
  const { n } = part.chunk;
  try {
    const { facts, damaged } = await writePart(context, job, part);
    if (damaged.length > 0) await writeDamaged(context.cloud, job, n, damaged);
    await ledger.write(n, facts);
    return undefined;
  } catch (error) {
    if (error instanceof RdbError) return error;
    throw error;
  }
}

/** Whether a part that was written still lies there: people may have cleared results since. */
async function isThere(cloud: Cloud, job: AwsJob, { file, bytes }: { file: string; bytes: number }): Promise<boolean> {
  const part = await openWork(cloud, partsFolder(job) + file);
  await part?.close();
  return part?.size === bytes;
}

const tooSlow = ({ n, keys, start, end }: Chunk, job: AwsJob) =>
  new InputError(
    'CHUNK_TOO_SLOW',
    `chunk ${n} (keys: ${keys}, bytes: ${end - start}) was cut off: a function has not time enough for it.`,
    {
      where: objectUrl(job),
      remedy: `Decode the file in a terminal: aws s3 cp s3://${job.bucket}/${job.key} . && keyferry decode, or give functions more time (decode.timeout).`,
    },
  );
