// Who may do what: each statement of each role, and which wildcards are meant to be.
import { readFileSync } from 'node:fs';
import { Duration, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { expect, test } from 'vitest';
import { REASONS } from '../../infra/permissions.ts';
import { checkRules } from '../../infra/rules.ts';
import { flat, type Synthesised, synthesise, TWO_TARGETS, WITH_SOURCE } from './synthesised.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: object;
}

const listed = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** Each role's statements, a line each: `s3:GetObject on <Bucket.Arn>/work/*`. */
function permissions({ resources }: Synthesised): Record<string, string[]> {
  const roles: Record<string, string[]> = {};
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type !== 'AWS::IAM::Policy') continue;
    const { PolicyDocument, Roles } = Properties as { PolicyDocument: { Statement: Statement[] }; Roles: unknown[] };
    const role = Roles.map(flat)
      .join()
      .replace(/[0-9A-F]{8}>$/, '>');
    const lines = PolicyDocument.Statement.flatMap(({ Effect, Action, Resource, Condition }) =>
      listed(Resource).map(
        (resource) =>
          `${Effect === 'Allow' ? '' : `${Effect} `}${listed(Action).sort().join(' ')} on ${flat(resource).replace(/[0-9A-F]{8}(?=[.>])/g, '')}${Condition === undefined ? '' : ` if ${JSON.stringify(Condition)}`}`,
      ),
    );
    roles[role] = [...(roles[role] ?? []), ...lines].sort();
  }
  return roles;
}

const two = synthesise(WITH_SOURCE);
const tryOut = synthesise(`removal = "destroy"\n${TWO_TARGETS}`);

test('each role may do what it needs, and nothing else', () => {
  expect(permissions(two)).toMatchSnapshot();
});

test('no action is a wildcard, and a resource only where a reason stands for it', () => {
  for (const [role, lines] of Object.entries(permissions(two))) {
    for (const line of lines) {
      const [actions = '', resource = ''] = line.split(' on ');
      expect(actions, role).not.toContain('*');
      if (!resource.includes('*')) continue;
      expect(resource, `${role}: ${line}`).toMatch(
        /^(?:\*|<StoreBucket\.Arn>\/(?:restore|load|decode|backups|work|results|quarantine)\/[a-z/]*\*|arn:aws:states:[^*]+:execution:[^*]+:\*)$/,
      );
      if (resource !== '*') continue;
      for (const action of actions.split(' ')) expect(action, role).toMatch(/^(?:xray|ec2|logs):/);
    }
  }
});

test('functions of one target reach its own folders, secret and cache, and no other target’s', () => {
  const lines = Object.entries(permissions(two));
  const of = (target: string) =>
    lines.filter(([role]) => role.startsWith(`<Restore${target}`)).flatMap(([, all]) => all);
  expect(of('cache').join('\n')).not.toMatch(/orders|elasticache/);
  expect(of('orders').join('\n')).not.toMatch(/cache\/|secretsmanager|ec2:/);
  expect(of('orders')).toContainEqual(expect.stringMatching(/^elasticache:Connect on .*:replicationgroup:orders$/));
  expect(of('orders')).toContainEqual(expect.stringMatching(/^elasticache:Connect on .*:user:keyferry$/));
});

/** What was accepted, by construct: findings with their reasons. */
function accepted({ stack }: Synthesised): { path: string; id: string; reason: string }[] {
  return stack.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({ path: node.path, id: id.replace(/(?<=[a-z])[0-9A-F]{8}(?=\.)/, ''), reason })),
  );
}

test.each(['retain', 'destroy'])('cdk-nag finds nothing, by both packs, in a stack with removal = %s', (removal) => {
  const { app } = synthesise(`removal = "${removal}"\n${WITH_SOURCE}`, checkRules);
  expect(() => app.synth()).not.toThrow();
});

test('what was accepted is this list', () => {
  const all = accepted(two);
  expect(all.length).toBeGreaterThan(0);
  expect(all.map(({ path, id }) => `${path}: ${id}`).sort()).toMatchSnapshot();
  const reasons = [...all, ...accepted(tryOut)].map(({ reason }) => reason);
  expect(new Set(reasons)).toEqual(new Set(Object.values(REASONS)));
  expect(Object.keys(REASONS).length).toBeLessThanOrEqual(10);
});

test('docs/security.md gives each reason', () => {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');
  for (const reason of Object.values(REASONS)) expect(page).toContain(reason);
});

test('functions of a source reach its own folders and secret, and no other folder', () => {
  const all = Object.entries(permissions(two)).filter(([role]) => role.startsWith('<Dumpcache'));
  expect(all).toHaveLength(6);
  for (const [role, lines] of all) {
    for (const [, folder] of lines.join('\n').matchAll(/<StoreBucket\.Arn>\/(\S+)/g)) {
      expect(folder, role).toMatch(/^(?:backups|work\/dump|results\/dump)\/cache\/\*$/);
    }
  }
  expect(Object.fromEntries(all)['<DumpcacheTimerRole>']).toEqual([
    expect.stringMatching(/^sqs:SendMessage on <NoticesLost/),
    'states:StartExecution on <DumpcacheMachine>',
  ]);
});

test('a wildcard that nobody gave a reason for ends the synth', () => {
  const { app, stack } = synthesise(TWO_TARGETS, checkRules);
  const role = new iam.Role(stack, 'Wide', {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    maxSessionDuration: Duration.hours(1),
  });
  role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:*'], resources: ['*'] }));
  expect(() => app.synth()).toThrow();
});
