// What roles may do: one statement at a time, and for each wildcard in one the reason why it is there.
import { Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/**
 * Why findings of cdk-nag are meant to be. Each is accepted at the construct that it is about, by its exact id; the list
 * stands in docs/security.md too.
 */
export const REASONS = {
  folder:
    'A function works at objects whose names are not known before they arrive. It may do so in the folders of its own work, and there only what it does.',
  tracing:
    'X-Ray takes traces, and CloudWatch Logs deliveries of logs of Step Functions, by no narrower resource; neither lets anybody read.',
  interfaces:
    'A function in a VPC makes its own network interface. Of these actions EC2 takes no narrower resource that is known beforehand.',
  executions:
    'A distributed map runs its items as executions of its own machine, whose names Step Functions makes up. No other machine is meant.',
  accessLogs:
    'Access logs of the bucket would be a second bucket that grows for ever. Who needs them has CloudTrail data events, which see more; the choice is the account’s.',
  emptying:
    'The stack of a try-out (`removal = "destroy"`) takes with it all that is in its bucket, wherever in the bucket it lies. Other stacks do not have this function.',
  lostEvents: 'The queue is itself the one for what was lost. An alarm tells when something lies there.',
} as const;

export type Reason = keyof typeof REASONS;

/** Accepts findings about a construct and what is in it, by their ids. */
export function accept(scope: IConstruct, reason: Reason, ...ids: readonly string[]): void {
  Validations.of(scope).acknowledge(...ids.map((id) => ({ id, reason: REASONS[reason] })));
}

/**
 * Adds one statement to a role.
 *
 * @param wildcards why there are wildcards among the resources, where there are
 */
export function allow(
  role: iam.IRole,
  actions: readonly string[],
  resources: readonly string[],
  ...wildcards: readonly Reason[]
): void {
  role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: [...actions], resources: [...resources] }));
  for (const reason of wildcards) acceptWildcards(role, reason, resources);
}

/** Accepts wildcards among the resources of a role's statements, each by its own finding. */
export function acceptWildcards(role: iam.IRole, reason: Reason, resources: readonly string[]): void {
  const names = resources.map((resource) => nameOf(Stack.of(role).resolve(resource)));
  accept(
    role,
    reason,
    ...names.filter((name) => name.includes('*')).map((name) => `AwsSolutions-IAM5[Resource::${name}]`),
  );
}

/** A resource as cdk-nag writes it: `<Bucket.Arn>/work/*`. */
function nameOf(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const {
    Ref,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
  } = resource as {
    Ref?: string;
    'Fn::GetAtt'?: [string, string];
    'Fn::Join'?: [string, unknown[]];
  };
  if (attribute !== undefined) return `<${attribute.join('.')}>`;
  return join === undefined ? `<${Ref}>` : join[1].map(nameOf).join(join[0]);
}
