// What the backups of all sources share: the gauge of how old the newest is.
import { Construct } from 'constructs';
import { FerryFunction, type FunctionCommons } from './ferry-function.ts';
import { allow } from './permissions.ts';
import { Timer } from './timer.ts';

export interface BackupsProps extends FunctionCommons {
  /** Names of the sources. */
  readonly sources: readonly string[];
  /** Leaves names of keys out of logs. @default false */
  readonly redactKeys?: boolean;
}

/**
 * @example const backups = new Backups(this, 'Backups', { ...commons, sources: ['cache'] });
 */
export class Backups extends Construct {
  readonly commons: FunctionCommons;
  readonly redactKeys: boolean;
  readonly age: FerryFunction;

  constructor(scope: Construct, id: string, props: BackupsProps) {
    super(scope, id);
    const { store, sources, redactKeys = false, lost } = props;
    this.commons = props;
    this.redactKeys = redactKeys;
    this.age = new FerryFunction(this, 'backup-age', {
      ...{ ...props, name: 'backup-age', description: 'publishes how old the newest backups are' },
      ...{ memoryMb: 512, timeout: 300_000, config: { sources, redactKeys } },
    });
    store.grantFolder(this.age.role, 'backups', 'read');
    allow(this.age.role, ['dynamodb:UpdateItem'], [store.table.tableArn]);
    new Timer(this, 'Hourly', {
      ...{ description: 'keyferry: asks how old the newest backups are', schedule: 'rate(1 hour)', lost },
      ...{ action: 'lambda:InvokeFunction', arn: this.age.function.functionArn },
    });
  }
}
