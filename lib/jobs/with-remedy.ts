// The same error with another remedy: one job's words for what to do are not another's.
import { ConnectionError, SourceError, TargetError } from '../errors.ts';

export function withRemedy(error: TargetError | SourceError, remedy: string | undefined): TargetError | SourceError {
  if (remedy === error.remedy) return error;
  const { code, message, where, cause } = error;
  const details = { where, remedy, cause };
  if (error instanceof SourceError) return new SourceError(code, message, details);
  return error instanceof ConnectionError
    ? new ConnectionError(code, message, details)
    : new TargetError(code, message, details);
}
