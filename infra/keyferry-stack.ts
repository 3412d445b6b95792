// The stack that one configuration describes.
import { CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from '../lib/config/index.ts';
import { EmptyOnDelete } from './empty-on-delete.ts';
import { type FunctionCode, ownCode } from './function-code.ts';
import { Network } from './network.ts';
import { Notices } from './notices.ts';
import { Operations } from './operations.ts';
import { RestoreFunctions } from './restore-functions.ts';
import { RestorePipeline } from './restore-pipeline.ts';
import { Store } from './store.ts';

export interface KeyferryStackProps extends StackProps {
  /** As `readConfig` gives it. */
  readonly config: Config;
  /** Where the functions' code comes from. @default keyferry's own bundles */
  readonly code?: FunctionCode;
}

/**
 * A bucket with doors, and what stands behind them.
 *
 * @example new KeyferryStack(app, 'Keyferry', { config: readConfig('keyferry.toml').config });
 */
export class KeyferryStack extends Stack {
  readonly store: Store;
  readonly notices: Notices;
  readonly pipelines: readonly RestorePipeline[];

  constructor(scope: Construct, id: string, { config, code = ownCode, ...props }: KeyferryStackProps) {
    super(scope, id, { description: 'keyferry: ferries Redis and Valkey data', ...environmentOf(config), ...props });
    const { removal, encryption, retention, restore, logs, notify } = config;
    this.store = new Store(this, 'Store', {
      ...{ removal, encryption, resultDays: retention.results, workDays: retention.work },
    });
    this.notices = new Notices(this, 'Notices', { email: notify.email, topicArn: notify.topic });
    const commons = { store: this.store, code, lost: this.notices.lost, logDays: retention.logs };
    if (removal === 'destroy') new EmptyOnDelete(this, 'EmptyOnDelete', commons);
    const functions = new RestoreFunctions(this, 'Restore', {
      ...commons,
      settings: { ...restore, redactKeys: logs.redactKeys },
    });
    const networks = new Map<string, Network>();
    const networkOf = (target: Config['targets'][string]): Network | undefined => {
      if (target.network === undefined) return undefined;
      const { name } = target.network;
      const network = networks.get(name) ?? new Network(this, `Network-${name}`, target.network);
      networks.set(name, network);
      return network;
    };
    this.pipelines = Object.entries(config.targets).map(
      ([name, target]) =>
        new RestorePipeline(this, `Restore-${name}`, {
          ...{ name, target, functions, notices: this.notices, network: networkOf(target) },
        }),
    );
    const { dashboard } = new Operations(this, 'Operations', {
      ...{ notices: this.notices, functions, pipelines: this.pipelines },
    });
    for (const [key, value] of Object.entries(config.tags)) Tags.of(this).add(key, value);
    this.#tell(dashboard.dashboardName, removal);
  }

  /** Outputs: commands to paste. */
  #tell(dashboardName: string, removal: Config['removal']): void {
    const { bucketName } = this.store.bucket;
    const { tableName } = this.store.table;
    const command = (id: string, value: string, description: string) => new CfnOutput(this, id, { value, description });
    for (const { name, machine } of this.pipelines) {
      const title = asId(name);
      command(
        `Restore${title}`,
        `aws s3 cp dump.rdb s3://${bucketName}/restore/${name}/`,
        `Restores a file into ${name}`,
      );
      command(
        `Jobs${title}`,
        `aws stepfunctions list-executions --state-machine-arn ${machine.stateMachineArn}`,
        `Shows what became of the files for ${name}`,
      );
    }
    command('Results', `aws s3 ls --recursive s3://${bucketName}/results/`, 'Lists the reports of jobs');
    command(
      'Dashboard',
      `https://${this.region}.console.aws.amazon.com/cloudwatch/home?region=${this.region}#dashboards/dashboard/${dashboardName}`,
      'Jobs, rates and errors as graphs',
    );
    if (removal === 'destroy') return;
    command(
      'PurgeTable',
      `aws dynamodb update-table --table-name ${tableName} --no-deletion-protection-enabled && aws dynamodb delete-table --table-name ${tableName}`,
      'After cdk destroy: removes the table that it leaves',
    );
    command(
      'PurgeBucket',
      `aws s3api put-bucket-lifecycle-configuration --bucket ${bucketName} --lifecycle-configuration '{"Rules":[{"ID":"purge","Status":"Enabled","Filter":{},"Expiration":{"Days":1},"NoncurrentVersionExpiration":{"NoncurrentDays":1}}]}'`,
      'After cdk destroy: empties the bucket that it leaves, within two days; then aws s3 rb',
    );
  }
}

/** What the configuration leaves open is that of the credentials. */
function environmentOf(config: Config): StackProps {
  const { account = process.env.CDK_DEFAULT_ACCOUNT, region = process.env.CDK_DEFAULT_REGION } = config;
  return { env: { ...(account === undefined ? {} : { account }), ...(region === undefined ? {} : { region }) } };
}

/** `orders-eu` as a part of an output's name: `OrdersEu`. */
const asId = (name: string): string => name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());
