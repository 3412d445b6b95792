// Ends an execution that something stopped: what a step gave as its failure, or what was thrown too often. For an item of
// the map that kept failing it notes why: the others then return at once, and the end of the job tells it.
import * as z from 'zod';
import { endWithoutJob } from '../lib/jobs/aws/conclude.ts';
import { failJob } from '../lib/jobs/aws/fail.ts';
import { type Failure, noteFailure } from '../lib/jobs/aws/failure.ts';
import { openCloud } from './environment.ts';
import { failEvent, itemFailEvent } from './inputs.ts';
import { observed } from './runtime.ts';

export const handler = observed(
  'fail',
  z.union([itemFailEvent, failEvent]),
  async (event) => {
    if ('item' in event) {
      const failure = asFailure(event.caught);
      await noteFailure(openCloud(), event.item.job, failure);
      return endWithoutJob(`chunk ${event.item.n}`, failure);
    }
    const { caught, given, ...stopped } = event;
    const failure = (caught === undefined ? given : undefined) ?? asFailure(caught);
    return failJob(openCloud(), { ...stopped, failure });
  },
  (failure) => endWithoutJob('job', failure),
);

/** What `observed` throws: code, place, message and remedy in one text. */
const THROWN = /^([A-Z0-9_]+)(?: at (.+?))?: (.*)$/s;

/** Lambda's words for what was thrown: JSON with type and message; else the service's own. */
function asFailure(
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
