// The end of a decode on AWS: is every key in a part, or accounted for? Then the manifest, which makes the parts a result.
import { KeyferryError } from '../../errors.ts';
import type { Plan } from '../../sources/rdb/plan.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { formatCount } from '../../text/count.ts';
import { type ManifestPart, manifestKey, manifestText, newManifest } from '../decode-manifest.ts';
import type { DamagedValue } from '../record-decoder.ts';
import { conclude, type End } from './conclude.ts';
import { firstDamage, manifestKeyOf, type PartFacts, PartLedger, partsFolder, readDamaged } from './decode-parts.ts';
import { type DecodeContext, type DecodeRun, openRun, writePart } from './decode-steps.ts';
import { asFailure, type Failure, isPassing, notedFailure } from './failure.ts';
import { failed } from './finish.ts';
import { type AwsJob, type Cloud, chunkLeft } from './job.ts';
import { openPlanned } from './plan.ts';
import { removeOthers } from './remove-others.ts';
import { writeText } from './work.ts';

/** What all parts hold together. */
class Sum {
  readonly parts: ManifestPart[] = [];
  readonly damaged: DamagedValue[] = [];
  keys = 0;
  filtered = 0;
  omitted = 0;
  lines = 0;
  jsonBytes = 0;
  bytes = 0;
  readonly unwritten = new Map<string, number>();
  readonly lossy = new Map<string, number>();
  failure: Failure | undefined;

  add(facts: PartFacts, source: string, damaged: readonly DamagedValue[]): void {
    const { file, keys, lines, jsonBytes, bytes, sha256, failure } = facts;
    this.parts.push({ file, source, keys, lines, jsonBytes, bytes, sha256, complete: failure === undefined });
    this.keys += keys;
    this.filtered += facts.filtered;
    this.omitted += facts.omitted;
    this.lines += lines;
    this.jsonBytes += jsonBytes;
    this.bytes += bytes;
    this.damaged.push(...damaged);
    this.failure ??= failure;
    for (const [all, some] of [
      [this.unwritten, facts.unwritten],
      [this.lossy, facts.lossy],
    ] as const) {
      for (const [what, count] of Object.entries(some)) all.set(what, (all.get(what) ?? 0) + count);
    }
  }

  /** Keys that became something. */
  get accounted(): number {
    return this.keys + this.filtered + this.omitted + this.damaged.length;
  }
}

/** @throws what another try may not meet; all else is in the {@link End} */
export async function finishDecode(context: DecodeContext, job: AwsJob): Promise<End> {
  const { cloud } = context;
  try {
    const failure = await notedFailure(cloud, job);
    return failure === undefined ? await finish(context, job) : await failed(cloud, job, failure);
  } catch (error) {
    if (!(error instanceof KeyferryError) || isPassing(error)) throw error;
    return failed(cloud, job, asFailure(error));
  }
}

async function finish(context: DecodeContext, job: AwsJob): Promise<End> {
  const { cloud, chunkBytes, deadline } = context;
  const run = await openRun(context, job);
  const planned = await openPlanned(cloud, job, chunkBytes, deadline);
  try {
    const { plan } = planned;
    const sum = new Sum();
    if (plan.chunks === 0) {
      const { facts, damaged } = await writePart(context, job, { planned, run, chunk: undefined });
      sum.add(facts, objectUrl(job), damaged);
    } else {
      await addParts(context, job, run, plan, sum);
    }
    if (sum.failure === undefined && sum.accounted !== plan.keys) {
      throw new Error(`${plan.keys} keys were planned, ${sum.accounted} are accounted for`);
    }
    // Whoever reads the folder reads all that lies there, what an earlier run has left too.
    await removeOthers(cloud, partsFolder(job), new Set(sum.parts.map(({ file }) => file)));
    const warnings = warningsOf(job, plan, sum);
    await writeText(cloud, manifestKeyOf(job), manifestOf(cloud, job, run, plan, sum, warnings));
    return await told(cloud, job, run, plan, sum, warnings);
  } finally {
    await planned.close();
  }
}

/** Adds the parts in order, up to the one that damage has cut off. */
async function addParts(
  { cloud, chunkBytes }: DecodeContext,
  job: AwsJob,
  run: DecodeRun,
  plan: Plan,
  sum: Sum,
): Promise<void> {
  const last = Math.min(await firstDamage(cloud, job), plan.chunks - 1);
  const name = objectUrl(job);
  for await (const facts of new PartLedger(cloud, job, run.terms, chunkBytes).all()) {
    if (facts.n > last) break;
    if (facts.n !== sum.parts.length) throw chunkLeft(job, sum.parts.length);
    sum.add(facts, name, facts.damaged === 0 ? [] : await readDamaged(cloud, job, facts.n));
  }
  if (sum.parts.length <= last) throw chunkLeft(job, sum.parts.length);
}

/** In the words of the terminal's decode. */
function warningsOf(job: AwsJob, { tail }: Plan, { unwritten, lossy }: Sum): string[] {
  const name = objectUrl(job);
  return [
    ...[...lossy].map(([what, count]) => `${name}: this shape has no place for ${what} (${count} ×).`),
    ...[...unwritten].map(([what, count]) => `${name} holds ${what} (${count} ×), which has no line.`),
    ...(tail === undefined ? [] : [`${name}: ${tail.bytes} bytes behind the RDB were not decoded.`]),
  ];
}

function manifestOf(
  { bucket }: Cloud,
  job: AwsJob,
  { terms }: DecodeRun,
  { bytes, dialect, version }: Plan,
  sum: Sum,
  warnings: readonly string[],
): string {
  const { parts, keys, filtered, lines, jsonBytes, damaged, failure } = sum;
  const name = objectUrl(job);
  return manifestText(
    newManifest({
      complete: failure === undefined,
      location: objectUrl({ bucket, key: partsFolder(job) }),
      shape: terms.shape,
      ...{ keys, filtered, lines, jsonBytes },
      // As in a terminal: a file that was not read to its end is not among them.
      files: failure === undefined ? [{ name, bytes, rdb: `${dialect} ${version}` }] : [],
      parts,
      damaged: damaged.map((value) => ({ file: name, ...value, key: manifestKey(value.key) })),
      warnings,
      error: failure === undefined ? null : { code: failure.code, message: failure.message, where: failure.where },
    }),
  );
}

async function told(
  cloud: Cloud,
  job: AwsJob,
  { terms, now }: DecodeRun,
  plan: Plan,
  sum: Sum,
  warnings: readonly string[],
): Promise<End> {
  const { keys, filtered, omitted, damaged, lines, jsonBytes, bytes, parts, failure } = sum;
  const seconds = Math.round((cloud.clock.now() - now) / 100) / 10;
  const manifest = objectUrl({ bucket: cloud.bucket, key: manifestKeyOf(job) });
  const counts = `${formatCount(keys)} of ${formatCount(plan.keys)} keys are in ${parts.length} ${parts.length === 1 ? 'part' : 'parts'}`;
  const others = `filtered ${formatCount(filtered)}, without a place in this shape ${formatCount(omitted)}, damaged ${formatCount(damaged.length)}`;
  const partly = damaged.length > 0 || plan.tail !== undefined;
  const tail = plan.tail === undefined ? '' : ` ${formatCount(plan.tail.bytes)} bytes behind the RDB were not decoded.`;
  const stopped =
    failure === undefined
      ? ''
      : `The decode stopped at damage. ${failure.code} at ${failure.where}: ${failure.message} ${failure.remedy} `;
  return conclude(cloud, job, {
    failure,
    summary: `${stopped}${counts}; ${others}. Manifest: ${manifest}. It took ${seconds} s.${tail}`,
    told: failure === undefined && partly ? 'succeeded in part' : undefined,
    report: {
      outcome: failure !== undefined ? 'stopped' : partly ? 'partial' : 'complete',
      rdb: `${plan.dialect} ${plan.version}`,
      planned: { keys: plan.keys, bytes: plan.bytes, chunks: plan.chunks },
      keys: { written: keys, filtered, omitted, damaged: damaged.length },
      output: { manifest, shape: terms.shape, pack: terms.pack, parts: parts.length, lines, jsonBytes, bytes },
      tail: plan.tail ?? null,
      warnings,
      seconds,
    },
  });
}
