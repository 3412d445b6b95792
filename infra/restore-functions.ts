// The functions of restore that need no way to a target: claim, lease, plan and fail. All targets of a stack share them.
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { FerryFunction, type FerryFunctionProps, type FunctionCommons } from './ferry-function.ts';
import { allow } from './permissions.ts';

export interface RestoreSettings {
  /** Size from which a chunk is closed. */
  readonly chunkBytes: number;
  /** Of the functions that read files. */
  readonly memoryMb: number;
  /** How long one call of a function may take, in ms. */
  readonly timeout: number;
  /** Leaves names of keys out of logs, reports and notices. */
  readonly redactKeys: boolean;
}

export interface RestoreFunctionsProps extends FunctionCommons {
  readonly settings: RestoreSettings;
}

/** Functions that only talk to S3 and DynamoDB: some calls each, in seconds. */
const SMALL = { memoryMb: 512, timeout: 60_000 };

export class RestoreFunctions extends Construct {
  readonly props: RestoreFunctionsProps;
  readonly claim: FerryFunction;
  readonly lease: FerryFunction;
  readonly plan: FerryFunction;
  readonly fail: FerryFunction;

  constructor(scope: Construct, id: string, props: RestoreFunctionsProps) {
    super(scope, id);
    this.props = props;
    const { store, settings } = props;
    const make = (name: string, description: string, size: Pick<FerryFunctionProps, 'memoryMb' | 'timeout'>) => {
      const made = new FerryFunction(this, name, {
        ...{ ...props, ...size },
        ...{ name, description, config: { chunkBytes: settings.chunkBytes, redactKeys: settings.redactKeys } },
      });
      store.grantTable(made.role);
      return made;
    };
    this.claim = make('claim', 'takes a file that has arrived, once', SMALL);
    this.lease = make('lease', 'lets one file at a time into a target', SMALL);
    this.plan = make('plan', 'cuts a file into chunks', settings);
    this.fail = make('fail', 'records and reports why a job failed', SMALL);

    store.grantFolder(this.claim.role, 'restore', 'read');
    store.grantFolder(this.plan.role, 'restore', 'read');
    store.grantFolder(this.plan.role, 'work/restore', 'read', 'write', 'remove');
    store.grantFolder(this.fail.role, 'restore', 'tag');
    store.grantFolder(this.fail.role, 'work/restore', 'read');
    for (const folder of ['results/restore', 'quarantine/restore']) store.grantFolder(this.fail.role, folder, 'write');
  }

  /** Lets a state machine call them. */
  grantInvoke(role: iam.IRole): void {
    for (const { function: called } of [this.claim, this.lease, this.plan, this.fail]) invokable(called, role);
  }
}

/** `grantInvoke` of a function would allow its versions too, by a wildcard. */
export function invokable({ functionArn }: FerryFunction['function'], role: iam.IRole): void {
  allow(role, ['lambda:InvokeFunction'], [functionArn]);
}
