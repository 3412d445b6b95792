// Restores RDB files into one target: a door, a state machine, and the functions that reach the target.
import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { TargetSettings } from '../lib/config/index.ts';
import { Door } from './door.ts';
import { FerryFunction } from './ferry-function.ts';
import type { Network } from './network.ts';
import type { Notices } from './notices.ts';
import { acceptWildcards, allow } from './permissions.ts';
import { invokable, type RestoreFunctions } from './restore-functions.ts';
import { restoreMachine } from './restore-machine.ts';

export interface RestorePipelineProps {
  /** The target's name; `restore/NAME/` is its door. */
  readonly name: string;
  /** As the configuration has it (`parseConfig(text, file).config.targets.NAME`). */
  readonly target: TargetSettings;
  readonly functions: RestoreFunctions;
  readonly notices: Notices;
  /** Where the target is reached from. @default outside of any VPC */
  readonly network?: Network | undefined;
}

/**
 * Everything that one target needs: put an RDB under `restore/NAME/` of the store's bucket, and it is restored.
 *
 * @example
 * new RestorePipeline(this, 'Cache', { name: 'cache', target: config.targets.cache, functions, notices });
 */
export class RestorePipeline extends Construct {
  readonly name: string;
  readonly machine: sfn.StateMachine;
  readonly prepare: FerryFunction;
  readonly restoreChunk: FerryFunction;
  readonly finish: FerryFunction;
  /** Where the machine logs what it does. */
  readonly logGroup: logs.LogGroup;
  /** The machine's role. */
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: RestorePipelineProps) {
    super(scope, id);
    const { name, target, functions, notices } = props;
    this.name = name;
    this.prepare = this.#makeFunction(props, 'prepare', `asks ${name} what it can take`);
    this.restoreChunk = this.#makeFunction(props, 'restore-chunk', `restores chunks into ${name}`);
    this.finish = this.#makeFunction(props, 'finish', `finishes jobs of ${name}`);
    const { store, settings, lost, logDays } = functions.props;
    for (const { role } of [this.prepare, this.restoreChunk]) store.grantFolder(role, `work/restore/${name}`, 'write');
    store.grantFolder(this.finish.role, `restore/${name}`, 'tag');
    store.grantFolder(this.finish.role, `results/restore/${name}`, 'write');

    const stack = Stack.of(this);
    const machineName = `${stack.stackName}-restore-${name}`;
    this.role = this.#makeRole(machineName, props);
    this.logGroup = new logs.LogGroup(this, 'Logs', {
      // Without this beginning each machine takes some of the little room that CloudWatch has for policies.
      logGroupName: `/aws/vendedlogs/states/${machineName}`,
      retention: logDays as logs.RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const { claim, lease, plan, fail } = functions;
    const definition = restoreMachine(
      {
        claim: claim.function.functionArn,
        lease: lease.function.functionArn,
        plan: plan.function.functionArn,
        prepare: this.prepare.function.functionArn,
        restoreChunk: this.restoreChunk.function.functionArn,
        finish: this.finish.function.functionArn,
        fail: fail.function.functionArn,
        topic: notices.topic.topicArn,
      },
      { target: name, concurrency: target.concurrency, timeoutSeconds: Duration.millis(settings.timeout).toSeconds() },
    );
    this.machine = new sfn.StateMachine(this, 'Machine', {
      stateMachineName: machineName,
      definitionBody: sfn.DefinitionBody.fromString(stack.toJsonString(definition)),
      role: this.role,
      tracingEnabled: true,
      logs: { destination: this.logGroup, level: sfn.LogLevel.ALL, includeExecutionData: false },
    });
    new Door(this, 'Door', {
      bucketName: store.bucket.bucketName,
      prefix: `restore/${name}/`,
      machine: this.machine,
      lost,
    });
  }

  /** A function that reaches the target: in its VPC, with its secrets. */
  #makeFunction({ name, target, functions, network }: RestorePipelineProps, file: string, description: string) {
    const { store, settings } = functions.props;
    const { network: _, ...reached } = target;
    const made = new FerryFunction(this, file, {
      ...functions.props,
      ...{ name: file, description, network },
      config: { target: { name, ...reached }, chunkBytes: settings.chunkBytes, redactKeys: settings.redactKeys },
      memoryMb: settings.memoryMb,
      timeout: settings.timeout,
      reserve: target.reserveConcurrency && file === 'restore-chunk' ? target.concurrency : undefined,
    });
    store.grantTable(made.role);
    store.grantFolder(made.role, `restore/${name}`, 'read');
    store.grantFolder(made.role, `work/restore/${name}`, 'read');
    const secrets = secretsOf(target);
    if (secrets.length > 0) allow(made.role, ['secretsmanager:GetSecretValue'], secrets);
    if (target.iam !== undefined) allow(made.role, [`${target.iam.service}:Connect`], connectArns(this, target.iam));
    return made;
  }

  /** What the machine itself does: call functions, read the chunks' file, start the map's items, tell people. */
  #makeRole(machineName: string, { name, functions, notices }: RestorePipelineProps): iam.Role {
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') });
    functions.grantInvoke(role);
    for (const { function: called } of [this.prepare, this.restoreChunk, this.finish]) invokable(called, role);
    functions.props.store.grantFolder(role, `work/restore/${name}`, 'read');
    allow(role, ['sns:Publish'], [notices.topic.topicArn]);
    const arn = (resource: string, resourceName: string) =>
      Stack.of(this).formatArn({ service: 'states', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
    // A distributed map runs its items as executions of the machine itself.
    allow(role, ['states:StartExecution'], [arn('stateMachine', machineName)]);
    allow(
      role,
      ['states:DescribeExecution', 'states:StopExecution'],
      [arn('execution', `${machineName}:*`)],
      'executions',
    );
    acceptWildcards(role, 'tracing', ['*']);
    return role;
  }
}

/** ARNs of the secrets that a target is reached with. */
function secretsOf({ secret, tls }: TargetSettings): string[] {
  const ca = tls?.ca !== undefined && 'secret' in tls.ca ? tls.ca.secret : undefined;
  return [secret, ca, tls?.clientCertSecret].filter((arn) => arn !== undefined);
}

/** A cache and the user to connect as: IAM asks for both. */
function connectArns(scope: Construct, { service, user, cache, serverless }: NonNullable<TargetSettings['iam']>) {
  const kind = service === 'memorydb' ? 'cluster' : serverless ? 'serverlesscache' : 'replicationgroup';
  const separator = service === 'memorydb' ? ArnFormat.SLASH_RESOURCE_NAME : ArnFormat.COLON_RESOURCE_NAME;
  const arn = (resource: string, resourceName: string) =>
    Stack.of(scope).formatArn({ service, resource, resourceName, arnFormat: separator });
  return [arn(kind, cache), arn('user', user)];
}
