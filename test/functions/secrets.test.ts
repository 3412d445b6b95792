// Logins out of Secrets Manager: every form that a secret may have, and what is said of one that cannot be used.
import { randomUUID } from 'node:crypto';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loginOf } from '../../functions/secrets.ts';
import { KeyferryError } from '../../lib/errors.ts';
import type { NamedTarget } from '../../lib/jobs/aws/restore-steps.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { awsLacks, type LocalAws, startLocalAws } from '../support/local-aws/local-aws.ts';

describe.skipIf(awsLacks !== '')(`a target's login${awsLacks}`, () => {
  let aws: LocalAws;
  let client: SecretsManagerClient;

  beforeAll(async () => {
    aws = await startLocalAws();
    Object.assign(process.env, aws.environment);
    client = new SecretsManagerClient(aws.config());
  });
  afterAll(async () => {
    client?.destroy();
    await aws?.stop();
  });

  /** Makes a secret; gives its ARN. */
  async function secretOf(content: string | Buffer): Promise<string> {
    const value = typeof content === 'string' ? { SecretString: content } : { SecretBinary: content };
    const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: randomUUID(), ...value }));
    return ARN;
  }

  const login = (target: Partial<NamedTarget>) => loginOf({ endpoint: 'redis://cache.test', ...target } as NamedTarget);

  /** What a login fails with. */
  async function failureOf(target: Partial<NamedTarget>): Promise<KeyferryError> {
    const error: unknown = await login(target).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KeyferryError);
    return error as KeyferryError;
  }

  test('is the password alone, as text or bytes, without the end of a line', async () => {
    expect(await login({ secret: await secretOf('s3cret words') })).toEqual({ password: 's3cret words' });
    expect(await login({ secret: await secretOf('from a file\n') })).toEqual({ password: 'from a file' });
    expect(await login({ secret: await secretOf(Buffer.from('bytes')) })).toEqual({ password: 'bytes' });
  });

  test('is JSON, where others may stand beside the password', async () => {
    const secret = await secretOf(
      '{"username": "ferry", "password": "{odd", "sentinelPassword": "p", "engine": "redis"}',
    );
    const found = await login({ secret });
    expect(found).toEqual({ username: 'ferry', password: '{odd', sentinelPassword: 'p' });
    expect(parseRedisUrl('redis://cache.test', found)).toMatchObject({ password: '{odd' });
  });

  test('has CA and client certificate out of secrets, for TLS only', async () => {
    const ca = { secret: await secretOf('-----BEGIN CERTIFICATE-----') };
    const clientCertSecret = await secretOf('{"cert": "the cert", "key": "the key"}');
    const tls = { ca, clientCertSecret, serverName: 'cache.example.com' };
    expect(await login({ endpoint: 'rediss://cache.test', tls })).toEqual({
      tls: { ca: '-----BEGIN CERTIFICATE-----', cert: 'the cert', key: 'the key', serverName: 'cache.example.com' },
    });
    expect(await login({ tls })).toEqual({});
  });

  test.each([
    ['JSON that is cut off', '{"password": "hidden', {}],
    ['JSON without a password', '{"Password": "hidden"}', {}],
    ['a password that is no text', '{"password": 12345}', {}],
    ['a client certificate without its key', '{"cert": "hidden"}', { asClient: true }],
    ['a client certificate that is no JSON', 'hidden', { asClient: true }],
  ])(
    'is refused by name for %s, which is not quoted',
    async (_, content, { asClient = false }: { asClient?: boolean }) => {
      const secret = await secretOf(content);
      const asked = asClient ? { endpoint: 'rediss://cache.test', tls: { clientCertSecret: secret } } : { secret };
      const error = await failureOf(asked);
      expect(error).toMatchObject({ code: 'SECRET_FORM', where: secret });
      expect(error.describe()).not.toMatch(/hidden|12345/);
      expect(error.remedy).toContain(asClient ? '{"cert": "PEM", "key": "PEM"}' : '{"password": "…"');
    },
  );

  test('of a secret that is not there says where to look', async () => {
    const secret = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:none-AbCdEf';
    const error = await failureOf({ secret });
    expect(error).toMatchObject({ code: 'SECRET_FORBIDDEN', where: secret });
    expect(error.remedy).toMatch(/^Does it exist/);
  });

  test('of a service that is not reached may be had later', async () => {
    const secret = await secretOf('never read');
    await aws.stop();
    const error = await failureOf({ secret });
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', where: secret });
    expect(error.remedy).toContain('network.endpoints');
  });
});
