// A schedule of EventBridge Scheduler that starts one thing, by a role that may do nothing else.
import * as iam from 'aws-cdk-lib/aws-iam';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { allow } from './permissions.ts';

export interface TimerProps {
  readonly description: string;
  /** `rate(…)` or `cron(…)`. */
  readonly schedule: string;
  /** Of a cron expression. @default UTC */
  readonly timeZone?: string | undefined;
  /** The time comes at some moment in so many minutes. @default at the minute */
  readonly windowMinutes?: number | undefined;
  /** What may be done to it: `lambda:InvokeFunction`. */
  readonly action: string;
  /** What is started. */
  readonly arn: string;
  /** Gets what could not be started. */
  readonly lost: sqs.IQueue;
}

/** Scheduler tries for so long: a later start is told by the next one. */
const PATIENCE_SECONDS = 3600;
const TRIES = 60;

export class Timer extends Construct {
  constructor(scope: Construct, id: string, props: TimerProps) {
    super(scope, id);
    const { description, schedule, timeZone, windowMinutes, action, arn, lost } = props;
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com') });
    allow(role, [action], [arn]);
    allow(role, ['sqs:SendMessage'], [lost.queueArn]);
    new CfnSchedule(this, 'Schedule', {
      ...{ description, scheduleExpression: schedule },
      ...(timeZone !== undefined && { scheduleExpressionTimezone: timeZone }),
      flexibleTimeWindow:
        windowMinutes === undefined ? { mode: 'OFF' } : { mode: 'FLEXIBLE', maximumWindowInMinutes: windowMinutes },
      target: {
        ...{ arn, roleArn: role.roleArn, input: '{}' },
        deadLetterConfig: { arn: lost.queueArn },
        retryPolicy: { maximumEventAgeInSeconds: PATIENCE_SECONDS, maximumRetryAttempts: TRIES },
      },
    }).node.addDependency(role);
  }
}
