// One state machine of keyferry: its role and log group, and the door that starts it, where there is one.
import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { Door } from './door.ts';
import type { FerryFunction, FunctionCommons } from './ferry-function.ts';
import type { Notices } from './notices.ts';
import { acceptWildcards, allow } from './permissions.ts';
import type { Asl } from './states.ts';

export interface FerryMachineProps extends Pick<FunctionCommons, 'store' | 'lost' | 'logDays'> {
  /** Mode and target, as in the bucket: `restore/cache`. The machine's name ends in it. */
  readonly folder: string;
  /** Objects that are created in the folder start it, and a map over them is distributed. @default true */
  readonly door?: boolean;
  /** What it calls. */
  readonly functions: readonly FerryFunction[];
  readonly notices: Notices;
  readonly definition: Asl;
}

export class FerryMachine extends Construct {
  readonly machine: sfn.StateMachine;
  /** The machine's own. */
  readonly role: iam.Role;
  /** Where the machine logs what it does. */
  readonly logGroup: logs.LogGroup;

  constructor(scope: Construct, id: string, props: FerryMachineProps) {
    super(scope, id);
    const { folder, definition, store, lost } = props;
    const stack = Stack.of(this);
    const name = `${stack.stackName}-${folder.replace('/', '-')}`;
    this.role = this.#makeRole(name, props);
    this.logGroup = new logs.LogGroup(this, 'Logs', {
      // Without this beginning each machine takes some of the little room that CloudWatch has for policies.
      logGroupName: `/aws/vendedlogs/states/${name}`,
      retention: props.logDays as logs.RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.machine = new sfn.StateMachine(this, 'Machine', {
      stateMachineName: name,
      definitionBody: sfn.DefinitionBody.fromString(stack.toJsonString(definition)),
      role: this.role,
      tracingEnabled: true,
      logs: { destination: this.logGroup, level: sfn.LogLevel.ALL, includeExecutionData: false },
    });
    if (props.door === false) return;
    new Door(this, 'Door', {
      bucketName: store.bucket.bucketName,
      prefix: `${folder}/`,
      machine: this.machine,
      lost,
    });
  }

  /** What the machine itself does: call functions, read the chunks' file, start the map's items, tell people. */
  #makeRole(name: string, { folder, functions, notices, store, door }: FerryMachineProps): iam.Role {
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') });
    // `grantInvoke` of a function would allow its versions too, by a wildcard.
    for (const { function: called } of functions) allow(role, ['lambda:InvokeFunction'], [called.functionArn]);
    allow(role, ['sns:Publish'], [notices.topic.topicArn]);
    acceptWildcards(role, 'tracing', ['*']);
    if (door === false) return role;
    store.grantFolder(role, `work/${folder}`, 'read');
    const arn = (resource: string, resourceName: string) =>
      Stack.of(this).formatArn({ service: 'states', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
    // A distributed map runs its items as executions of the machine itself.
    allow(role, ['states:StartExecution'], [arn('stateMachine', name)]);
    allow(role, ['states:DescribeExecution', 'states:StopExecution'], [arn('execution', `${name}:*`)], 'executions');
    return role;
  }
}
