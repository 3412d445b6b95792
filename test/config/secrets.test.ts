// A password in a configuration is refused wherever it stands, and no message ever shows it, or any other value.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../lib/config/index.ts';
import { KeyferryError } from '../../lib/errors.ts';
import { runs, seedOr } from '../support/random.ts';
import { accepted, FILE, refusal, SECRET, target } from './support.ts';

const SEED = seedOr(20_261_123);
const MEND =
  'Put it into Secrets Manager (aws secretsmanager create-secret --name keyferry/NAME --secret-string file://FILE) and write the ARN that this prints: secret = "arn:…"';
const NOT_THE_ARN = `only the whole ARN of a secret may stand here, never the secret. ${MEND}`;
const IN_URL = `this URL has a password in it. Leave the user alone in the URL. ${MEND}`;
const PRIVATE_KEY = `a private key must not stand here. ${MEND}`;
const PASSWORD = 'hunter2-Tr0ub4dor';

test.each([
  ['a URL', `[targets.a]\nendpoint = "redis://ferry:${PASSWORD}@h"`, `2:12: targets.a.endpoint: ${IN_URL}`],
  ['a URL without a user', `[targets.a]\nendpoint = "redis://:${PASSWORD}@h"`, `2:12: targets.a.endpoint: ${IN_URL}`],
  ['a URL, unencoded', `[targets.a]\nendpoint = "redis://:/${PASSWORD}#/@h"`, `2:12: targets.a.endpoint: ${IN_URL}`],
  [
    'the query of a URL',
    `[targets.a]\nendpoint = "redis://h?password=${PASSWORD}"`,
    `2:12: targets.a.endpoint: ${IN_URL}`,
  ],
  ['the secret', target(`secret = "${PASSWORD}"`), `3:10: targets.cache.secret: ${NOT_THE_ARN}`],
  ['half an ARN', target(`secret = "${SECRET.slice(0, -7)}"`), `3:10: targets.cache.secret: ${NOT_THE_ARN}`],
  ['a key that is none', target(`password = "${PASSWORD}"`), `3:12: targets.cache.password: ${NOT_THE_ARN}`],
  ['a key, spelled otherwise', target(`Api_Key = "${PASSWORD}"`), `3:11: targets.cache.Api_Key: ${NOT_THE_ARN}`],
  ['a number', target('auth = 471147114711'), `3:8: targets.cache.auth: ${NOT_THE_ARN}`],
  ['a list', target(`passwords = ["${PASSWORD}"]`), `3:14: targets.cache.passwords[0]: ${NOT_THE_ARN}`],
  ['a tag', `[tags]\nToken = "${PASSWORD}"`, `2:9: tags.Token: ${NOT_THE_ARN}`],
  [
    'a certificate',
    target(`tls.client-cert-secret = "${PASSWORD}"`),
    `3:26: targets.cache.tls.client-cert-secret: ${NOT_THE_ARN}`,
  ],
  [
    'a private key',
    target(`tls.ca = """-----BEGIN RSA PRIVATE KEY-----\n${PASSWORD}"""`),
    `3:10: targets.cache.tls.ca: ${PRIVATE_KEY}`,
  ],
])('a password in %s', (_where, text, line) => {
  const { code, lines } = refusal(text);
  expect(code).toBe('CONFIG_SECRET');
  expect(lines).toContain(line);
  expect(lines.join('\n')).not.toMatch(/hunter2|4711/);
});

test('ARNs of secrets are no secrets, with any character that a name may have', () => {
  const odd = 'arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b+c=d.e@f!g_h-AbCdEf';
  expect(accepted(target(`secret = "${odd}"`)).targets.cache?.secret).toBe(odd);
});

const PLACES = [
  ...[
    'account',
    'removal',
    'encryption',
    'targets',
    'notify.email',
    'notify.topic',
    'retention.results',
    'tags.a',
    'no',
  ],
  ...['endpoint', 'mode', 'secret', 'network', 'rate', 'on-conflict', 'db-map.1', 'only-db', 'strict', 'ttl-shift'].map(
    (key) => `targets.cache.${key}`,
  ),
  ...['tls.ca', 'tls.server-name', 'iam.user', 'iam', 'concurrency', 'password'].map((key) => `targets.cache.${key}`),
  ...['vpc', 'subnets', 'security-groups', 'endpoints'].map((key) => `networks.main.${key}`),
];

test('no message, warning or error repeats a value', () => {
  const wrapped = fc.constantFrom('%', 'redis://%', 'redis://u:%@h', 'rediss://h/%', 'arn:aws:sns:%', '8%', '%@b.c');
  const shape = fc.constantFrom('"%"', '["%"]', "'''\n%'''", '{ a = "%" }', '"%', '%', '"%" x');
  fc.assert(
    fc.property(fc.constantFrom(...PLACES), wrapped, shape, (place, around, form) => {
      const text = `${place} = ${form.replace('%', around.replace('%', PASSWORD))}\ntargets.x.endpoint = "redis://127.0.0.1"\n`;
      expect(said(text), text).not.toContain(PASSWORD);
    }),
    { seed: SEED, numRuns: runs(500, 5_000) },
  );
});

/** Everything that an error or the warnings hold, causes too. */
function said(text: string): string {
  try {
    return JSON.stringify(parseConfig(text, FILE).warnings);
  } catch (error) {
    if (!(error instanceof KeyferryError)) throw error;
    return `${error.describe()} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
  }
}
