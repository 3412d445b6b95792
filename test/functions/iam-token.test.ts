// The token of an IAM login: what is signed, by the rules of Signature Version 4, worked out here by hand.
import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { iamToken } from '../../functions/iam-token.ts';

const KEYS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'FwoGZXIvYXdzEB0aDH+/=token',
};
const at = new Date('2026-11-23T20:15:30.000Z');
const signing = { region: 'eu-central-1', credentials: async () => KEYS, at };

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const escaped = (text: string): string => encodeURIComponent(text);

/** The signature that AWS works out from what it is sent. */
function signature(service: string, host: string, query: Record<string, string>): string {
  const canonical = Object.entries(query)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&');
  const request = ['GET', '/', canonical, `host:${host}`, '', 'host', sha256('')].join('\n');
  const scope = `20261123/eu-central-1/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', '20261123T201530Z', scope, sha256(request)].join('\n');
  const key = ['20261123', 'eu-central-1', service, 'aws4_request'].reduce<string | Buffer>(
    (signed, part) => hmac(signed, part),
    `AWS4${KEYS.secretAccessKey}`,
  );
  return hmac(key, text).toString('hex');
}

test.each([
  ['a replication group', { service: 'elasticache', user: 'keyferry', cache: 'orders', serverless: false }, {}],
  [
    'a serverless cache',
    { service: 'elasticache', user: 'keyferry', cache: 'orders', serverless: true },
    { ResourceType: 'ServerlessCache' },
  ],
  ['a MemoryDB cluster', { service: 'memorydb', user: 'ferry-2', cache: 'orders-eu', serverless: false }, {}],
] as const)('for %s it is the presigned request to connect, without its scheme', async (_, iam, more) => {
  const token = await iamToken(iam, signing);
  const url = new URL(`http://${token}`);
  expect(token.startsWith(`${iam.cache}/?`)).toBe(true);
  const { 'X-Amz-Signature': signed, ...query } = Object.fromEntries(url.searchParams);
  expect(query).toEqual({
    Action: 'connect',
    User: iam.user,
    ...more,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `AKIDEXAMPLE/20261123/eu-central-1/${iam.service}/aws4_request`,
    'X-Amz-Date': '20261123T201530Z',
    'X-Amz-Expires': '900',
    'X-Amz-Security-Token': KEYS.sessionToken,
    'X-Amz-SignedHeaders': 'host',
  });
  expect(signed).toBe(signature(iam.service, iam.cache, query));
});
