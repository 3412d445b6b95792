// Ends a decode: parts against the plan, manifest, report, tags, record.
import { endWithoutJob } from '../lib/jobs/aws/conclude.ts';
import { finishDecode } from '../lib/jobs/aws/decode-finish.ts';
import { decodeContext } from './decode-context.ts';
import { jobEvent } from './inputs.ts';
import { observed } from './runtime.ts';

export const handler = observed(
  'decode-finish',
  jobEvent,
  ({ job }, deadline) => finishDecode(decodeContext(job, deadline), job),
  (failure) => endWithoutJob('decode', failure),
);
