// Decodes RDB files to JSON Lines: a door, a state machine, and the functions that write parts.
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { decodeMachine } from './decode-machine.ts';
import { FerryFunction } from './ferry-function.ts';
import { FerryMachine } from './ferry-machine.ts';
import type { Notices } from './notices.ts';
import type { Operated } from './operations.ts';
import type { SharedFunctions } from './shared-functions.ts';

export interface DecodePipelineProps {
  readonly functions: SharedFunctions;
  readonly notices: Notices;
}

/**
 * Put an RDB under `decode/` of the store's bucket, and its lines are under `results/decode/`.
 *
 * @example new DecodePipeline(this, 'Decode', { functions, notices });
 */
export class DecodePipeline extends Construct {
  readonly decodeChunk: FerryFunction;
  readonly finish: FerryFunction;
  readonly decode: FerryMachine;

  constructor(scope: Construct, id: string, { functions, notices }: DecodePipelineProps) {
    super(scope, id);
    const { store, settings } = functions.props;
    this.decodeChunk = this.#makeFunction(functions, 'decode-chunk', 'decodes chunks');
    this.finish = this.#makeFunction(functions, 'decode-finish', 'finishes decodes');
    store.grantFolder(this.decodeChunk.role, 'work/decode', 'write');
    // Parts of a run that failed are removed by the one that takes up the job.
    store.grantFolder(this.finish.role, 'results/decode', 'remove');
    store.grantFolder(this.finish.role, 'quarantine/decode', 'write');
    store.grantFolder(this.finish.role, 'decode', 'tag');

    const { claim, plan, fail } = functions;
    const definition = decodeMachine(
      {
        claim: claim.function.functionArn,
        plan: plan.function.functionArn,
        decodeChunk: this.decodeChunk.function.functionArn,
        finish: this.finish.function.functionArn,
        fail: fail.function.functionArn,
        topic: notices.topic.topicArn,
      },
      {
        concurrency: settings.decode.concurrency,
        timeoutSeconds: Duration.millis(functions.timeout).toSeconds(),
      },
    );
    this.decode = new FerryMachine(this, 'Machine', {
      ...{ ...functions.props, notices, definition, folder: 'decode' },
      functions: [claim, plan, fail, this.decodeChunk, this.finish],
    });
  }

  /** What an operator watches. */
  get operated(): Operated {
    const { machine } = this.decode;
    return { label: 'decode', mode: 'decode', target: '-', machine, worker: this.decodeChunk.function };
  }

  #makeFunction(functions: SharedFunctions, name: string, description: string): FerryFunction {
    const { store, settings } = functions.props;
    const { shape, pack, memoryMb, timeout } = settings.decode;
    const made = new FerryFunction(this, name, {
      ...{ ...functions.props, name, description, memoryMb, timeout },
      config: { decode: { shape, pack }, ...functions.config },
    });
    store.grantTable(made.role);
    store.grantFolder(made.role, 'decode', 'read');
    store.grantFolder(made.role, 'work/decode', 'read');
    store.grantFolder(made.role, 'results/decode', 'read', 'write');
    return made;
  }
}
