// How to log in to a target or a source, found out when a job runs: its secrets are never in environment, template or log.
import type { SecretsProvider } from '@aws-lambda-powertools/parameters/secrets';
import * as z from 'zod';
import { KeyferryError, UsageError } from '../lib/errors.ts';
import type { NamedTarget } from '../lib/jobs/aws/restore-steps.ts';
import type { Login } from '../lib/jobs/aws/run-options.ts';
import { asAwsFailure, isTransient } from '../lib/storage/s3/aws-failure.ts';
import { openCloud } from './environment.ts';

/** A warm function does not ask again so soon; seconds. */
const KEPT_SECONDS = 60;

/** Without a way to Secrets Manager nothing would ever come; ms. */
const CONNECT_MS = 5000;
const ANSWER_MS = 10_000;

const login = z
  .object({
    password: z.string().optional(),
    username: z.string().optional(),
    sentinelUsername: z.string().optional(),
    sentinelPassword: z.string().optional(),
  })
  // Else a misspelt name would be a login without a password.
  .refine(({ password, sentinelPassword }) => password !== undefined || sentinelPassword !== undefined);
const clientCertificate = z.object({ cert: z.string(), key: z.string() });

/** What of a target, or of a source, says how to log in. */
type Reached = Pick<NamedTarget, 'secret' | 'iam' | 'tls' | 'endpoint'>;

/** A secret cannot be had. */
export class SecretError extends KeyferryError {}

/**
 * @throws {SecretError} `SECRET_UNAVAILABLE`, where a retry can help; `SECRET_FORBIDDEN`
 * @throws {UsageError} `SECRET_FORM` where what it holds is not what belongs there
 */
export async function loginOf({ secret, iam, tls, endpoint }: Reached): Promise<Login> {
  const beside =
    iam !== undefined ? iamLogin(iam) : secret === undefined ? {} : parseLogin(await textOf(secret), secret);
  if (!/^(?:rediss|valkeys)/.test(endpoint)) return beside;
  const { ca, clientCertSecret, serverName } = tls ?? {};
  const caText = ca === undefined ? undefined : 'pem' in ca ? ca.pem : await textOf(ca.secret);
  const client = clientCertSecret === undefined ? {} : await clientOf(clientCertSecret);
  return { ...beside, tls: { ca: caText, serverName, ...client } };
}

/** Each connection logs in with a token of its own, signed with the function's role. */
function iamLogin(iam: NonNullable<NamedTarget['iam']>): Login {
  const { credentials, region } = openCloud().s3.config;
  const password = async () => {
    const { iamToken } = await import('./iam-token.ts');
    return iamToken(iam, { region: await region(), credentials });
  };
  return { username: iam.user, password };
}

/** The password alone, or JSON with what stands beside it. */
function parseLogin(text: string, arn: string): Login {
  // `--secret-string file://FILE` takes the end of the file's line along.
  if (!text.trimStart().startsWith('{')) return { password: text.replace(/\r?\n$/, '') };
  const parsed = login.safeParse(asJson(text));
  if (parsed.success) return parsed.data;
  throw oddSecret(arn, 'the password alone, or JSON with texts: {"password": "…", "username": "…"}');
}

async function clientOf(arn: string) {
  const parsed = clientCertificate.safeParse(asJson(await textOf(arn)));
  if (parsed.success) return parsed.data;
  throw oddSecret(arn, 'JSON with texts: {"cert": "PEM", "key": "PEM"}');
}

/** Errors never quote what was read. */
function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const oddSecret = (arn: string, belongs: string) =>
  new UsageError('SECRET_FORM', 'the secret does not hold what belongs there.', {
    where: arn,
    remedy: `Put into it ${belongs}`,
  });

let secrets: SecretsProvider | undefined;

/** Loaded when it is needed: many a target has no secret, and should not wait for the client. */
async function openSecrets(): Promise<SecretsProvider> {
  const { SecretsProvider } = await import('@aws-lambda-powertools/parameters/secrets');
  const requestHandler = { connectionTimeout: CONNECT_MS, socketTimeout: ANSWER_MS };
  secrets ??= new SecretsProvider({ clientConfig: { requestHandler } });
  return secrets;
}

async function textOf(arn: string): Promise<string> {
  const provider = await openSecrets();
  try {
    const text = await provider.get(arn, { maxAge: KEPT_SECONDS });
    return typeof text === 'string' ? text : Buffer.from(text ?? []).toString('utf8');
  } catch (error) {
    // Powertools wraps what the client threw.
    const cause = (error as Error).cause ?? error;
    const { message } = asAwsFailure(cause);
    const passing = isTransient(cause) || isTransient(error);
    throw new SecretError(
      passing ? 'SECRET_UNAVAILABLE' : 'SECRET_FORBIDDEN',
      `the secret cannot be read: ${message}.`,
      {
        where: arn,
        remedy: passing
          ? 'Does the function reach Secrets Manager from its network? See network.endpoints.'
          : 'Does it exist, in this region, and do the policies of secret and KMS key let the function read it?',
        cause: error,
      },
    );
  }
}
