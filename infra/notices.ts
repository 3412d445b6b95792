// Who is told: a topic that jobs and alarms publish to, and the queue that holds what could not be delivered.
import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { accept } from './permissions.ts';

export interface NoticesProps {
  /** Gets a mail for each notice, once it has confirmed that. @default nobody */
  readonly email?: string | undefined;
  /** ARN of a topic to use instead of a new one. @default a topic of the stack */
  readonly topicArn?: string | undefined;
}

/** How long lost events wait for somebody to look: the longest that SQS keeps anything. */
const LOST_DAYS = 14;

/** The topic for notices, and the queue for events, notices and calls that were given up. */
export class Notices extends Construct {
  readonly topic: sns.ITopic;
  readonly lost: sqs.Queue;

  constructor(scope: Construct, id: string, { email, topicArn }: NoticesProps = {}) {
    super(scope, id);
    this.lost = new sqs.Queue(this, 'Lost', {
      enforceSSL: true,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      retentionPeriod: Duration.days(LOST_DAYS),
    });
    accept(this.lost, 'lostEvents', 'Serverless-SQSRedrivePolicy');
    this.topic = topicArn === undefined ? this.#makeTopic() : sns.Topic.fromTopicArn(this, 'Topic', topicArn);
    if (email !== undefined) {
      this.topic.addSubscription(new EmailSubscription(email, { deadLetterQueue: this.lost }));
    }
  }

  #makeTopic(): sns.Topic {
    const topic = new sns.Topic(this, 'Topic', { displayName: 'keyferry', enforceSSL: true });
    // A topic with a policy of its own, as enforceSSL makes it, has lost the one that lets alarms in.
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'Alarms',
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    return topic;
  }
}
