// The doctor of a target, as the real handler on the local AWS: what it finds, and that nothing keeps it waiting.

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Finding } from '../../lib/jobs/doctor-findings.ts';
import { awsLacks, startLocalAws } from '../support/local-aws/local-aws.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { configure, deploy } from './machine.ts';

const missing = awsLacks || lacks('redis-7.0');
const skip = missing !== '';
const aws = skip ? undefined : await startLocalAws();
let server: Server;
let secret: string;

/** A new function: its clients are made when it is loaded. */
async function examine(): Promise<{ target: string; findings: readonly Finding[] }> {
  vi.resetModules();
  const { handler } = await import('../../functions/doctor.ts');
  const answer = await handler({}, { getRemainingTimeInMillis: () => 60_000 });
  if ('findings' in answer) return answer;
  throw new Error(answer.message);
}
const find = (findings: readonly Finding[], check: string) => findings.find((finding) => finding.check === check);

describe.skipIf(skip)(`the doctor on AWS${missing}`, () => {
  beforeAll(async () => {
    const local = aws as NonNullable<typeof aws>;
    await deploy(local);
    server = await startServer('redis-7.0', { config: { requirepass: 'right' } });
    const secrets = new SecretsManagerClient(local.config());
    const created = await secrets.send(new CreateSecretCommand({ Name: 'cache', SecretString: 'right' }));
    secret = created.ARN ?? '';
  });
  afterAll(async () => {
    await server?.stop();
    await aws?.stop();
  });

  test('finds S3, DynamoDB, secret and target in reach, and all that the terminal’s doctor finds', async () => {
    configure(`redis://127.0.0.1:${server.port}`, { secret });
    const { target, findings } = await examine();
    expect(target).toBe(`redis://127.0.0.1:${server.port}`);
    expect(findings.slice(0, 3).map(({ check, verdict }) => [check, verdict])).toEqual([
      ['S3', 'ok'],
      ['DynamoDB', 'ok'],
      ['secrets', 'ok'],
    ]);
    expect(find(findings, 'login')).toMatchObject({ verdict: 'ok', what: 'Logged in as default, with a password.' });
    expect(findings.filter(({ verdict }) => verdict === 'problem')).toEqual([]);
    expect(JSON.stringify(findings)).not.toContain('right');
  });

  test('says what the secret lacks, and what the server says to a wrong password', async () => {
    configure(`redis://127.0.0.1:${server.port}`, { secret: `${secret}-gone` });
    const { findings } = await examine();
    expect(find(findings, 'secrets')).toMatchObject({ verdict: 'problem', code: 'SECRET_FORBIDDEN' });
    expect(find(findings, 'target')).toMatchObject({ verdict: 'unknown' });
    configure(`redis://127.0.0.1:${server.port}`);
    expect(find((await examine()).findings, 'login')).toMatchObject({ verdict: 'problem', code: 'TARGET_AUTH' });
  });

  test('tells, in bounded time, that nothing answers where there is no way out of the network', async () => {
    // Like a VPC without endpoints: what is sent goes nowhere.
    const silence = createServer(() => {});
    await new Promise<void>((settle) => silence.listen(0, '127.0.0.1', settle));
    const { AWS_ENDPOINT_URL } = process.env;
    process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(silence.address() as AddressInfo).port}`;
    try {
      configure(`redis://127.0.0.1:${server.port}`, { secret: secret.replace('cache', 'other') });
      const begin = Date.now();
      const { findings } = await examine();
      expect(Date.now() - begin).toBeLessThan(15_000);
      expect(findings.map(({ check, verdict, code }) => [check, verdict, code])).toEqual([
        ['S3', 'problem', 'INPUT_READ'],
        ['DynamoDB', 'problem', 'STORE_UNAVAILABLE'],
        ['secrets', 'problem', 'SECRET_UNAVAILABLE'],
        ['target', 'unknown', undefined],
      ]);
      for (const { remedy, check } of findings.slice(0, 3)) expect(remedy, check).toContain('network.endpoints');
    } finally {
      process.env.AWS_ENDPOINT_URL = AWS_ENDPOINT_URL;
      silence.close();
    }
  }, 30_000);
});
