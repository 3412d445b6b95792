// The state machine that restores files into one target, as a plain value: claim, lease, plan, prepare, map, finish, notify.
//
// Each function gets the whole state, in which only pointers pass, and adds its answer to it. What a retry can help is
// thrown by a function and retried here; what it cannot is returned as {ok: false}. Choice and Wait read only what the
// function before them is sure to have answered (functions/answers.ts).

/** What the machine calls, each by its ARN. */
export interface RestoreMachineParts {
  /** Functions. */
  readonly claim: string;
  readonly lease: string;
  readonly plan: string;
  readonly prepare: string;
  readonly restoreChunk: string;
  readonly finish: string;
  readonly fail: string;
  /** An SNS topic. */
  readonly topic: string;
}

export interface RestoreMachineSettings {
  /** The target's name, as in `restore/NAME/`. */
  readonly target: string;
  /** Chunks at work at once. */
  readonly concurrency: number;
  /** How long one call of a function may take at most, in seconds. */
  readonly timeoutSeconds: number;
}

/** A state or a part of one, in Amazon States Language. */
export type Asl = { readonly [field: string]: AslValue };
type AslValue = string | number | boolean | null | Asl | readonly AslValue[];

/** Beyond a function's own timeout: so long a task may wait for Lambda. */
const GRACE_SECONDS = 60;

/** A function that failed is called again, later and later, for some four minutes: a restarted server is back by then. */
const RETRY: readonly Asl[] = [
  // The account's concurrency is used up: that passes, and says nothing about the job.
  retry('Lambda.TooManyRequestsException', 20),
  retry('States.TaskFailed', 8),
];

function retry(error: string, MaxAttempts: number): Asl {
  return {
    ErrorEquals: [error],
    ...{ IntervalSeconds: 2, BackoffRate: 2, MaxDelaySeconds: 60, MaxAttempts, JitterStrategy: 'FULL' },
  };
}

const caughtBy = (Next: string): readonly Asl[] => [{ ErrorEquals: ['States.ALL'], ResultPath: '$.caught', Next }];

/**
 * The definition of a target's machine. Its input is the detail of S3's "Object Created", or what StartExecution is given.
 *
 * @example JSON.stringify(restoreMachine(arns, { target: 'cache', concurrency: 4, timeoutSeconds: 900 }))
 */
export function restoreMachine(parts: RestoreMachineParts, settings: RestoreMachineSettings): Asl {
  const call = (Resource: string, ResultPath: string | null, onError: string, Next: string): Asl => ({
    ...{ Type: 'Task', Resource, ResultPath, TimeoutSeconds: settings.timeoutSeconds + GRACE_SECONDS },
    ...{ Retry: RETRY, Catch: caughtBy(onError), Next },
  });
  const payload = {
    'execution.$': '$$.Execution.Id',
    'since.$': '$$.Execution.StartTime',
    ...{ target: settings.target, mode: 'restore', 'state.$': '$' },
  };
  /** Calls a function with the whole state; what it returns is added to that. */
  const step = (resource: string, resultPath: string | null, onError: string, next: string): Asl => ({
    ...call(resource, resultPath, onError, next),
    Parameters: payload,
  });
  return {
    Comment: `Restores files into ${settings.target}`,
    StartAt: 'Claim',
    States: {
      Claim: step(parts.claim, '$.claim', 'Failure', 'Claimed?'),
      'Claimed?': choice('Failure', [
        [isTrue('$.claim.proceed'), 'Lease'],
        [isTrue('$.claim.ok'), 'Nothing to do'],
      ]),
      'Nothing to do': { Type: 'Succeed', Comment: 'Another execution has the file, or it is none to restore' },
      Lease: step(parts.lease, '$.lease', 'Failure', 'Held?'),
      'Held?': choice('Wait for the target', [[isTrue('$.lease.held'), 'Plan']]),
      'Wait for the target': { Type: 'Wait', SecondsPath: '$.lease.waitSeconds', Next: 'Lease' },
      Plan: step(parts.plan, '$.plan', 'Failure', 'Planned?'),
      // A long file takes several calls.
      'Planned?': choice('Plan', [
        [isFalse('$.plan.ok'), 'Failure'],
        [isTrue('$.plan.done'), 'Prepare'],
      ]),
      Prepare: step(parts.prepare, '$.prepare', 'Failure', 'Prepared?'),
      'Prepared?': choice('Restore chunks', [
        [isFalse('$.prepare.ok'), 'Failure'],
        // A map over an empty file is not sure to succeed.
        [{ Variable: '$.plan.plan.chunks', NumericEquals: 0 }, 'Finish'],
      ]),
      'Restore chunks': {
        Type: 'Map',
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSONL' },
          Parameters: { 'Bucket.$': '$.plan.plan.chunksBucket', 'Key.$': '$.plan.plan.chunksKey' },
        },
        ItemSelector: { 'chunk.$': '$$.Map.Item.Value', 'job.$': '$.claim.job', 'lease.$': '$.lease.lease' },
        MaxConcurrency: settings.concurrency,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'Restore chunk',
          States: {
            'Restore chunk': call(parts.restoreChunk, '$.run', 'Record failure', 'Chunk done?'),
            // What ran out of time goes on; what cannot be helped is done, and in the job's ledger.
            'Chunk done?': choice('Chunk ended', [[isFalse('$.run.done'), 'Restore chunk']]),
            // Chunks after it end at once by that, and finish says what it was.
            'Record failure': step(parts.fail, null, 'Chunk failed', 'Chunk ended'),
            // Results of all items together have to fit into 256 KiB; the totals are in the ledger.
            'Chunk ended': { Type: 'Pass', Result: {}, End: true },
            'Chunk failed': { Type: 'Fail', ErrorPath: '$.caught.Error', CausePath: '$.caught.Cause' },
          },
        },
        ResultPath: null,
        Catch: caughtBy('Failure'),
        Next: 'Finish',
      },
      Finish: step(parts.finish, '$.end', 'Failure', 'Again?'),
      // A server that was restarted meanwhile may have lost what it confirmed.
      'Again?': choice('Notify', [[isTrue('$.end.again'), 'Prepare']]),
      Failure: step(parts.fail, '$.end', 'Failed without report', 'Notify'),
      Notify: {
        Type: 'Task',
        Resource: 'arn:aws:states:::sns:publish',
        Parameters: { TopicArn: parts.topic, 'Subject.$': '$.end.subject', 'Message.$': '$.end.text' },
        ResultPath: null,
        TimeoutSeconds: GRACE_SECONDS,
        Retry: RETRY,
        // The report is written by now: a notice that cannot be sent changes nothing in how the job ended.
        Catch: caughtBy('Succeeded?'),
        Next: 'Succeeded?',
      },
      'Succeeded?': choice('Failed', [[isTrue('$.end.ok'), 'Succeeded']]),
      Succeeded: { Type: 'Succeed' },
      Failed: { Type: 'Fail', ErrorPath: '$.end.error', CausePath: '$.end.cause' },
      'Failed without report': { Type: 'Fail', ErrorPath: '$.caught.Error', CausePath: '$.caught.Cause' },
    },
  };
}

type Rule = readonly [rule: Asl, next: string];

function choice(Default: string, rules: readonly Rule[]): Asl {
  return { Type: 'Choice', Choices: rules.map(([rule, Next]) => ({ ...rule, Next })), Default };
}

const isTrue = (Variable: string): Asl => ({ Variable, BooleanEquals: true });
const isFalse = (Variable: string): Asl => ({ Variable, BooleanEquals: false });
