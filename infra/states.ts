// What the state machines of all modes are made of, as plain values of the Amazon States Language.
//
// Each function gets the whole state, in which only pointers pass, and adds its answer to it. What a retry can help is
// thrown by a function and retried here; what it cannot is returned as {ok: false}. Choice and Wait read only what the
// function before them is sure to have answered.

/** A state or a part of one, in Amazon States Language. */
export type Asl = { readonly [field: string]: AslValue };
type AslValue = string | number | boolean | null | Asl | readonly AslValue[];

/** What the functions of a machine are told with each call. */
export interface MachineKind {
  readonly mode: 'restore' | 'load' | 'decode' | 'dump';
  /** The target's name, as in `restore/NAME/`, or that of a dump's source; empty where there is none. */
  readonly target: string;
  /** How long one call of a function may take at most, in seconds. */
  readonly timeoutSeconds: number;
}

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

/** Calls of functions, as the states of one machine. */
export class Steps {
  readonly #kind: MachineKind;

  constructor(kind: MachineKind) {
    this.#kind = kind;
  }

  /** `Claim`, and what follows from its answer. */
  claim(claim: string, next: string): Asl {
    return {
      Claim: this.step(claim, '$.claim', 'Failure', 'Claimed?'),
      'Claimed?': choice('Failure', [
        [isTrue('$.claim.proceed'), next],
        [isTrue('$.claim.ok'), 'Nothing to do'],
      ]),
      'Nothing to do': {
        Type: 'Succeed',
        Comment: `Another execution has the file, or it is none to ${this.#kind.mode}`,
      },
    };
  }

  /** `Plan`, over as many calls as a long file takes. */
  plan(plan: string, next: string): Asl {
    return {
      Plan: this.step(plan, '$.plan', 'Failure', 'Planned?'),
      'Planned?': choice('Plan', [
        [isFalse('$.plan.ok'), 'Failure'],
        [isTrue('$.plan.done'), next],
      ]),
    };
  }

  /** Calls a function with the whole state; what it returns is added to that under the path. */
  step(resource: string, resultPath: string | null, onError: string, next: string): Asl {
    const { mode, target } = this.#kind;
    const Parameters = {
      'execution.$': '$$.Execution.Id',
      'since.$': '$$.Execution.StartTime',
      ...{ target, mode, 'state.$': '$' },
    };
    return { ...this.#call(resource, resultPath, onError, next), Parameters };
  }

  /**
   * The map over the plan's chunks, `VERB chunks`.
   *
   * @param worker gets `item` with the chunk, and answers {ok, done}
   */
  chunks(verb: string, { worker, fail, item, concurrency, next }: ChunkMap): Asl {
    const one = `${verb} chunk`;
    return {
      Type: 'Map',
      ItemReader: {
        Resource: 'arn:aws:states:::s3:getObject',
        ReaderConfig: { InputType: 'JSONL' },
        Parameters: { 'Bucket.$': '$.plan.plan.chunksBucket', 'Key.$': '$.plan.plan.chunksKey' },
      },
      ItemSelector: { 'chunk.$': '$$.Map.Item.Value', ...item },
      MaxConcurrency: concurrency,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: one,
        States: {
          [one]: this.#call(worker, '$.run', 'Record failure', 'Chunk done?'),
          // What ran out of time goes on; what cannot be helped is done, and in the job's ledger.
          'Chunk done?': choice('Chunk ended', [[isFalse('$.run.done'), one]]),
          // Chunks after it end at once by that, and finish says what it was.
          'Record failure': this.step(fail, null, 'Chunk failed', 'Chunk ended'),
          // Results of all items together have to fit into 256 KiB; the totals are in the ledger.
          'Chunk ended': { Type: 'Pass', Result: {}, End: true },
          'Chunk failed': { Type: 'Fail', ErrorPath: '$.caught.Error', CausePath: '$.caught.Cause' },
        },
      },
      ResultPath: null,
      Catch: caughtBy('Failure'),
      Next: next,
    };
  }

  /** How every machine ends: `Failure`, `Notify` and what is behind that. */
  ends({ fail, topic }: { readonly fail: string; readonly topic: string }): Asl {
    return {
      Failure: this.step(fail, '$.end', 'Failed without report', 'Notify'),
      Notify: {
        Type: 'Task',
        Resource: 'arn:aws:states:::sns:publish',
        Parameters: { TopicArn: topic, 'Subject.$': '$.end.subject', 'Message.$': '$.end.text' },
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
    };
  }

  #call(Resource: string, ResultPath: string | null, onError: string, Next: string): Asl {
    return {
      ...{ Type: 'Task', Resource, ResultPath, TimeoutSeconds: this.#kind.timeoutSeconds + GRACE_SECONDS },
      ...{ Retry: RETRY, Catch: caughtBy(onError), Next },
    };
  }
}

export interface ChunkMap {
  /** Functions: the one that works at a chunk, and the one that records why that failed. */
  readonly worker: string;
  readonly fail: string;
  /** What of the state a worker gets beside its chunk. */
  readonly item: Asl;
  /** Chunks at work at once. */
  readonly concurrency: number;
  readonly next: string;
}

type Rule = readonly [rule: Asl, next: string];

export function choice(Default: string, rules: readonly Rule[]): Asl {
  return { Type: 'Choice', Choices: rules.map(([rule, Next]) => ({ ...rule, Next })), Default };
}

export const isTrue = (Variable: string): Asl => ({ Variable, BooleanEquals: true });
export const isFalse = (Variable: string): Asl => ({ Variable, BooleanEquals: false });
/** A map over an empty file is not sure to succeed. */
export const noChunks: Asl = { Variable: '$.plan.plan.chunks', NumericEquals: 0 };
