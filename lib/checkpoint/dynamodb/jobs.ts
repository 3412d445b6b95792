// Jobs on AWS as records: claimed once for each version of an object, ended once, listed for people.
import { createHash } from 'node:crypto';
import { type Item, type Table, textOf } from './table.ts';

/** What a job works on: one version of an object. */
export interface ClaimedObject {
  readonly bucket: string;
  readonly key: string;
  /** The version's id; where the bucket keeps none, the event's sequencer or the entity tag. */
  readonly version: string;
}

export type JobState = 'running' | 'succeeded' | 'failed';

export interface JobRecord {
  readonly id: string;
  readonly state: JobState;
  /** Who works on it: the execution. */
  readonly owner: string;
  readonly object: ClaimedObject;
  /** Unix ms. */
  readonly createdAt: number;
  readonly changedAt: number;
  /** What the claimer noted of it, such as mode and target. */
  readonly notes: Readonly<Record<string, string>>;
  /** What its end left: JSON of the report or of the error. */
  readonly outcome: string | undefined;
}

export interface Claim {
  object: ClaimedObject;
  owner: string;
  /** Lets a failed job be done again, once for each token. */
  retryToken?: string | undefined;
  notes?: Readonly<Record<string, string>>;
}

/** The id of the job for an object, safe in names and URLs. */
export function jobIdOf({ bucket, key, version }: ClaimedObject): string {
  return createHash('sha256')
    .update(JSON.stringify([bucket, key, version]))
    .digest('hex')
    .slice(0, 32);
}

export const jobKey = (id: string) => ({ pk: `job#${id}`, sk: 'job' });

const NAMES = {
  '#state': 'state',
  '#owner': 'owner',
  '#changedAt': 'changedAt',
  '#expires': 'expires',
};

/**
 * Claims an object: of all that try, one wins. The winner, tried again, wins again. A failed job is won by who brings a
 * token that it was not yet retried with.
 *
 * @returns the record as it stands, the winner's or the other's
 */
export async function claimJob(table: Table, claim: Claim): Promise<{ won: boolean; job: JobRecord }> {
  const { object, owner, retryToken, notes = {} } = claim;
  const now = table.clock.now();
  const again =
    retryToken === undefined ? '' : ' OR (#state = :failed AND (attribute_not_exists(#token) OR #token <> :token))';
  const written = await table.write({
    key: jobKey(jobIdOf(object)),
    update:
      'SET #state = :running, #owner = :owner, #changedAt = :now, #expires = :expires, #createdAt = if_not_exists(#createdAt, :now), #object = :object, #notes = :notes, #listed = :job' +
      `${retryToken === undefined ? '' : ', #token = :token'} REMOVE #outcome`,
    condition: `attribute_not_exists(pk) OR (#state = :running AND #owner = :owner)${again}`,
    names: {
      ...NAMES,
      '#createdAt': 'createdAt',
      '#object': 'object',
      '#notes': 'notes',
      '#listed': 'listed',
      '#outcome': 'outcome',
      ...(retryToken === undefined ? {} : { '#token': 'token' }),
    },
    values: {
      ':running': 'running',
      ':owner': owner,
      ':now': now,
      ':expires': table.expires,
      ':object': JSON.stringify(object),
      ':notes': JSON.stringify(notes),
      ':job': 'job',
      ...(retryToken === undefined ? {} : { ':token': retryToken, ':failed': 'failed' }),
    },
  });
  return written.done
    ? { won: true, job: asJob(written.item) }
    : { won: false, job: asJob(written.refused[0] as Item) };
}

/**
 * Ends a job that the owner still has.
 *
 * @param outcome JSON of the report or the error
 * @returns false when it is another's by now, or was ended otherwise
 */
export async function endJob(
  table: Table,
  id: string,
  owner: string,
  state: 'succeeded' | 'failed',
  outcome: string,
): Promise<boolean> {
  const { done } = await table.write({
    key: jobKey(id),
    update: 'SET #state = :state, #outcome = :outcome, #changedAt = :now, #expires = :expires',
    condition: '#owner = :owner AND (#state = :running OR #state = :state)',
    names: { ...NAMES, '#outcome': 'outcome' },
    values: {
      ':state': state,
      ':outcome': outcome,
      ':now': table.clock.now(),
      ':expires': table.expires,
      ':owner': owner,
      ':running': 'running',
    },
  });
  return done;
}

export async function readJob(table: Table, id: string): Promise<JobRecord | undefined> {
  const item = await table.get(jobKey(id));
  return item === undefined ? undefined : asJob(item);
}

/** The jobs, newest first. The index lags behind the records by moments. */
export async function* listJobs(table: Table): AsyncGenerator<JobRecord, void, undefined> {
  const jobs = table.query({
    IndexName: 'jobs',
    KeyConditionExpression: 'listed = :job',
    ExpressionAttributeValues: { ':job': { S: 'job' } },
    ScanIndexForward: false,
  });
  for await (const item of jobs) yield asJob(item);
}

function asJob(item: Item): JobRecord {
  return {
    id: (textOf(item, 'pk') ?? '').slice('job#'.length),
    state: textOf(item, 'state') as JobState,
    owner: textOf(item, 'owner') ?? '',
    object: JSON.parse(textOf(item, 'object') ?? '{}') as ClaimedObject,
    createdAt: Number(item.createdAt?.N),
    changedAt: Number(item.changedAt?.N),
    notes: JSON.parse(textOf(item, 'notes') ?? '{}') as Record<string, string>,
    outcome: textOf(item, 'outcome'),
  };
}
