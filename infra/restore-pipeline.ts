// Restores and loads files into one target: two doors, a state machine behind each, and the functions that reach the target.
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { TargetSettings } from '../lib/config/index.ts';
import { FerryFunction } from './ferry-function.ts';
import { FerryMachine } from './ferry-machine.ts';
import { allowLogin } from './login.ts';
import type { Network } from './network.ts';
import type { Notices } from './notices.ts';
import type { Operated } from './operations.ts';
import { allow } from './permissions.ts';
import { restoreMachine } from './restore-machine.ts';
import type { SharedFunctions } from './shared-functions.ts';

/** What is done to a target. */
const MODES = ['restore', 'load'] as const;

export interface RestorePipelineProps {
  /** The target's name; `restore/NAME/` and `load/NAME/` are its doors. */
  readonly name: string;
  /** As the configuration has it (`parseConfig(text, file).config.targets.NAME`). */
  readonly target: TargetSettings;
  readonly functions: SharedFunctions;
  readonly notices: Notices;
  /** Where the target is reached from. @default outside of any VPC */
  readonly network?: Network | undefined;
}

/**
 * Everything that one target needs: put an RDB under `restore/NAME/` of the store's bucket, and it is restored; put JSON Lines
 * under `load/NAME/`, and they are loaded.
 *
 * @example
 * new RestorePipeline(this, 'Cache', { name: 'cache', target: config.targets.cache, functions, notices });
 */
export class RestorePipeline extends Construct {
  readonly name: string;
  readonly prepare: FerryFunction;
  readonly restoreChunk: FerryFunction;
  readonly finish: FerryFunction;
  /** Tells, when it is invoked, whether the target can be reached from here. */
  readonly doctor: FerryFunction;
  readonly restore: FerryMachine;
  readonly load: FerryMachine;

  constructor(scope: Construct, id: string, props: RestorePipelineProps) {
    super(scope, id);
    const { name, functions } = props;
    this.name = name;
    this.prepare = this.#makeStep(props, 'prepare', `asks ${name} what it can take`);
    this.restoreChunk = this.#makeStep(props, 'restore-chunk', `writes chunks into ${name}`);
    this.finish = this.#makeStep(props, 'finish', `finishes jobs of ${name}`);
    this.doctor = this.#makeFunction(props, 'doctor', `examines ${name}`);
    const { store } = functions.props;
    allow(this.doctor.role, ['dynamodb:GetItem'], [store.table.tableArn]);
    store.grantFolder(this.doctor.role, `work/restore/${name}`, 'read');
    for (const mode of MODES) {
      const folder = `${mode}/${name}`;
      for (const { role } of [this.prepare, this.restoreChunk]) store.grantFolder(role, `work/${folder}`, 'write');
      store.grantFolder(this.finish.role, folder, 'tag');
      store.grantFolder(this.finish.role, `results/${folder}`, 'write');
    }
    this.restore = this.#makeMachine(props, 'restore');
    this.load = this.#makeMachine(props, 'load');
  }

  /** What an operator sees of it. */
  get operated(): readonly Operated[] {
    const { name: target, restoreChunk } = this;
    const common = { target, worker: restoreChunk.function };
    return MODES.map((mode) => ({ ...common, label: `${mode}/${target}`, mode, machine: this[mode].machine }));
  }

  /** Both modes have the same functions; load has one more before them. */
  #makeMachine({ name, target, functions, notices }: RestorePipelineProps, mode: (typeof MODES)[number]): FerryMachine {
    const { claim, lease, plan, fail } = functions;
    const build = mode === 'load' ? functions.build : undefined;
    const definition = restoreMachine(
      {
        claim: claim.function.functionArn,
        lease: lease.function.functionArn,
        build: build?.function.functionArn,
        plan: plan.function.functionArn,
        prepare: this.prepare.function.functionArn,
        restoreChunk: this.restoreChunk.function.functionArn,
        finish: this.finish.function.functionArn,
        fail: fail.function.functionArn,
        topic: notices.topic.topicArn,
      },
      {
        target: name,
        concurrency: target.concurrency,
        timeoutSeconds: Duration.millis(functions.timeout).toSeconds(),
      },
    );
    const called = [claim, lease, ...(build === undefined ? [] : [build]), plan, fail];
    return new FerryMachine(this, mode === 'load' ? 'Load' : 'Machine', {
      ...{ ...functions.props, notices, definition, folder: `${mode}/${name}` },
      functions: [...called, this.prepare, this.restoreChunk, this.finish],
    });
  }

  /** A step of the state machines that reaches the target. */
  #makeStep(props: RestorePipelineProps, file: string, description: string): FerryFunction {
    const { store } = props.functions.props;
    const made = this.#makeFunction(props, file, description);
    store.grantTable(made.role);
    // A copy of a backup's manifest restores the files where they lie.
    store.grantFolder(made.role, 'backups', 'read');
    for (const mode of MODES) {
      store.grantFolder(made.role, `${mode}/${props.name}`, 'read');
      store.grantFolder(made.role, `work/${mode}/${props.name}`, 'read');
    }
    return made;
  }

  /** A function that reaches the target: in its VPC, with its secrets. */
  #makeFunction({ name, target, functions, network }: RestorePipelineProps, file: string, description: string) {
    const { settings } = functions.props;
    const { network: _, ...reached } = target;
    const made = new FerryFunction(this, file, {
      ...functions.props,
      ...{ name: file, description, network },
      config: { target: { name, ...reached }, ...functions.config },
      memoryMb: settings.restore.memoryMb,
      timeout: settings.restore.timeout,
      reserve: target.reserveConcurrency && file === 'restore-chunk' ? target.concurrency : undefined,
    });
    allowLogin(made.role, target);
    return made;
  }
}
