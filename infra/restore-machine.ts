// The state machines that restore and load files into one target, as plain values: claim, lease, plan, prepare, map, finish,
// notify; that of load builds an RDB of its lines before the plan.
import { type Asl, choice, isFalse, isTrue, noChunks, Steps } from './states.ts';

/** What the machine calls, each by its ARN. */
export interface RestoreMachineParts {
  /** Functions. */
  readonly claim: string;
  readonly lease: string;
  /** Builds an RDB: with it the machine is that of load. */
  readonly build?: string | undefined;
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

/**
 * The definition of a target's machine. Its input is the detail of S3's "Object Created", or what StartExecution is given.
 *
 * @example JSON.stringify(restoreMachine(arns, { target: 'cache', concurrency: 4, timeoutSeconds: 900 }))
 */
export function restoreMachine(parts: RestoreMachineParts, settings: RestoreMachineSettings): Asl {
  const { target, concurrency, timeoutSeconds } = settings;
  const { build } = parts;
  const isLoad = build !== undefined;
  const steps = new Steps({ mode: isLoad ? 'load' : 'restore', target, timeoutSeconds });
  return {
    Comment: `${isLoad ? 'Loads' : 'Restores'} files into ${target}`,
    StartAt: 'Claim',
    States: {
      ...steps.claim(parts.claim, 'Lease'),
      Lease: steps.step(parts.lease, '$.lease', 'Failure', 'Held?'),
      'Held?': choice('Wait for the target', [[isTrue('$.lease.held'), isLoad ? 'Build' : 'Plan']]),
      'Wait for the target': { Type: 'Wait', SecondsPath: '$.lease.waitSeconds', Next: 'Lease' },
      ...(isLoad && {
        Build: steps.step(build, '$.build', 'Failure', 'Built?'),
        'Built?': choice('Failure', [[isTrue('$.build.ok'), 'Plan']]),
      }),
      ...steps.plan(parts.plan, 'Prepare'),
      Prepare: steps.step(parts.prepare, '$.prepare', 'Failure', 'Prepared?'),
      'Prepared?': choice('Restore chunks', [
        [isFalse('$.prepare.ok'), 'Failure'],
        [noChunks, 'Finish'],
      ]),
      'Restore chunks': steps.chunks('Restore', {
        ...{ worker: parts.restoreChunk, fail: parts.fail, concurrency, next: 'Finish' },
        item: { 'job.$': '$.claim.job', 'lease.$': '$.lease.lease' },
      }),
      Finish: steps.step(parts.finish, '$.end', 'Failure', 'Again?'),
      // A server that was restarted meanwhile may have lost what it confirmed.
      'Again?': choice('Notify', [[isTrue('$.end.again'), 'Prepare']]),
      ...steps.ends(parts),
    },
  };
}
