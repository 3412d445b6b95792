// keyferry deployed on a local AWS of its own, from the synthesised template unchanged, with hands to use it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import {
  GetObjectTaggingCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  type S3Client,
  type Tag,
} from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import { getObject, putObject } from '../support/local-aws/buckets.ts';
import { type LocalAws, startLocalAws } from '../support/local-aws/local-aws.ts';
import { ACCOUNT, Cdk, REGION } from './cdk.ts';
import { hear, type Notice, type NoticeBoard } from './notice-board.ts';

/** An execution that has ended. */
export interface Ended {
  readonly arn: string;
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly output: string | undefined;
}

export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  readonly id: string;
}

/** A chunk of a map, as an execution of its own. */
export interface Item {
  readonly status: string;
  /** Unix ms. */
  readonly begin: number;
  readonly end: number;
  /** How often its function was called. */
  readonly calls: number;
}

export interface DeployOptions {
  /** The app, its path from the checkout on. Default: keyferry's own. */
  app?: string;
  /** Of the local AWS. */
  settings?: Record<string, string>;
  /** Policies are enforced. Default: where KEYFERRY_AWS is `enforced`. */
  enforced?: boolean;
}

const STILL_RUNNING = new Set(['RUNNING', 'PENDING_REDRIVE']);

export class Deployment implements AsyncDisposable {
  readonly aws: LocalAws;
  readonly cdk: Cdk;
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  readonly sns: SNSClient;
  readonly cloudFormation: CloudFormationClient;
  readonly #folder: string;
  readonly #app: string;
  #board: NoticeBoard | undefined;
  assembly = '';
  outputs: Record<string, string> = {};
  bucket = '';

  private constructor(aws: LocalAws, folder: string, app: string) {
    this.#app = app;
    this.aws = aws;
    this.#folder = folder;
    this.cdk = new Cdk(aws, folder);
    this.s3 = aws.s3();
    const common = aws.config();
    this.sfn = new SFNClient(common);
    this.sns = new SNSClient(common);
    this.cloudFormation = new CloudFormationClient(common);
  }

  /**
   * Starts a local AWS and deploys a configuration to it; ends with it.
   *
   * @param config keyferry.toml, or what makes it once there is an AWS
   */
  static async of(
    config: string | ((aws: LocalAws) => Promise<string>),
    options: DeployOptions = {},
  ): Promise<Deployment> {
    const { app = 'infra/app.ts', settings = {}, enforced = process.env.KEYFERRY_AWS === 'enforced' } = options;
    const folder = mkdtempSync(join(tmpdir(), 'keyferry-e2e-'));
    const deployment = new Deployment(await startLocalAws(settings, { enforced }), folder, app);
    try {
      await deployment.cdk.bootstrap();
      await deployment.update(typeof config === 'string' ? config : await config(deployment.aws));
      const topic = (await deployment.resources()).find(({ type }) => type === 'AWS::SNS::Topic');
      deployment.#board = await hear(deployment.sns, topic?.id ?? '');
      return deployment;
    } catch (error) {
      await deployment[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Deploys a configuration, for the first time or over what is there. */
  async update(config: string): Promise<void> {
    const file = join(this.#folder, 'keyferry.toml');
    writeFileSync(file, config);
    this.assembly = await this.cdk.synth(file, this.#app);
    this.outputs = await this.cdk.deploy(this.assembly);
    const bucket = (await this.resources()).find(({ type }) => type === 'AWS::S3::Bucket');
    this.bucket = bucket?.id ?? '';
  }

  async resources(StackName = 'Keyferry'): Promise<Resource[]> {
    const { StackResources = [] } = await this.cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
    return StackResources.map(({ LogicalResourceId = '', ResourceType = '', PhysicalResourceId = '' }) => ({
      ...{ logicalId: LogicalResourceId, type: ResourceType, id: PhysicalResourceId },
    }));
  }

  get notices(): readonly Notice[] {
    return this.#board?.notices ?? [];
  }

  /** Waits for so many notices; gives all that came. */
  async told(count: number): Promise<readonly Notice[]> {
    const deadline = Date.now() + 5000;
    while (this.notices.length < count && Date.now() < deadline) await sleep(20);
    return this.notices;
  }

  forgetNotices(): void {
    this.#board?.notices.splice(0);
  }

  /** @param door as it is in the bucket, `load/cache`; a target's name alone is its restore */
  machineOf(door: string): string {
    const name = door.includes('/') || door === 'decode' ? door.replace('/', '-') : `restore-${door}`;
    return `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:Keyferry-${name}`;
  }

  /** Puts a file of this machine into the bucket, as `aws s3 cp` does; gives the version. */
  async drop(file: string | Buffer, key: string): Promise<string> {
    return putObject(this.s3, this.bucket, key, typeof file === 'string' ? await readFile(file) : file);
  }

  /** The text of an object; `undefined` where there is none. */
  async read(key: string): Promise<string | undefined> {
    return (await getObject(this.s3, this.bucket, key))?.toString();
  }

  async tagsOf(Key: string): Promise<Record<string, string>> {
    const { TagSet = [] } = await this.s3.send(new GetObjectTaggingCommand({ Bucket: this.bucket, Key }));
    return Object.fromEntries(TagSet.map(({ Key: name = '', Value = '' }: Tag) => [name, Value]));
  }

  async start(target: string, input: object): Promise<string> {
    const start = { stateMachineArn: this.machineOf(target), input: JSON.stringify(input) };
    return (await this.sfn.send(new StartExecutionCommand(start))).executionArn ?? '';
  }

  /** The executions of a target's machine, oldest first. */
  async executions(target: string): Promise<string[]> {
    const list = new ListExecutionsCommand({ stateMachineArn: this.machineOf(target) });
    const { executions = [] } = await this.sfn.send(list);
    const byStart = executions.sort((a, b) => Number(a.startDate) - Number(b.startDate));
    return byStart.map(({ executionArn = '' }) => executionArn);
  }

  /**
   * Waits until so many executions of a target have ended in all.
   *
   * @throws after the patience, with where they stand
   */
  async ended(target: string, count: number, patienceMs = 60_000): Promise<Ended[]> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const all = await Promise.all((await this.executions(target)).map((arn) => this.#describe(arn)));
      const ended = all.filter(({ status }) => !STILL_RUNNING.has(status));
      if (ended.length >= count && ended.length === all.length) return ended;
      if (Date.now() > deadline) {
        const histories = await Promise.all(all.map(({ arn }) => this.#whereabouts(arn)));
        throw new Error(`${ended.length} of ${count} executions ended:\n${histories.join('\n')}\n${this.log()}`);
      }
      await sleep(100);
    }
  }

  /** When an execution first entered one state and last entered another, in unix ms. */
  async span(executionArn: string, from: string, to: string): Promise<[begin: number, end: number]> {
    const { events = [] } = await this.sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
    const timesOf = (name: string) =>
      events.filter((event) => event.stateEnteredEventDetails?.name === name).map((event) => Number(event.timestamp));
    return [Math.min(...timesOf(from)), Math.max(...timesOf(to))];
  }

  /** The chunks that an execution has worked at. */
  async items(executionArn: string): Promise<Item[]> {
    const { mapRuns = [] } = await this.sfn.send(new ListMapRunsCommand({ executionArn }));
    const lists = await Promise.all(
      mapRuns.map(({ mapRunArn }) => this.sfn.send(new ListExecutionsCommand({ mapRunArn, maxResults: 1000 }))),
    );
    return Promise.all(
      lists.flatMap(({ executions = [] }) =>
        executions.map(async ({ executionArn, status = '', startDate, stopDate }) => {
          const history = new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 });
          const { events = [] } = await this.sfn.send(history);
          const calls = events.filter(({ type }) => type === 'TaskScheduled').length;
          return { status, begin: Number(startDate), end: Number(stopDate), calls };
        }),
      ),
    );
  }

  /** The definition of a target's machine as it is deployed. */
  async definition(target: string): Promise<unknown> {
    const describe = new DescribeStateMachineCommand({ stateMachineArn: this.machineOf(target) });
    return JSON.parse((await this.sfn.send(describe)).definition ?? '');
  }

  async machines(): Promise<string[]> {
    const { stateMachines = [] } = await this.sfn.send(new ListStateMachinesCommand({}));
    return stateMachines.map(({ name = '' }) => name);
  }

  /** All versions in the bucket, by key and id. */
  async versions(): Promise<string[]> {
    const { Versions = [] } = await this.s3.send(new ListObjectVersionsCommand({ Bucket: this.bucket }));
    return Versions.map(({ Key, VersionId }) => `${Key} ${VersionId}`);
  }

  async buckets(): Promise<string[]> {
    const { Buckets = [] } = await this.s3.send(new ListBucketsCommand({}));
    return Buckets.map(({ Name = '' }) => Name);
  }

  async tables(): Promise<string[]> {
    return (await this.aws.dynamodb().send(new ListTablesCommand({}))).TableNames ?? [];
  }

  async #describe(executionArn: string): Promise<Ended> {
    const { status = '', error, cause, output } = await this.sfn.send(new DescribeExecutionCommand({ executionArn }));
    return { arn: executionArn, status, error, cause, output };
  }

  /** The states that an execution has been in. */
  async #whereabouts(executionArn: string): Promise<string> {
    const history = new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 20 });
    const { events = [] } = await this.sfn.send(history);
    return `${executionArn}: ${events.map((event) => event.stateEnteredEventDetails?.name ?? event.type).join(' < ')}`;
  }

  /** The end of what the local AWS and the functions in it have logged. */
  log(): string {
    return this.aws.log().slice(-6000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [this.sfn, this.sns, this.cloudFormation]) client.destroy();
    await this.#board?.[Symbol.asyncDispose]();
    await this.aws.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
