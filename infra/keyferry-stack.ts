// The stack that one configuration describes.
import { Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from '../lib/config/index.ts';
import { Backups, type BackupsProps } from './backups.ts';
import { DecodePipeline } from './decode-pipeline.ts';
import { DumpPipeline } from './dump-pipeline.ts';
import { EmptyOnDelete } from './empty-on-delete.ts';
import { type FunctionCode, ownCode } from './function-code.ts';
import { Network } from './network.ts';
import { Notices } from './notices.ts';
import { Operations } from './operations.ts';
import { tellOutputs } from './outputs.ts';
import { RestorePipeline } from './restore-pipeline.ts';
import { SharedFunctions } from './shared-functions.ts';
import { Store } from './store.ts';
import { Stray } from './stray.ts';

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
  readonly decode: DecodePipeline;
  readonly dumps: readonly DumpPipeline[];

  constructor(scope: Construct, id: string, { config, code = ownCode, ...props }: KeyferryStackProps) {
    super(scope, id, { description: 'keyferry: ferries Redis and Valkey data', ...environmentOf(config), ...props });
    const { removal, encryption, retention, notify } = config;
    this.store = new Store(this, 'Store', {
      ...{ removal, encryption, resultDays: retention.results, workDays: retention.work },
    });
    this.notices = new Notices(this, 'Notices', { email: notify.email, topicArn: notify.topic });
    const commons = { store: this.store, code, lost: this.notices.lost, logDays: retention.logs };
    if (removal === 'destroy') new EmptyOnDelete(this, 'EmptyOnDelete', commons);
    const functions = new SharedFunctions(this, 'Shared', { ...commons, settings: config });
    const networks = new Map<string, Network>();
    const networkOf = (target: Pick<Config['targets'][string], 'network'>): Network | undefined => {
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
    this.decode = new DecodePipeline(this, 'Decode', { functions, notices: this.notices });
    this.dumps = this.#makeDumps(config, { ...commons, redactKeys: config.logs.redactKeys }, networkOf);
    const doors = [...this.pipelines.flatMap(({ operated }) => operated), this.decode.operated];
    const { stray } = new Stray(this, 'Stray', {
      ...{ ...commons, notices: this.notices, redactKeys: config.logs.redactKeys },
      doors: doors.map(({ label }) => `${label}/`),
    });
    const { dashboard } = new Operations(this, 'Operations', {
      ...{ notices: this.notices, fail: functions.fail.function, stray: stray.function, doors, dumps: this.dumps },
    });
    for (const [key, value] of Object.entries(config.tags)) Tags.of(this).add(key, value);
    tellOutputs(this, {
      store: this.store,
      pipelines: this.pipelines,
      decode: this.decode,
      dumps: this.dumps,
      dashboardName: dashboard.dashboardName,
      removal,
    });
  }

  /** Nothing is made for backups where there is no source. */
  #makeDumps(
    { sources }: Config,
    commons: Omit<BackupsProps, 'sources'>,
    networkOf: (source: Config['sources'][string]) => Network | undefined,
  ): DumpPipeline[] {
    const names = Object.keys(sources);
    if (names.length === 0) return [];
    const backups = new Backups(this, 'Backups', { ...commons, sources: names });
    return Object.entries(sources).map(
      ([name, source]) =>
        new DumpPipeline(this, `Dump-${name}`, {
          ...{ name, source, backups, notices: this.notices, network: networkOf(source) },
        }),
    );
  }
}

/** What the configuration leaves open is that of the credentials. */
function environmentOf(config: Config): StackProps {
  const { account = process.env.CDK_DEFAULT_ACCOUNT, region = process.env.CDK_DEFAULT_REGION } = config;
  return { env: { ...(account === undefined ? {} : { account }), ...(region === undefined ? {} : { region }) } };
}
