// The state machine that decodes files, as a plain value: claim, plan, map, finish, notify.
import { type Asl, choice, noChunks, Steps } from './states.ts';

/** What the machine calls, each by its ARN. */
export interface DecodeMachineParts {
  /** Functions. */
  readonly claim: string;
  readonly plan: string;
  readonly decodeChunk: string;
  readonly finish: string;
  readonly fail: string;
  /** An SNS topic. */
  readonly topic: string;
}

export interface DecodeMachineSettings {
  /** Chunks at work at once. */
  readonly concurrency: number;
  /** How long one call of a function may take at most, in seconds. */
  readonly timeoutSeconds: number;
}

/**
 * The definition of the machine. Its input is the detail of S3's "Object Created", or what StartExecution is given. Files
 * don't wait for each other: each has a folder of its own.
 *
 * @example JSON.stringify(decodeMachine(arns, { concurrency: 8, timeoutSeconds: 900 }))
 */
export function decodeMachine(parts: DecodeMachineParts, { concurrency, timeoutSeconds }: DecodeMachineSettings): Asl {
  const steps = new Steps({ mode: 'decode', target: '', timeoutSeconds });
  return {
    Comment: 'Decodes files to JSON Lines',
    StartAt: 'Claim',
    States: {
      ...steps.claim(parts.claim, 'Plan'),
      ...steps.plan(parts.plan, 'Keys?'),
      'Keys?': choice('Decode chunks', [[noChunks, 'Finish']]),
      'Decode chunks': steps.chunks('Decode', {
        ...{ worker: parts.decodeChunk, fail: parts.fail, concurrency, next: 'Finish' },
        item: { 'job.$': '$.claim.job' },
      }),
      Finish: steps.step(parts.finish, '$.end', 'Failure', 'Notify'),
      ...steps.ends(parts),
    },
  };
}
