// Ends an execution that something stopped: what a step gave as its failure, or what was thrown too often. For an item of
// the map that kept failing it notes why: the others then return at once, and the end of the job tells it.
import * as z from 'zod';
import { endWithoutJob } from '../lib/jobs/aws/conclude.ts';
import { failJob } from '../lib/jobs/aws/fail.ts';
import { noteFailure } from '../lib/jobs/aws/failure.ts';
import { asFailure, stoppedBy } from './caught.ts';
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
    const { request, job } = event;
    return failJob(openCloud(), { request, job, failure: stoppedBy(event) });
  },
  (failure) => endWithoutJob('job', failure),
);
