// The parts of a decode on AWS: where they lie, what is in them, and where the first damage is; all of it in the table, so
// that any number of workers write parts side by side.
import { jobKey } from '../../checkpoint/dynamodb/jobs.ts';
import { numberOf, type Table, textOf } from '../../checkpoint/dynamodb/table.ts';
import { MANIFEST_FILE, partName } from '../decode-manifest.ts';
import type { DamagedValue, DecodeTally } from '../record-decoder.ts';
import type { DecodeTerms } from './decode-options.ts';
import type { Failure } from './failure.ts';
import type { AwsJob, Cloud } from './job.ts';
import { fromJson, toJson } from './json.ts';
import { readText, workKey, writeText } from './work.ts';

/** What one part holds. */
export interface PartFacts extends Omit<DecodeTally, 'damaged' | 'bytes'> {
  /** Its file in the folder of the parts. */
  readonly file: string;
  /** Values that are left out; they are named in a work file. */
  readonly damaged: number;
  readonly jsonBytes: number;
  /** Of the file. */
  readonly bytes: number;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** What has no line, and what the shape has no place for, in words, with how often. */
  readonly unwritten: Readonly<Record<string, number>>;
  readonly lossy: Readonly<Record<string, number>>;
  /** The damage that the part ends before. */
  readonly failure?: Failure | undefined;
}

/** The folder of a job's parts and manifest. */
export const partsFolder = ({ key, version }: AwsJob): string => `results/${key}/${version}/`;
export const manifestKeyOf = (job: AwsJob): string => `${partsFolder(job)}${MANIFEST_FILE}`;
export const partFile = (n: number, { shape, pack }: DecodeTerms): string => partName(n, shape, pack);

/** Parts that were made on other terms are no parts of this job. */
const termsText = (terms: DecodeTerms, chunkBytes: number): string =>
  JSON.stringify(Object.entries({ ...terms, chunkBytes }).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Of the same length for all parts: the table sorts them as texts. */
const PART = 'part#';
const factsKey = ({ id }: AwsJob, n: number) => ({ pk: jobKey(id).pk, sk: PART + String(n).padStart(10, '0') });
const damageKey = ({ id, owner }: AwsJob) => ({ pk: jobKey(id).pk, sk: `damage#${owner}` });

/** The facts of a job's parts, on one set of terms. */
export class PartLedger {
  readonly #cloud: Cloud;
  readonly #job: AwsJob;
  readonly #terms: string;

  constructor(cloud: Cloud, job: AwsJob, terms: DecodeTerms, chunkBytes: number) {
    this.#cloud = cloud;
    this.#job = job;
    this.#terms = termsText(terms, chunkBytes);
  }

  async read(n: number): Promise<PartFacts | undefined> {
    return this.#factsOf(await this.#cloud.table.get(factsKey(this.#job, n)));
  }

  /** All parts in order, page by page. */
  async *all(): AsyncGenerator<PartFacts & { readonly n: number }, void, undefined> {
    const items = this.#cloud.table.query({ ConsistentRead: true, ...partsOf(this.#job.id) });
    for await (const item of items) {
      const facts = this.#factsOf(item);
      if (facts !== undefined) yield { ...facts, n: Number(textOf(item, 'sk')?.slice(PART.length)) };
    }
  }

  async write(n: number, facts: PartFacts): Promise<void> {
    const { table } = this.#cloud;
    await table.write({
      key: factsKey(this.#job, n),
      update: 'SET #terms = :terms, #facts = :facts, #expires = :expires',
      names: { '#terms': 'terms', '#facts': 'facts', '#expires': 'expires' },
      values: { ':terms': this.#terms, ':facts': JSON.stringify(facts), ':expires': table.expires },
    });
  }

  #factsOf(item: Parameters<typeof textOf>[0]): PartFacts | undefined {
    if (textOf(item, 'terms') !== this.#terms) return undefined;
    return JSON.parse(textOf(item, 'facts') as string) as PartFacts;
  }
}

/** How many parts of a job there are by now, on whatever terms: for who watches it. */
export async function countParts(table: Table, id: string): Promise<number> {
  let count = 0;
  for await (const _ of table.query(partsOf(id))) count++;
  return count;
}

const partsOf = (id: string) => ({
  KeyConditionExpression: 'pk = :pk AND begins_with(sk, :part)',
  ExpressionAttributeValues: { ':pk': { S: jobKey(id).pk }, ':part': { S: PART } },
});

/** Notes that a chunk is damaged: what stands behind it need not be decoded. The first one in the file counts. */
export async function noteDamage({ table }: Cloud, job: AwsJob, n: number): Promise<void> {
  await table.write({
    key: damageKey(job),
    update: 'SET #chunk = :chunk, #expires = :expires',
    condition: 'attribute_not_exists(#chunk) OR #chunk >= :chunk',
    names: { '#chunk': 'chunk', '#expires': 'expires' },
    values: { ':chunk': n, ':expires': table.expires },
  });
}

/** The first chunk that this execution has found damaged; infinite where there is none. */
export async function firstDamage({ table }: Cloud, job: AwsJob): Promise<number> {
  const item = await table.get(damageKey(job));
  return item === undefined ? Number.POSITIVE_INFINITY : numberOf(item, 'chunk');
}

const salvagedKey = (job: AwsJob, n: number): string => workKey(job, `damaged/${n}.json`);

/** Names the values that a part leaves out: they may be too many for a record of the table. */
export async function writeDamaged(
  cloud: Cloud,
  job: AwsJob,
  n: number,
  damaged: readonly DamagedValue[],
): Promise<void> {
  await writeText(cloud, salvagedKey(job, n), toJson(damaged));
}

export async function readDamaged(cloud: Cloud, job: AwsJob, n: number): Promise<readonly DamagedValue[]> {
  return fromJson<DamagedValue[]>((await readText(cloud, salvagedKey(job, n))) ?? '[]');
}
