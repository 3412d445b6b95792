// What a failed call to the table means, and what to do about it.
import { StoreError } from '../../errors.ts';
import { asAwsFailure, isForbidden, isTransient } from '../../storage/s3/aws-failure.ts';

export { StoreError } from '../../errors.ts';

export function asStoreError(table: string, cause: unknown): StoreError {
  const where = `table ${table}`;
  const { name, message } = asAwsFailure(cause);
  if (name === 'ResourceNotFoundException') {
    const remedy = 'Check its name and region; the stack makes it: cdk deploy';
    return new StoreError('STORE_NOT_FOUND', 'there is no such table.', { where, remedy, cause });
  }
  if (isForbidden(cause)) {
    const remedy = 'Look at the credentials and the policies of role, table and KMS key.';
    return new StoreError('STORE_FORBIDDEN', `the table may not be used: ${message}.`, { where, remedy, cause });
  }
  if (isTransient(cause)) {
    const remedy = 'Nothing is lost: run it again, and it goes on from here.';
    return new StoreError('STORE_UNAVAILABLE', `the table does not answer: ${message}.`, { where, remedy, cause });
  }
  return new StoreError('STORE_FAILED', `the table cannot be used: ${message}.`, { where, cause });
}
