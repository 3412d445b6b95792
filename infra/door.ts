// A door: objects that are created below a prefix of the bucket start a state machine.
import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface DoorProps {
  /** Of a bucket that tells EventBridge of its objects. */
  readonly bucketName: string;
  /** The folder, with a slash at its end. */
  readonly prefix: string;
  readonly machine: sfn.IStateMachine;
  /** Gets events that could not start it. */
  readonly lost: sqs.IQueue;
}

/** EventBridge tries for so long; Step Functions may be throttled, or down. */
const PATIENCE = Duration.hours(24);

export class Door extends Construct {
  constructor(scope: Construct, id: string, { bucketName, prefix, machine, lost }: DoorProps) {
    super(scope, id);
    new events.Rule(this, 'Rule', {
      description: `keyferry: objects created under ${prefix}`,
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: { bucket: { name: [bucketName] }, object: { key: events.Match.prefix(prefix) } },
      },
      targets: [
        new SfnStateMachine(machine, {
          // As it is: an input transformer neither escapes keys with quotes nor leaves out what an event lacks.
          input: events.RuleTargetInput.fromEventPath('$.detail'),
          deadLetterQueue: lost,
          maxEventAge: PATIENCE,
          retryAttempts: 185,
        }),
      ],
    });
  }
}
