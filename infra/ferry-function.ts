// One function of keyferry: its bundle, a log group and a role of its own, tracing, and a queue for what gets lost.
import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FunctionCode } from './function-code.ts';
import type { Network } from './network.ts';
import { acceptWildcards, allow } from './permissions.ts';
import type { Store } from './store.ts';

/** What all functions of a stack have in common. */
export interface FunctionCommons {
  readonly store: Store;
  readonly code: FunctionCode;
  /** Gets what was invoked by hand, asynchronously, and failed. The machines invoke synchronously, and see for themselves. */
  readonly lost: sqs.IQueue;
  /** How long logs are kept, in days. */
  readonly logDays: number;
}

export interface FerryFunctionProps extends FunctionCommons {
  /** The file in `functions/`, without its ending. */
  readonly name: string;
  readonly description: string;
  /** What the function needs of the configuration; no secrets. */
  readonly config: object;
  readonly memoryMb: number;
  /** Of its own, for the time of a call. @default what Lambda gives: 512 */
  readonly diskMb?: number | undefined;
  /** How long one call may take, in ms. */
  readonly timeout: number;
  /** Where it runs. @default outside of any VPC */
  readonly network?: Network | undefined;
  /** A topic that the function tells people by. @default none */
  readonly topic?: sns.ITopic | undefined;
  /** Concurrent calls that are reserved out of the account's quota. @default none */
  readonly reserve?: number | undefined;
}

/** What Lambda takes in environment variables, all together. */
const ENVIRONMENT_BYTES = 4096;

/** Without these a function cannot be in a VPC; they take no narrower resource (AWSLambdaENIManagementAccess). */
const INTERFACE_ACTIONS = [
  ...['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface', 'ec2:DescribeNetworkInterfaces'],
  ...['ec2:DescribeSubnets', 'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses'],
];

/**
 * A function of `functions/NAME.ts` on Node 24, arm64. Its role may write its own logs, traces and the queue of lost
 * events, and nothing else until it is granted.
 *
 * @throws when the environment does not fit into Lambda's 4 KB
 */
export class FerryFunction extends Construct {
  readonly function: lambda.Function;
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: FerryFunctionProps) {
    super(scope, id);
    const { store, network, reserve, diskMb } = props;
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: props.logDays as logs.RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `keyferry: ${props.description}`,
    });
    allow(this.role, ['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    if (props.topic !== undefined) allow(this.role, ['sns:Publish'], [props.topic.topicArn]);
    if (network !== undefined) allow(this.role, INTERFACE_ACTIONS, ['*'], 'interfaces');
    this.function = new lambda.Function(this, 'Function', {
      code: props.code(props.name),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      description: `keyferry: ${props.description}`,
      memorySize: props.memoryMb,
      timeout: Duration.millis(props.timeout),
      tracing: lambda.Tracing.ACTIVE,
      deadLetterQueue: props.lost,
      role: this.role,
      logGroup,
      environment: environmentOf(props),
      ...(network === undefined ? {} : network.placement),
      ...(diskMb === undefined ? {} : { ephemeralStorageSize: Size.mebibytes(diskMb) }),
      ...(reserve === undefined ? {} : { reservedConcurrentExecutions: reserve }),
    });
    acceptWildcards(this.role, 'tracing', ['*']);
    store.grantKey(this.role);
  }
}

function environmentOf({ store, config, name, topic }: FerryFunctionProps): Record<string, string> {
  const settings = JSON.stringify(config);
  // Names of bucket and table are not known yet; 1 KiB is more than all the rest.
  if (Buffer.byteLength(settings) > ENVIRONMENT_BYTES - 1024) {
    throw new Error(
      `The settings of ${name} take ${Buffer.byteLength(settings)} bytes, and Lambda holds 4096 in the environment. Put the CA into a secret, and its ARN into tls.ca.`,
    );
  }
  return {
    KEYFERRY_BUCKET: store.bucket.bucketName,
    KEYFERRY_TABLE: store.table.tableName,
    KEYFERRY_CONFIG: settings,
    ...(topic === undefined ? {} : { KEYFERRY_TOPIC: topic.topicArn }),
    POWERTOOLS_SERVICE_NAME: 'keyferry',
    POWERTOOLS_METRICS_NAMESPACE: 'keyferry',
  };
}
