// The state machine that makes backups of one source, as a plain value: discover, map over shards, finish, notify.
import { type Asl, choice, isFalse, isTrue, Steps } from './states.ts';

/** What the machine calls, each by its ARN. */
export interface DumpMachineParts {
  /** Functions. */
  readonly discover: string;
  readonly dumpShard: string;
  readonly finish: string;
  readonly fail: string;
  /** An SNS topic. */
  readonly topic: string;
}

export interface DumpMachineSettings {
  readonly source: string;
  /** Shards that are read at once. */
  readonly concurrency: number;
  /** How long one call of a function may take at most, in seconds. */
  readonly timeoutSeconds: number;
}

/**
 * The definition of a source's machine. It needs no input: what a step has to know lies in the bucket.
 *
 * @example JSON.stringify(dumpMachine(arns, { source: 'cache', concurrency: 2, timeoutSeconds: 900 }))
 */
export function dumpMachine(parts: DumpMachineParts, settings: DumpMachineSettings): Asl {
  const { source, concurrency, timeoutSeconds } = settings;
  const steps = new Steps({ mode: 'dump', target: source, timeoutSeconds });
  return {
    Comment: `Makes backups of ${source}`,
    StartAt: 'Discover shards',
    States: {
      'Discover shards': steps.step(parts.discover, '$.discover', 'Failure', 'Discovered?'),
      'Discovered?': choice('Failure', [
        [isTrue('$.discover.proceed'), 'Dump shards'],
        [isTrue('$.discover.ok'), 'Nothing to do'],
      ]),
      'Nothing to do': { Type: 'Succeed', Comment: 'Another execution makes a backup of it' },
      'Dump shards': {
        Type: 'Map',
        ItemsPath: '$.discover.shards',
        ItemSelector: { 'index.$': '$$.Map.Item.Value' },
        // Each has its server fork. No node has two shards: so none is read twice at once.
        MaxConcurrency: concurrency,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'Dump shard',
          States: {
            'Dump shard': steps.step(parts.dumpShard, '$.run', 'Record failure', 'Shard dumped?'),
            // A scan goes on where the call before has left it.
            'Shard dumped?': choice('Shard ended', [
              [isFalse('$.run.ok'), 'Record failure'],
              [isTrue('$.run.again'), 'Dump shard'],
            ]),
            // Shards after it end at once by that, and finish says what it was.
            'Record failure': steps.step(parts.fail, null, 'Shard failed', 'Shard ended'),
            'Shard ended': { Type: 'Pass', Result: {}, End: true },
            'Shard failed': { Type: 'Fail', ErrorPath: '$.caught.Error', CausePath: '$.caught.Cause' },
          },
        },
        ResultPath: null,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.caught', Next: 'Failure' }],
        Next: 'Finish',
      },
      Finish: steps.step(parts.finish, '$.end', 'Failure', 'Finished?'),
      // What a backup that failed has left is removed there. Where a shard may not be copied, the whole source is scanned
      // instead.
      'Finished?': choice('Failure', [
        [isTrue('$.end.done'), 'Notify'],
        [isTrue('$.end.again'), 'Discover shards'],
      ]),
      ...steps.ends(parts),
    },
  };
}
