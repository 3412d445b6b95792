// What a configuration becomes: bucket, table, functions, machines, doors, alarms and outputs.
import { readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../lib/config/index.ts';
import { flat, synthesise, TWO_TARGETS } from './synthesised.ts';

const two = synthesise(TWO_TARGETS);

test('the template is this one', () => {
  const text = JSON.stringify(two.template.toJSON(), undefined, 2);
  // Hashes of logical ids change with CDK's releases, and say nothing.
  expect(text.replace(/(?<=[a-z])[0-9A-F]{8}(?=["./])/g, '')).toMatchSnapshot();
});

test('synthesised twice it is the same', () => {
  expect(synthesise(TWO_TARGETS).template.toJSON()).toEqual(two.template.toJSON());
});

describe('the store', () => {
  test('the bucket: TLS only, encrypted, versioned, not public, heard by EventBridge, and left on destroy', () => {
    two.template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration: {
          ...{ BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        },
        NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
      },
    });
    const [policy] = two.of('AWS::S3::BucketPolicy');
    const text = JSON.stringify(policy);
    expect(text).toContain('"aws:SecureTransport":"false"');
    expect(text).toContain('"s3:TlsVersion"');
  });

  test('what lies under work/ goes after the days of the configuration, results stay', () => {
    const [bucket] = two.of('AWS::S3::Bucket');
    const { Rules } = bucket!.Properties.LifecycleConfiguration as { Rules: Record<string, unknown>[] };
    expect(Rules.find(({ Prefix }) => Prefix === 'work/')).toMatchObject({ ExpirationInDays: 14, Status: 'Enabled' });
    expect(Rules.some(({ Prefix }) => Prefix === 'results/' || Prefix === 'restore/')).toBe(false);
    const days = synthesise(`${TWO_TARGETS}`.replace('work = 14', 'work = 14\nresults = 400'));
    expect(JSON.stringify(days.of('AWS::S3::Bucket'))).toContain('"ExpirationInDays":400');
  });

  test('the table: as the ledger lays it out, with TTL and recovery, and left on destroy', () => {
    two.template.hasResource('AWS::DynamoDB::GlobalTable', {
      DeletionPolicy: 'Retain',
      Properties: {
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: 'jobs',
            KeySchema: [
              { AttributeName: 'listed', KeyType: 'HASH' },
              { AttributeName: 'createdAt', KeyType: 'RANGE' },
            ],
            Projection: { ProjectionType: 'ALL' },
          },
        ],
        TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
        BillingMode: 'PAY_PER_REQUEST',
        Replicas: [
          Match.objectLike({
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
            DeletionProtectionEnabled: true,
          }),
        ],
      },
    });
  });

  test('a KMS key encrypts both, and every function may use it', () => {
    const arn = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    const { template, of } = synthesise(`encryption = "${arn}"\n${TWO_TARGETS}`);
    template.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: arn } },
        ],
      },
    });
    template.hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
    });
    const policies = of('AWS::IAM::Policy').map((policy) => JSON.stringify(policy));
    const ofFunctions = policies.filter((policy) => policy.includes('dynamodb:GetItem'));
    // All but stray's, which remembers nothing.
    expect(ofFunctions).toHaveLength(of('AWS::Lambda::Function').length - 1);
    for (const policy of ofFunctions) expect(policy).toContain('kms:Decrypt');
  });

  test('a try-out leaves nothing', () => {
    const { of } = synthesise(`removal = "destroy"\n${TWO_TARGETS}`);
    for (const type of ['AWS::S3::Bucket', 'AWS::DynamoDB::GlobalTable', 'AWS::Logs::LogGroup']) {
      for (const { DeletionPolicy } of of(type)) expect(DeletionPolicy, type).toBe('Delete');
    }
  });
});

describe('the functions', () => {
  const functions = two.of('AWS::Lambda::Function');

  test('each runs on Node 24 and arm64, is traced, and has a queue for what gets lost', () => {
    expect(functions.map(({ Properties }) => Properties.Description).sort()).toEqual([
      ...['keyferry: asks cache what it can take', 'keyferry: asks orders what it can take'],
      ...['keyferry: cuts a file into chunks', 'keyferry: decodes chunks'],
      ...['keyferry: examines cache', 'keyferry: examines orders', 'keyferry: finishes decodes'],
      ...['keyferry: finishes jobs of cache', 'keyferry: finishes jobs of orders'],
      ...['keyferry: lets one file at a time into a target', 'keyferry: makes an RDB of lines'],
      ...['keyferry: records and reports why a job failed', 'keyferry: reports objects that lie below no door'],
      ...['keyferry: takes a file that has arrived, once'],
      ...['keyferry: writes chunks into cache', 'keyferry: writes chunks into orders'],
    ]);
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({
        ...{ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' },
        ...{ TracingConfig: { Mode: 'Active' }, DeadLetterConfig: { TargetArn: expect.anything() } },
      });
    }
  });

  test('each writes to a log group of its own, kept as long as configured', () => {
    const groups = functions.map(({ Properties }) =>
      flat((Properties.LoggingConfig as { LogGroup: unknown }).LogGroup),
    );
    expect(new Set(groups).size).toBe(functions.length);
    for (const { Properties } of two.of('AWS::Logs::LogGroup')) expect(Properties.RetentionInDays).toBe(90);
  });

  test('only those that reach a target are in its network', () => {
    const inVpc = functions.filter(({ Properties }) => Properties.VpcConfig !== undefined);
    expect(inVpc.map(({ Properties }) => Properties.Description).sort()).toEqual([
      'keyferry: asks cache what it can take',
      'keyferry: examines cache',
      'keyferry: finishes jobs of cache',
      'keyferry: writes chunks into cache',
    ]);
    expect(inVpc[0]?.Properties.VpcConfig).toEqual({
      ...{ SecurityGroupIds: ['sg-0123456789abcdef0'], SubnetIds: ['subnet-0123456789abcdef0'] },
    });
  });

  test('concurrency is reserved only where that is asked for', () => {
    const reserved = functions.filter(({ Properties }) => Properties.ReservedConcurrentExecutions !== undefined);
    expect(reserved.map(({ Properties }) => [Properties.Description, Properties.ReservedConcurrentExecutions])).toEqual(
      [['keyferry: writes chunks into cache', 7]],
    );
  });

  test('no environment holds more than the names of secrets', () => {
    for (const { Properties } of functions) {
      const { Variables } = Properties.Environment as { Variables: Record<string, unknown> };
      const names = Object.keys(Variables).filter((name) => name !== 'KEYFERRY_TOPIC');
      expect(names.sort()).toEqual([
        'KEYFERRY_BUCKET',
        'KEYFERRY_CONFIG',
        'KEYFERRY_TABLE',
        'POWERTOOLS_METRICS_NAMESPACE',
        'POWERTOOLS_SERVICE_NAME',
      ]);
      const config = JSON.parse(String(Variables.KEYFERRY_CONFIG)) as Record<string, unknown>;
      const known = ['target', 'chunkBytes', 'memoryMb', 'redactKeys', 'doors', 'decode'];
      expect(Object.keys(config).filter((key) => !known.includes(key))).toEqual([]);
    }
  });

  test('a CA that the environment cannot hold is refused at synth, with what to do instead', () => {
    const { config } = parseConfig(TWO_TARGETS, 'keyferry.toml');
    expect(config.targets.cache).toBeDefined();
    const long = TWO_TARGETS.replace('concurrency = 7', `concurrency = 7\ndb-map = { ${map(400)} }`);
    expect(() => synthesise(long)).toThrow(/settings of prepare take \d+ bytes, and Lambda holds 4096/);
  });
});

const map = (count: number): string => Array.from({ length: count }, (_, db) => `${db} = ${db + 1}`).join(', ');

test('a network’s endpoints are made once, for S3, DynamoDB and Secrets Manager', () => {
  const endpoints = two
    .of('AWS::EC2::VPCEndpoint')
    .map(({ Properties }) => [...[Properties.VpcEndpointType, flat(Properties.ServiceName)]]);
  expect(endpoints).toEqual([
    ['Gateway', 'com.amazonaws.eu-central-1.s3'],
    ['Gateway', 'com.amazonaws.eu-central-1.dynamodb'],
    ['Interface', 'com.amazonaws.eu-central-1.secretsmanager'],
  ]);
  two.template.hasResourceProperties('AWS::EC2::SecurityGroup', {
    SecurityGroupIngress: [{ FromPort: 443, ToPort: 443, SourceSecurityGroupId: 'sg-0123456789abcdef0' }],
  });
});

test('machines log without data and are traced; each has its target’s concurrency', () => {
  const machines = two.of('AWS::StepFunctions::StateMachine');
  expect(machines.map(({ Properties }) => Properties.StateMachineName)).toEqual([
    ...['Keyferry-restore-cache', 'Keyferry-load-cache', 'Keyferry-restore-orders', 'Keyferry-load-orders'],
    'Keyferry-decode',
  ]);
  for (const { Properties } of machines) {
    expect(Properties).toMatchObject({
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
    });
  }
  const texts = machines.map(({ Properties }) => flat(Properties.DefinitionString));
  expect(texts.map((text) => /"MaxConcurrency":(\d+)/.exec(text)?.[1])).toEqual(['7', '7', '4', '4', '8']);
});

test('a door hears its own folder only, starts its machine, and keeps what could not start it', () => {
  const rules = two
    .of('AWS::Events::Rule')
    .filter(({ Properties }) => Properties.Description !== 'keyferry: objects created where a door could be');
  expect(rules.map(({ Properties }) => JSON.stringify(Properties.EventPattern))).toEqual([
    ...[
      expect.stringContaining('[{"prefix":"restore/cache/"}]'),
      expect.stringContaining('[{"prefix":"load/cache/"}]'),
      expect.stringContaining('[{"prefix":"restore/orders/"}]'),
      expect.stringContaining('[{"prefix":"load/orders/"}]'),
      expect.stringContaining('[{"prefix":"decode/"}]'),
    ],
  ]);
  for (const { Properties } of rules) {
    expect(Properties.Targets).toEqual([
      expect.objectContaining({ InputPath: '$.detail', DeadLetterConfig: { Arn: expect.anything() } }),
    ]);
  }
});

test('each alarm tells the topic, and leads to a chapter of the runbook that is there', () => {
  const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
  const chapters = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const alarms = two.of('AWS::CloudWatch::Alarm');
  // Of each machine two, and three of the stack.
  expect(alarms).toHaveLength(two.of('AWS::StepFunctions::StateMachine').length * 2 + 3);
  for (const { Properties } of alarms) {
    expect(Properties.AlarmActions).toHaveLength(1);
    const [, chapter] = /docs\/runbook\.md#([\w-]+)$/.exec(String(Properties.AlarmDescription)) ?? [];
    expect(chapters).toContain(chapter);
  }
});

test('alarms may publish to the topic, whose policy takes TLS only', () => {
  const text = JSON.stringify(two.of('AWS::SNS::TopicPolicy'));
  expect(text).toContain('"Service":"cloudwatch.amazonaws.com"');
  expect(text).toContain('"aws:SecureTransport":"false"');
});

test('a topic of one’s own is used instead', () => {
  const topic = 'arn:aws:sns:eu-central-1:123456789012:ops';
  const { of } = synthesise(TWO_TARGETS.replace('email = "ops@example.com"', `topic = "${topic}"`));
  expect(of('AWS::SNS::Topic')).toEqual([]);
  for (const { Properties } of of('AWS::CloudWatch::Alarm')) expect(Properties.AlarmActions).toEqual([topic]);
});

test('outputs are commands to paste, and what the terminal tool looks up', () => {
  const commands = Object.fromEntries(Object.entries(two.outputs).map(([name, { Value }]) => [name, flat(Value)]));
  expect(Object.keys(commands).sort()).toEqual([
    ...['Bucket', 'Dashboard', 'DecodeFile', 'DecodeJobs', 'Doctors', 'JobsCache', 'JobsOrders', 'LoadCache'],
    ...['LoadOrders', 'PurgeBucket', 'PurgeTable', 'RestoreCache', 'RestoreOrders', 'Results', 'StateMachines'],
    'Table',
  ]);
  expect(JSON.parse(commands.Doctors ?? '')).toEqual({
    ...{ cache: expect.stringMatching(/^<Restorecachedoctor\w+>$/) },
    ...{ orders: expect.stringMatching(/^<Restoreordersdoctor\w+>$/) },
  });
  expect(commands.RestoreCache).toMatch(/^aws s3 cp dump\.rdb s3:\/\/<StoreBucket\w+>\/restore\/cache\/$/);
  expect(JSON.parse(commands.StateMachines ?? '')).toMatchObject({ 'restore/cache': expect.stringMatching(/^<\w+>$/) });
});

test('everything has the tags', () => {
  for (const type of [
    'AWS::S3::Bucket',
    'AWS::Lambda::Function',
    'AWS::StepFunctions::StateMachine',
    'AWS::SNS::Topic',
  ]) {
    for (const { Properties } of two.of(type)) {
      expect(Properties.Tags, type).toContainEqual({ Key: 'Project', Value: 'keyferry' });
    }
  }
});
