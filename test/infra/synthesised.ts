// Stacks for tests: synthesised from the text of a configuration, with code that is not the functions'.
import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { KeyferryStack } from '../../infra/keyferry-stack.ts';
import { parseConfig } from '../../lib/config/index.ts';

const CDK = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')) as { context: object };

/** Two targets: one in a VPC with a secret, one by IAM from outside; a mail; endpoints made. */
export const TWO_TARGETS = `
account = "123456789012"
region = "eu-central-1"

[targets.cache]
endpoint = "rediss://cache.example.com:6379"
secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keyferry/cache-AbCdEf"
network = "main"
concurrency = 7
reserve-concurrency = true

[targets.orders]
endpoint = "rediss://orders.example.com:6379"
[targets.orders.iam]
user = "keyferry"
cache = "orders"

[networks.main]
vpc = "vpc-0123456789abcdef0"
subnets = [{ id = "subnet-0123456789abcdef0", zone = "eu-central-1a", route-table = "rtb-0123456789abcdef0" }]
security-groups = ["sg-0123456789abcdef0"]
endpoints = "create"

[notify]
email = "ops@example.com"

[retention]
work = 14
logs = 90

[tags]
Project = "keyferry"
`;

/** The same, and a source of backups in the VPC. */
export const WITH_SOURCE = `${TWO_TARGETS}
[sources.cache]
endpoint = "rediss://cache.example.com:6379"
secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keyferry/cache-AbCdEf"
network = "main"
schedule = "cron(30 3 * * ? *)"
time-zone = "Europe/Berlin"
flexible-window = "15m"
keep-daily = 7
`;

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** What a stack became, by logical ids. */
export interface Synthesised {
  readonly app: App;
  readonly stack: KeyferryStack;
  readonly resources: Record<string, Resource>;
  readonly outputs: Record<string, { Value: unknown; Description: string }>;
  readonly template: Template;
  /** The resources of a type. */
  of(type: string): Resource[];
}

export function makeApp(): App {
  return new App({ context: { ...CDK.context }, analyticsReporting: false });
}

/** @param prepare what is done to the app before the stack is in it */
export function synthesise(toml: string, prepare: (app: App) => void = () => {}): Synthesised {
  const app = makeApp();
  prepare(app);
  const { config } = parseConfig(toml, 'keyferry.toml');
  const stack = new KeyferryStack(app, 'Keyferry', { config, code: (name) => lambda.Code.fromInline(`// ${name}`) });
  const template = Template.fromStack(stack);
  const { Resources, Outputs } = template.toJSON() as {
    Resources: Record<string, Resource>;
    Outputs: Synthesised['outputs'];
  };
  const of = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  return { app, stack, resources: Resources, outputs: Outputs, template, of };
}

/** A value of the template as one text: `<Bucket.Arn>/work/*`. */
export function flat(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const {
    Ref,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
  } = value as {
    Ref?: string;
    'Fn::GetAtt'?: string[];
    'Fn::Join'?: [string, unknown[]];
  };
  if (Ref !== undefined) return `<${Ref}>`;
  if (attribute !== undefined) return `<${attribute.join('.')}>`;
  return join === undefined ? JSON.stringify(value) : join[1].map(flat).join(join[0]);
}
