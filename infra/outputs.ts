// What the stack says when it is deployed: commands to paste, and where the terminal tool finds its parts.
import { CfnOutput, type Stack } from 'aws-cdk-lib';
import type { Config } from '../lib/config/index.ts';
import type { DecodePipeline } from './decode-pipeline.ts';
import type { DumpPipeline } from './dump-pipeline.ts';
import type { RestorePipeline } from './restore-pipeline.ts';
import type { Store } from './store.ts';

export interface OutputsProps {
  readonly store: Store;
  readonly pipelines: readonly RestorePipeline[];
  readonly decode: DecodePipeline;
  readonly dumps: readonly DumpPipeline[];
  readonly dashboardName: string;
  readonly removal: Config['removal'];
}

export function tellOutputs(
  stack: Stack,
  { store, pipelines, decode, dumps, dashboardName, removal }: OutputsProps,
): void {
  const { bucketName } = store.bucket;
  const { tableName } = store.table;
  const tell = (id: string, value: string, description: string) => new CfnOutput(stack, id, { value, description });

  for (const { name, restore } of pipelines) {
    const title = asId(name);
    tell(`Restore${title}`, `aws s3 cp dump.rdb s3://${bucketName}/restore/${name}/`, `Restores a file into ${name}`);
    tell(`Load${title}`, `aws s3 cp lines.jsonl s3://${bucketName}/load/${name}/`, `Loads JSON Lines into ${name}`);
    tell(
      `Jobs${title}`,
      `aws stepfunctions list-executions --state-machine-arn ${restore.machine.stateMachineArn}`,
      `Shows what became of the files for ${name}`,
    );
  }
  tell(
    'DecodeFile',
    `aws s3 cp dump.rdb s3://${bucketName}/decode/`,
    'Decodes a file to JSON Lines, under results/decode/',
  );
  tell(
    'DecodeJobs',
    `aws stepfunctions list-executions --state-machine-arn ${decode.decode.machine.stateMachineArn}`,
    'Shows what became of the files to decode',
  );
  for (const { name, dump } of dumps) {
    tell(
      `Dump${asId(name)}`,
      `aws stepfunctions start-execution --state-machine-arn ${dump.machine.stateMachineArn}`,
      `Makes a backup of ${name} now, under backups/${name}/`,
    );
  }
  tell('Results', `aws s3 ls --recursive s3://${bucketName}/results/`, 'Lists the reports of jobs');
  tell(
    'Dashboard',
    `https://${stack.region}.console.aws.amazon.com/cloudwatch/home?region=${stack.region}#dashboards/dashboard/${dashboardName}`,
    'Jobs, rates and errors as graphs',
  );

  // From these `keyferry aws` knows the deployment (lib/jobs/aws-client/deployment.ts).
  tell('Bucket', bucketName, 'Has the doors, the work files and the results');
  tell('Table', tableName, 'Has the records of jobs');
  const machines: Record<string, string> = {};
  for (const { label, machine } of [
    ...pipelines.flatMap(({ operated }) => operated),
    decode.operated,
    ...dumps.map(({ operated }) => operated),
  ]) {
    machines[label] = machine.stateMachineArn;
  }
  tell('StateMachines', stack.toJsonString(machines), 'What stands behind each door');
  const doctors = Object.fromEntries(pipelines.map(({ name, doctor }) => [name, doctor.function.functionName]));
  tell('Doctors', stack.toJsonString(doctors), 'The function that examines each target');

  if (removal === 'destroy') return;
  tell(
    'PurgeTable',
    `aws dynamodb update-table --table-name ${tableName} --no-deletion-protection-enabled && aws dynamodb delete-table --table-name ${tableName}`,
    'After cdk destroy: removes the table that it leaves',
  );
  tell(
    'PurgeBucket',
    `aws s3api put-bucket-lifecycle-configuration --bucket ${bucketName} --lifecycle-configuration '{"Rules":[{"ID":"purge","Status":"Enabled","Filter":{},"Expiration":{"Days":1},"NoncurrentVersionExpiration":{"NoncurrentDays":1}}]}'`,
    'After cdk destroy: empties the bucket that it leaves, within two days; then aws s3 rb',
  );
}

/** `orders-eu` as a part of an output's name: `OrdersEu`. */
const asId = (name: string): string => name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());
