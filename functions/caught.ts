// What a state machine's Catch hands over, as the failure that it was.
import type { Failure } from '../lib/jobs/aws/failure.ts';

/** What `observed` throws: code, place, message and remedy in one text. */
const THROWN = /^([A-Z0-9_]+)(?: at (.+?))?: (.*)$/s;

/** Lambda's words for what was thrown: JSON with type and message; else the service's own. */
export function asFailure(
  caught: { Error?: string | null | undefined; Cause?: string | null | undefined } | undefined,
): Failure {
  const cause = caught?.Cause ?? '';
  const { errorType = caught?.Error ?? 'States.Unknown', errorMessage = cause } = asJson(cause);
  const [, code = errorType.replace(/^.*\./, ''), where = '', message = errorMessage] = THROWN.exec(errorMessage) ?? [];
  const remedy = 'It was tried again, in vain.';
  return { code, message: message || 'a step failed without a word.', where, remedy, damaged: false };
}

function asJson(text: string): { errorType?: string; errorMessage?: string } {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}
