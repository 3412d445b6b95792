// The functions that need no way to a target: claim, lease, build, plan and fail. All jobs of a stack share them.
import { Construct } from 'constructs';
import type { Config } from '../lib/config/index.ts';
import { FerryFunction, type FerryFunctionProps, type FunctionCommons } from './ferry-function.ts';

/** What a configuration says of functions; all of it is these. */
export type FunctionSettings = Pick<Config, 'restore' | 'load' | 'decode' | 'logs'>;

export interface SharedFunctionsProps extends FunctionCommons {
  readonly settings: FunctionSettings;
}

/** Functions that only talk to S3 and DynamoDB: some calls each, in seconds. */
const SMALL = { memoryMb: 512, timeout: 60_000 };
const MODES = ['restore', 'load', 'decode'] as const;

/**
 * @example new SharedFunctions(this, 'Shared', { store, code: ownCode, lost: notices.lost, logDays: 30, settings: config });
 */
export class SharedFunctions extends Construct {
  readonly props: SharedFunctionsProps;
  readonly claim: FerryFunction;
  readonly lease: FerryFunction;
  /** Of load only. */
  readonly build: FerryFunction;
  readonly plan: FerryFunction;
  readonly fail: FerryFunction;
  /** What every function is told. */
  readonly config: { readonly chunkBytes: Readonly<Record<string, number>>; readonly redactKeys: boolean };
  /** How long a call of any function may take, in ms. */
  readonly timeout: number;

  constructor(scope: Construct, id: string, props: SharedFunctionsProps) {
    super(scope, id);
    this.props = props;
    const { store, settings } = props;
    const most = (of: 'memoryMb' | 'timeout') => Math.max(...MODES.map((mode) => settings[mode][of]));
    this.timeout = Math.max(most('timeout'), SMALL.timeout);
    this.config = {
      chunkBytes: Object.fromEntries(MODES.map((mode) => [mode, settings[mode].chunkBytes])),
      redactKeys: settings.logs.redactKeys,
    };
    const make = (name: string, description: string, size: Pick<FerryFunctionProps, 'memoryMb' | 'timeout'>) => {
      // A function is told how much memory it has: what needs more is refused.
      const config = { ...this.config, memoryMb: size.memoryMb };
      const made = new FerryFunction(this, name, { ...props, ...size, ...{ name, description, config } });
      store.grantTable(made.role);
      return made;
    };
    this.claim = make('claim', 'takes a file that has arrived, once', SMALL);
    this.lease = make('lease', 'lets one file at a time into a target', SMALL);
    this.build = make('build', 'makes an RDB of lines', settings.load);
    this.plan = make('plan', 'cuts a file into chunks', { memoryMb: most('memoryMb'), timeout: most('timeout') });
    this.fail = make('fail', 'records and reports why a job failed', SMALL);

    // A copy of a decode's manifest loads the parts where they lie.
    for (const folder of ['load', 'results/decode', 'work/load']) store.grantFolder(this.build.role, folder, 'read');
    store.grantFolder(this.build.role, 'work/load', 'write');
    // A copy of a backup's manifest restores the files where they lie.
    store.grantFolder(this.plan.role, 'backups', 'read');
    for (const mode of MODES) {
      store.grantFolder(this.claim.role, mode, 'read');
      store.grantFolder(this.plan.role, mode, 'read');
      store.grantFolder(this.plan.role, `work/${mode}`, 'read', 'write', 'remove');
      store.grantFolder(this.fail.role, mode, 'tag');
      store.grantFolder(this.fail.role, `work/${mode}`, 'read');
      for (const folder of ['results', 'quarantine']) store.grantFolder(this.fail.role, `${folder}/${mode}`, 'write');
    }
  }
}
