// What a failed write to S3 means, and what to do about it.
import { OutputError } from '../../errors.ts';
import { asAwsFailure, isElsewhere, isForbidden } from './aws-failure.ts';

export { OutputError } from '../../errors.ts';

type Report = readonly [code: string, message: string, remedy: string];

const REPORTS: Readonly<Record<string, Report>> = {
  NoSuchBucket: ['OUTPUT_NOT_FOUND', 'there is no such bucket.', 'Check its name, or make it.'],
  NoSuchUpload: [
    'OUTPUT_UPLOAD_GONE',
    'the upload of its parts was ended by somebody else.',
    'A lifecycle rule or another run did it. Write the object anew.',
  ],
  PreconditionFailed: ['OUTPUT_EXISTS', 'there is an object of that name.', 'Name another one, or remove it first.'],
  ConditionalRequestConflict: [
    'OUTPUT_CONFLICT',
    'another writer is at work on an object of that name.',
    'Wait until it is done, then run the same command again.',
  ],
};

const FORBIDDEN_REMEDY = 'Look at the credentials and the policies of role, bucket and KMS key.';
const RETRY_REMEDY = 'Run the same command again.';

export function asOutputError(where: string, cause: unknown): OutputError {
  if (cause instanceof OutputError) return cause;
  const { name, message } = asAwsFailure(cause);
  const known = REPORTS[name];
  if (known !== undefined) return new OutputError(known[0], known[1], { where, remedy: known[2], cause });
  if (isForbidden(cause)) {
    const text = `the object may not be written: ${message}.`;
    return new OutputError('OUTPUT_FORBIDDEN', text, { where, remedy: FORBIDDEN_REMEDY, cause });
  }
  const why = isElsewhere(cause) ? 'its bucket is in another region' : message;
  const remedy = isElsewhere(cause) ? 'Name the bucket’s region.' : RETRY_REMEDY;
  return new OutputError('OUTPUT_WRITE', `the object cannot be written: ${why}.`, { where, remedy, cause });
}
