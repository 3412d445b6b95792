// What of an AWS account the terminal works with. Who implements it brings region, credentials and the clients for it.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';

/** An execution of a state machine. */
export interface Execution {
  readonly isRunning: boolean;
  /** `SUCCEEDED`, `FAILED`, `ABORTED`, `TIMED_OUT`. */
  readonly status: string;
  /** JSON that it was started with; none where it may not be seen. */
  readonly input: string | undefined;
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

/** Calls throw the errors of {@link asAwsTrouble}. */
export interface Account {
  readonly region: string;
  readonly s3: S3Client;
  readonly dynamodb: DynamoDBClient;
  /** A stack's outputs by name; `undefined` where there is no such stack. */
  stackOutputs(stack: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** @returns the execution's ARN */
  startExecution(machine: string, input: object): Promise<string>;
  /** `undefined` where it is no longer remembered: 90 days after its end. */
  execution(arn: string): Promise<Execution | undefined>;
  /** Calls a function and gives its answer. */
  invoke(name: string): Promise<unknown>;
}
