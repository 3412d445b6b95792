// A failure on its way through a state machine: what a retry can help is thrown, anything else is data.
import { jobKey } from '../../checkpoint/dynamodb/jobs.ts';
import { textOf } from '../../checkpoint/dynamodb/table.ts';
import { InputError, KeyferryError } from '../../errors.ts';
import type { AwsJob, Cloud } from './job.ts';
import { messageOnAws, remedyOnAws } from './remedies.ts';

/** An error as data; empty where it says nothing. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly where: string;
  readonly remedy: string;
  /** The input itself is not in order: it is put into quarantine. */
  readonly damaged: boolean;
}

/** What the next try, some seconds later, may not meet. */
const PASSING = new Set([
  'CLUSTER_DOWN',
  'INPUT_READ',
  'OUTPUT_CONFLICT',
  'OUTPUT_WRITE',
  'SECRET_UNAVAILABLE',
  'SENTINEL_NO_MASTER',
  'SENTINEL_UNREACHABLE',
  'SOURCE_CLOSED',
  'SOURCE_NOT_READY',
  'SOURCE_SAVE_FAILED',
  'SOURCE_SLOTS_MOVED',
  'SOURCE_STALLED',
  'SOURCE_UNSTABLE',
  'STORE_UNAVAILABLE',
  'TARGET_CLIENTS',
  'TARGET_NOT_READY',
  'TARGET_UNREACHABLE',
]);

/** Of an input, and yet no damage in it. */
const NOT_DAMAGE = new Set([
  'CHUNK_TOO_SLOW',
  'INPUT_ARCHIVED',
  'INPUT_CHANGED',
  'INPUT_FORBIDDEN',
  'INPUT_NOT_FOUND',
  'INPUT_READ',
  'INPUT_TOO_LARGE',
  'INPUT_TOO_SLOW',
  'MANIFEST_INCOMPLETE',
  'MANIFEST_PART',
  'WORK_GONE',
]);

/** No retry helps: it is the file at its place that has to be another one. */
const FINAL = new Set(['DOOR_OTHER', 'INPUT_CHANGED', 'INPUT_TOO_SLOW', 'WORK_GONE']);

/** True when the job may be done once somebody has mended what was wrong. */
export const canRetry = ({ code, damaged }: Failure): boolean => !damaged && !FINAL.has(code);

/** True when the same call may work later. What is no error of the family may be anything, and is tried again. */
export const isPassing = (error: unknown): boolean => !(error instanceof KeyferryError) || PASSING.has(error.code);

export function asFailure(error: KeyferryError): Failure {
  const { code, message, where = '', remedy = '' } = error;
  const damaged = error instanceof InputError && !NOT_DAMAGE.has(code);
  return { code, message: messageOnAws(message), where, remedy: remedyOnAws(code, remedy), damaged };
}

/** One sentence, and what to do. */
export function describeFailure({ code, message, where, remedy }: Failure): string {
  return [`${where === '' ? code : `${code} at ${where}`}: ${message}`, remedy].filter(Boolean).join(' ');
}

const failureKey = ({ id, owner }: Pick<AwsJob, 'id' | 'owner'>) => ({ pk: jobKey(id).pk, sk: `failure#${owner}` });

/** Notes what ends the job, for its other workers and for its end. The first failure counts. */
export async function noteFailure(
  { table }: Cloud,
  job: Pick<AwsJob, 'id' | 'owner'>,
  failure: Failure,
): Promise<void> {
  await table.write({
    key: failureKey(job),
    update: 'SET #failure = if_not_exists(#failure, :failure), #expires = :expires',
    names: { '#failure': 'failure', '#expires': 'expires' },
    values: { ':failure': JSON.stringify(failure), ':expires': table.expires },
  });
}

/** What one of this execution's workers has met; `undefined` where all is well so far. */
export async function notedFailure({ table }: Cloud, job: Pick<AwsJob, 'id' | 'owner'>): Promise<Failure | undefined> {
  const text = textOf(await table.get(failureKey(job)), 'failure');
  return text === undefined ? undefined : (JSON.parse(text) as Failure);
}
