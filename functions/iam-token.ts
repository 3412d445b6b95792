// Logs in to ElastiCache and MemoryDB as an IAM user: the password is a request to connect, signed and good for minutes.
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity, Checksum, SourceData } from '@smithy/types';
import type { NamedTarget } from '../lib/jobs/aws/restore-steps.ts';

/** The services take no longer one. It is asked for at login only: a connection outlives it, for up to 12 hours. */
const SECONDS = 900;

export interface Signing {
  readonly region: string;
  readonly credentials: () => Promise<AwsCredentialIdentity>;
  /** Default: now. */
  readonly at?: Date;
}

/**
 * A token for one login.
 *
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html and MemoryDB's page of the same name: the
 * presigned URL of `Action=connect`, without its scheme
 */
export async function iamToken(
  { service, user, cache, serverless }: NonNullable<NamedTarget['iam']>,
  { region, credentials, at = new Date() }: Signing,
): Promise<string> {
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256, applyChecksum: true });
  const query = { Action: 'connect', User: user, ...(serverless ? { ResourceType: 'ServerlessCache' } : {}) };
  const signed = await signer.presign(
    { method: 'GET', protocol: 'http:', hostname: cache, path: '/', headers: { host: cache }, query },
    { expiresIn: SECONDS, signingDate: at },
  );
  const pairs = Object.entries(signed.query ?? {}).map(([name, value]) => `${escaped(name)}=${escaped(String(value))}`);
  return `${cache}/?${pairs.join('&')}`;
}

/** As the signature has it: all but the unreserved characters of RFC 3986. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** Node's own SHA-256 and HMAC in the form that the signer asks for. */
class Sha256 implements Checksum {
  readonly #hash;

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(piece: Uint8Array): void {
    this.#hash.update(bytesOf(piece));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('each signature takes a new one');
  }
}

function bytesOf(data: SourceData): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
