// The largest stacks that a configuration may ask for are not larger than CloudFormation takes.
import { expect, test } from 'vitest';
import { parseConfig } from '../../lib/config/index.ts';
import { countResources, MOST_RESOURCES } from '../../lib/config/resources.ts';
import { synthesise } from './synthesised.ts';

const SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:keyferry/cache-AbCdEf';

/** With all that makes resources, each server in a network of its own where there are networks. */
function configuration(targets: number, sources: number, networks: number): string {
  const parts = [
    'account = "123456789012"\nregion = "eu-central-1"\nremoval = "destroy"',
    'encryption = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"',
    '[notify]\nemail = "ops@example.com"',
  ];
  const server = (table: string, at: number, more = '') => {
    const network = networks === 0 ? '' : `network = "n${at % networks}"\n`;
    parts.push(`[${table}]\nendpoint = "rediss://cache.example.com"\nsecret = "${SECRET}"\n${network}${more}`);
  };
  for (let at = 0; at < targets; at++) server(`targets.t${at}`, at);
  for (let at = 0; at < sources; at++) server(`sources.s${at}`, at, 'schedule = "rate(1 day)"\nkeep-daily = 7\n');
  for (let at = 0; at < networks; at++) {
    const id = `${at}`.padStart(17, '0');
    const subnet = `{ id = "subnet-${id}", zone = "eu-central-1a", route-table = "rtb-${id}" }`;
    parts.push(
      `[networks.n${at}]\nvpc = "vpc-${id}"\nsubnets = [${subnet}]\nsecurity-groups = ["sg-${id}"]\nendpoints = "create"`,
    );
  }
  return `${parts.join('\n')}\n`;
}

test.each([
  [12, 0, 0],
  [0, 16, 0],
  [7, 7, 0],
  [6, 6, 6],
  [1, 1, 1],
])(
  '%i targets, %i sources and %i networks',
  (targets, sources, networks) => {
    const toml = configuration(targets, sources, networks);
    const made = Object.keys(synthesise(toml).resources).length;
    const counted = countResources(parseConfig(toml, 'keyferry.toml').config);
    expect(made).toBeLessThanOrEqual(counted);
    expect(counted).toBeLessThanOrEqual(MOST_RESOURCES);
    // Nothing is refused that has room.
    expect(counted - made).toBeLessThan(34);
  },
  60_000,
);
