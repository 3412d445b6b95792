// An AWS account by the SDK's clients: region, profile and credentials as the SDK and the AWS CLI find them.
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { UsageError } from '../lib/errors.ts';
import type { Account, Execution } from '../lib/jobs/aws-client/account.ts';
import { asAwsTrouble } from '../lib/jobs/aws-client/trouble.ts';
import { asAwsFailure } from '../lib/storage/s3/aws-failure.ts';

export interface AccountChoice {
  readonly region?: string;
  readonly profile?: string;
}

const RUNNING: ReadonlySet<string> = new Set(['RUNNING', 'PENDING_REDRIVE']);

/** @throws {UsageError} `AWS_REGION` where none is set */
export async function openAccount(choice: AccountChoice, env: NodeJS.ProcessEnv): Promise<Account> {
  const { cloudFormation, region } = await asked('AWS cannot be asked', async () => {
    const client = new CloudFormationClient(choice);
    return { cloudFormation: client, region: await client.config.region() };
  });
  // One login for all clients: a role that asks for a code asks once.
  const common = { region, credentials: cloudFormation.config.credentials };
  const s3 = new S3Client({
    ...common,
    // AWS's own endpoints have the bucket in their name; those of an emulator on an address can't.
    forcePathStyle: (env.AWS_ENDPOINT_URL ?? env.AWS_ENDPOINT_URL_S3) !== undefined,
    followRegionRedirects: true,
  });
  return new SdkAccount(region, cloudFormation, new SFNClient(common), new LambdaClient(common), {
    s3,
    dynamodb: new DynamoDBClient(common),
  });
}

class SdkAccount implements Account {
  readonly region: string;
  readonly s3: S3Client;
  readonly dynamodb: DynamoDBClient;
  readonly #cloudFormation: CloudFormationClient;
  readonly #sfn: SFNClient;
  readonly #lambda: LambdaClient;

  constructor(
    region: string,
    cloudFormation: CloudFormationClient,
    sfn: SFNClient,
    lambda: LambdaClient,
    { s3, dynamodb }: Pick<Account, 's3' | 'dynamodb'>,
  ) {
    this.region = region;
    this.s3 = s3;
    this.dynamodb = dynamodb;
    this.#cloudFormation = cloudFormation;
    this.#sfn = sfn;
    this.#lambda = lambda;
  }

  async stackOutputs(StackName: string): Promise<Record<string, string> | undefined> {
    return asked('the stack cannot be looked up', async () => {
      try {
        const { Stacks = [] } = await this.#cloudFormation.send(new DescribeStacksCommand({ StackName }));
        const outputs = Stacks[0]?.Outputs ?? [];
        return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
      } catch (error) {
        // A ValidationError, whose text alone says which.
        if (/does not exist/.test(asAwsFailure(error).message)) return undefined;
        throw error;
      }
    });
  }

  async startExecution(stateMachineArn: string, input: object): Promise<string> {
    const start = new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) });
    const { executionArn = '' } = await asked('the job cannot be started', () => this.#sfn.send(start));
    return executionArn;
  }

  async execution(executionArn: string): Promise<Execution | undefined> {
    return asked('the execution cannot be looked up', async () => {
      try {
        const { status = '', ...rest } = await this.#sfn.send(new DescribeExecutionCommand({ executionArn }));
        const { input, error, cause } = rest;
        return { isRunning: RUNNING.has(status), status, input, error, cause };
      } catch (error) {
        if (asAwsFailure(error).name === 'ExecutionDoesNotExist') return undefined;
        throw error;
      }
    });
  }

  async invoke(FunctionName: string): Promise<unknown> {
    const call = new InvokeCommand({ FunctionName, Payload: '{}' });
    const { FunctionError, Payload } = await asked('the function cannot be called', () => this.#lambda.send(call));
    const answer = JSON.parse(Payload?.transformToString() || 'null') as unknown;
    if (FunctionError === undefined) return answer;
    const { errorMessage = FunctionError } = answer as { errorMessage?: string };
    throw new UsageError('AWS_FUNCTION_FAILED', `the function failed: ${errorMessage}`, {
      where: FunctionName,
      remedy: `Its log says more; its name: aws lambda get-function-configuration --function-name ${FunctionName} --query LoggingConfig.LogGroup`,
    });
  }
}

async function asked<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asAwsTrouble(what, error);
  }
}
