// Objects below no door: a rule hears of every object where a door could be, and a function reports those that lie below none.
import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import { FerryFunction, type FunctionCommons } from './ferry-function.ts';
import type { Notices } from './notices.ts';

export interface StrayProps extends FunctionCommons {
  readonly notices: Notices;
  /** The prefixes of all doors, each with a slash at its end. */
  readonly doors: readonly string[];
  /** Leaves names of keys out of logs. @default false */
  readonly redactKeys?: boolean;
}

/** Where doors are. */
const ROOMS = ['restore', 'load', 'decode'];

/** EventBridge tries for so long. */
const PATIENCE = Duration.hours(24);

/**
 * Tags, reports and tells of objects that were put where a door could be, and is none.
 *
 * @example new Stray(this, 'Stray', { ...commons, notices, doors: ['restore/cache/'] });
 */
export class Stray extends Construct {
  readonly stray: FerryFunction;

  constructor(scope: Construct, id: string, props: StrayProps) {
    super(scope, id);
    const { store, notices, doors, redactKeys = false } = props;
    this.stray = new FerryFunction(this, 'stray', {
      ...props,
      ...{ name: 'stray', description: 'reports objects that lie below no door', config: { redactKeys, doors } },
      ...{ memoryMb: 512, timeout: 60_000, topic: notices.topic },
    });
    for (const room of ROOMS) {
      store.grantFolder(this.stray.role, room, 'read', 'tag');
      store.grantFolder(this.stray.role, `quarantine/${room}`, 'read', 'write');
    }
    new events.Rule(this, 'Rule', {
      description: 'keyferry: objects created where a door could be',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: {
          bucket: { name: [store.bucket.bucketName] },
          // Those below a door are passed over by the function: a pattern cannot say "here, but not there" of one field.
          object: { key: ROOMS.map((room) => ({ prefix: `${room}/` })) },
        },
      },
      targets: [
        new LambdaFunction(this.stray.function, {
          event: events.RuleTargetInput.fromEventPath('$.detail'),
          deadLetterQueue: props.lost,
          maxEventAge: PATIENCE,
          retryAttempts: 185,
        }),
      ],
    });
  }
}
