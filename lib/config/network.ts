// A VPC that functions run in, imported by what it is made of: nothing is looked up when the stack is made.
import * as z from 'zod';
import { camelKeys, name, text } from './fields.ts';
import { ENDPOINT_PRICE } from './prices.ts';

const id = (prefix: string, description: string) =>
  text(
    new RegExp(`^${prefix}-[0-9a-f]{8,17}$`),
    `an id that begins with ${prefix}- belongs here. For example: ${prefix}-0123456789abcdef0`,
  ).meta({ description, example: `${prefix}-0123456789abcdef0` });

const subnet = z
  .strictObject({
    id: id('subnet', 'The subnet’s id.'),
    zone: text(
      /^[a-z]{2,}(?:-[a-z0-9]+)+[a-z]$/,
      'the name of an availability zone belongs here. For example: eu-central-1a',
    ).meta({ description: 'Its availability zone.', example: 'eu-central-1a' }),
    'route-table': id(
      'rtb',
      'Its route table. Required with `endpoints = "create"`: gateway endpoints are entries in it.',
    ).optional(),
  })
  .transform(camelKeys);

export const network = z
  .strictObject({
    vpc: id('vpc', 'The VPC’s id.'),
    subnets: z
      .array(subnet)
      .min(1)
      .describe(
        'The subnets that functions get their addresses in; private ones, since a function never has a public address.',
      ),
    'security-groups': z
      .array(id('sg', 'A security group’s id.'))
      .min(1)
      .max(5)
      .describe('Security groups of the functions; the target’s must let them in.'),
    endpoints: z
      .enum(['none', 'create', 'existing'])
      .prefault('none')
      .describe(
        `How functions reach S3, DynamoDB and Secrets Manager from inside. \`none\`: by the VPC’s own way out (see \`nat\`). \`existing\`: the VPC has endpoints for all three. \`create\`: the stack makes gateway endpoints for S3 and DynamoDB, which cost nothing, and an interface endpoint for Secrets Manager: ${ENDPOINT_PRICE}.`,
      ),
    nat: z
      .boolean()
      .prefault(false)
      .describe(
        'The subnets have a way out through a NAT gateway (or something like it). Said here so that nobody is warned.',
      ),
  })
  .superRefine(({ endpoints, subnets }, context) => {
    if (endpoints !== 'create') return;
    for (const [at, { routeTable }] of subnets.entries()) {
      if (routeTable !== undefined) continue;
      context.addIssue({
        code: 'custom',
        path: ['subnets', at],
        message:
          'endpoints = "create" enters gateway endpoints into route tables, and this subnet names none. Write route-table = "rtb-…" (aws ec2 describe-route-tables shows it)',
      });
    }
  })
  .transform(camelKeys);

export const networks = z.record(name, network);

export type Network = z.output<typeof network>;
