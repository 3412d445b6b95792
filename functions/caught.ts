// What stopped an execution: what a step gave as its failure, or what a state machine's Catch hands over.
import * as z from 'zod';
import type { Failure } from '../lib/jobs/aws/failure.ts';

/** What `observed` throws: code, place, message and remedy in one text. */
const THROWN = /^([A-Z0-9_]+)(?: at (.+?))?: (.*)$/s;

const failure = z.object({
  ok: z.literal(false),
  code: z.string(),
  message: z.string(),
  where: z.string(),
  remedy: z.string(),
  damaged: z.boolean(),
});

/** What Catch hands over: the text is what Lambda says of the error that was thrown. */
export const caught = z.object({ Error: z.string().nullish(), Cause: z.string().nullish() });
type Caught = z.output<typeof caught>;

/** The first failure among what steps gave, the last step first. */
export const lastFailure = (...results: readonly unknown[]): Failure | undefined =>
  results.map((result) => failure.safeParse(result).data).find(Boolean);

/** What was thrown counts more than what a step gave before it. */
export const stoppedBy = (stopped: { caught?: Caught | undefined; given?: Failure | undefined }): Failure =>
  (stopped.caught === undefined ? stopped.given : undefined) ?? asFailure(stopped.caught);

/** Lambda's words for what was thrown: JSON with type and message; else the service's own. */
export function asFailure(caught: Caught | undefined): Failure {
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
