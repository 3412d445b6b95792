// The keys of a chunk that the target refused, kept for the report: their chunk stays open, so that a retry tries them again.
import type { Chunk } from '../../sources/rdb/plan.ts';
import type { Tally } from '../../targets/redis/tally.ts';
import type { AwsJob, Cloud } from './job.ts';
import { fromJson, toJson } from './json.ts';
import { readText, workKey, writeText } from './work.ts';

interface Refused {
  /** The execution whose worker met it. */
  readonly owner: string;
  readonly tally: Tally;
}

const keyOf = (job: AwsJob, { n }: Chunk): string => workKey(job, `refused/${n}.json`);

export async function writeRefused(cloud: Cloud, job: AwsJob, chunk: Chunk, tally: Tally): Promise<void> {
  await writeText(cloud, keyOf(job, chunk), toJson({ owner: job.owner, tally } satisfies Refused));
}

/** What became of the chunk's keys; `undefined` where no worker of this execution has left word. */
export async function readRefused(cloud: Cloud, job: AwsJob, chunk: Chunk): Promise<Tally | undefined> {
  const text = await readText(cloud, keyOf(job, chunk));
  if (text === undefined) return undefined;
  const { owner, tally } = fromJson<Refused>(text);
  return owner === job.owner ? tally : undefined;
}
