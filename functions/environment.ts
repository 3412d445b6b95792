// What a function is told by its environment, and the clients that it keeps between calls.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { Table } from '../lib/checkpoint/dynamodb/table.ts';
import type { DecodeSettings } from '../lib/jobs/aws/decode-options.ts';
import type { AwsMode, Cloud } from '../lib/jobs/aws/job.ts';
import type { NamedTarget } from '../lib/jobs/aws/restore-steps.ts';
import { systemClock } from '../lib/telemetry/clock.ts';

/** KEYFERRY_CONFIG: JSON, without any secret. */
export interface FunctionConfig {
  readonly redactKeys: boolean;
}

/** That of functions that work with a plan. */
export interface PlanConfig extends FunctionConfig {
  /** Size from which a chunk is closed. */
  readonly chunkBytes: Readonly<Record<AwsMode, number>>;
}

/** That of functions that decode. */
export interface DecodeConfig extends PlanConfig {
  readonly decode: DecodeSettings;
}

/** That of functions in a target's network. */
export interface TargetConfig extends PlanConfig {
  readonly target: NamedTarget;
}

/** A variable that the stack sets. */
export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: deploy this function with its stack`);
  return value;
}

/** What the stack says; its shape is the stack's word, which synth checked. */
export const config = <C extends FunctionConfig>(): C => JSON.parse(variable('KEYFERRY_CONFIG')) as C;

/** Without these a call from a VPC that has no way to S3 or DynamoDB would wait until it is cut off, and say nothing; ms. */
const CONNECT_MS = 5000;
const ANSWER_MS = 20_000;

let cloud: Cloud | undefined;

export function openCloud(): Cloud {
  cloud ??= {
    // AWS's own endpoints have the bucket in their name; those of an emulator on an address can't.
    s3: new S3Client({
      forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined,
      requestHandler: { connectionTimeout: CONNECT_MS },
    }),
    table: new Table(
      new DynamoDBClient({ requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: ANSWER_MS } }),
      variable('KEYFERRY_TABLE'),
    ),
    bucket: variable('KEYFERRY_BUCKET'),
    clock: systemClock,
    redactKeys: config().redactKeys,
  };
  return cloud;
}
