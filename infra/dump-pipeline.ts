// Makes backups of one source: a schedule, a state machine, and the functions that reach the source.
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { SourceSettings } from '../lib/config/index.ts';
import type { Backups } from './backups.ts';
import { dumpMachine } from './dump-machine.ts';
import { FerryFunction } from './ferry-function.ts';
import { FerryMachine } from './ferry-machine.ts';
import { allowLogin } from './login.ts';
import type { Network } from './network.ts';
import type { Notices } from './notices.ts';
import type { Operated } from './operations.ts';
import { allow } from './permissions.ts';
import { Timer } from './timer.ts';

export interface DumpPipelineProps {
  /** The source's name; its backups lie under `backups/NAME/`. */
  readonly name: string;
  /** As the configuration has it (`parseConfig(text, file).config.sources.NAME`). */
  readonly source: SourceSettings;
  readonly backups: Backups;
  readonly notices: Notices;
  /** Where the source is reached from. @default outside of any VPC */
  readonly network?: Network | undefined;
}

/** Shards at once: each has its server fork. */
const CONCURRENCY = 2;
/** A call takes what Lambda gives; ms. */
const TIMEOUT = 900_000;
const MEMORY_MB = 1769;
/** Of a scan: fingerprints of some 250 million keys. What Lambda gives by itself holds 30 million. */
const SCAN_DISK_MB = 4096;

/**
 * Everything that the backups of one source need. Start its machine, and there is one under `backups/NAME/` of the store's
 * bucket; where the source has a schedule, that does it.
 *
 * @example
 * new DumpPipeline(this, 'Dump-cache', { name: 'cache', source: config.sources.cache, backups, notices });
 */
export class DumpPipeline extends Construct {
  readonly name: string;
  readonly source: SourceSettings;
  readonly discover: FerryFunction;
  readonly dumpShard: FerryFunction;
  readonly finish: FerryFunction;
  readonly fail: FerryFunction;
  readonly dump: FerryMachine;

  constructor(scope: Construct, id: string, props: DumpPipelineProps) {
    super(scope, id);
    const { name, source, backups, notices } = props;
    const { store, lost } = backups.commons;
    this.name = name;
    this.source = source;
    const [set, work] = [`backups/${name}`, `work/dump/${name}`];
    this.discover = this.#makeFunction(props, 'dump-discover', `finds the shards of ${name}`);
    store.grantFolder(this.discover.role, work, 'write');
    this.dumpShard = this.#makeFunction(props, 'dump-shard', `dumps shards of ${name}`, SCAN_DISK_MB);
    store.grantFolder(this.dumpShard.role, work, 'write');
    store.grantFolder(this.dumpShard.role, set, 'write');
    this.finish = this.#makeFunction(props, 'dump-finish', `finishes backups of ${name}`);
    store.grantFolder(this.finish.role, set, 'read', 'write', 'remove', 'tag');
    store.grantFolder(this.finish.role, `results/dump/${name}`, 'write');
    this.fail = new FerryFunction(this, 'dump-fail', {
      ...{ ...backups.commons, name: 'dump-fail', description: `removes what failed backups of ${name} have left` },
      ...{ memoryMb: 512, timeout: 60_000, config: { redactKeys: backups.redactKeys } },
    });
    store.grantTable(this.fail.role);
    allow(this.fail.role, ['s3:ListBucketMultipartUploads'], [store.bucket.bucketArn]);
    store.grantFolder(this.fail.role, set, 'read', 'abort', 'remove');
    store.grantFolder(this.fail.role, work, 'abort', 'remove');
    store.grantFolder(this.fail.role, `results/dump/${name}`, 'write');
    const { discover, dumpShard, finish, fail } = this;
    const definition = dumpMachine(
      {
        discover: discover.function.functionArn,
        dumpShard: dumpShard.function.functionArn,
        finish: finish.function.functionArn,
        fail: fail.function.functionArn,
        topic: notices.topic.topicArn,
      },
      { source: name, concurrency: CONCURRENCY, timeoutSeconds: Duration.millis(TIMEOUT).toSeconds() },
    );
    this.dump = new FerryMachine(this, 'Machine', {
      ...{ ...backups.commons, notices, definition, folder: `dump/${name}`, door: false },
      functions: [discover, dumpShard, finish, fail],
    });
    if (source.schedule === undefined) return;
    new Timer(this, 'Timer', {
      ...{ description: `keyferry: backups of ${name}`, schedule: source.schedule, timeZone: source.timeZone, lost },
      windowMinutes: source.flexibleWindow && Math.round(source.flexibleWindow / 60_000),
      ...{ action: 'states:StartExecution', arn: this.dump.machine.stateMachineArn },
    });
  }

  /** What an operator watches. */
  get operated(): Operated {
    const { name: target, dump, dumpShard } = this;
    return { label: `dump/${target}`, mode: 'dump', target, machine: dump.machine, worker: dumpShard.function };
  }

  /** A function that reaches the source: in its VPC, with its secrets. */
  #makeFunction(
    { name, source, backups, network }: DumpPipelineProps,
    file: string,
    description: string,
    diskMb?: number,
  ) {
    const { store } = backups.commons;
    const { network: _, schedule, timeZone, flexibleWindow, ...reached } = source;
    const made = new FerryFunction(this, file, {
      ...backups.commons,
      ...{ name: file, description, network, memoryMb: MEMORY_MB, diskMb, timeout: TIMEOUT },
      config: { source: { name, ...reached }, redactKeys: backups.redactKeys },
    });
    store.grantTable(made.role);
    store.grantFolder(made.role, `work/dump/${name}`, 'read');
    allowLogin(made.role, source);
    return made;
  }
}
