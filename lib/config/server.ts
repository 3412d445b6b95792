// A server of a configuration, be it read or written: where it is, and how to log in to it.
import * as z from 'zod';
import { endpointParts, endpointUrl } from './endpoint-url.ts';
import { arn, arnError, arnForm, camelKeys, name, text } from './fields.ts';

const CA_ERROR = 'the path of a PEM file belongs here, or the ARN of a secret that holds the PEM';

const tls = z
  .strictObject({
    ca: z
      .string({ error: CA_ERROR })
      .min(1, { error: CA_ERROR })
      .refine((value) => !value.startsWith('arn:') || arnForm('secret').test(value), { error: arnError('secret') })
      .transform((value) => (value.startsWith('arn:') ? { secret: value } : { file: value }))
      .optional()
      .meta({
        description:
          'CAs to trust instead of the public ones, or a self-signed certificate: the path of a PEM file, from this file on, or the ARN of a secret that holds the PEM.',
        example: 'ca.pem',
      }),
    'client-cert-secret': arn('secret')
      .optional()
      .describe(
        'ARN of a secret that holds the certificate to show to the server and its key, as JSON: `{"cert": "PEM", "key": "PEM"}`.',
      ),
    'server-name': text(
      /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/,
      'the name of a host belongs here. For example: cache.example.com',
    )
      .optional()
      .meta({
        description: 'Name in the server’s certificate, where it is not the URL’s host.',
        example: 'cache.example.com',
      }),
  })
  .transform(camelKeys);

const iam = z
  .strictObject({
    service: z.enum(['elasticache', 'memorydb']).prefault('elasticache').describe('Whose authentication it is.'),
    user: text(/^[A-Za-z](?:-?[A-Za-z0-9])*$/, 'the id of a user belongs here: letters, digits and single dashes').meta(
      {
        description: 'The user’s id, which must be its name as well.',
        example: 'keyferry',
      },
    ),
    cache: text(
      /^[a-z](?:-?[a-z0-9]){0,49}$/,
      'the name of the cache or cluster belongs here, in small letters: not its address',
    ).meta({
      description:
        'The name of the replication group, serverless cache or MemoryDB cluster, in small letters: not its address.',
      example: 'orders',
    }),
    serverless: z.boolean().prefault(false).describe('It is a serverless cache of ElastiCache.'),
  })
  .superRefine(({ service, serverless }, context) => {
    if (!serverless || service !== 'memorydb') return;
    context.addIssue({
      code: 'custom',
      path: ['serverless'],
      message: 'MemoryDB has no serverless caches. Remove one of the two',
    });
  })
  .transform(camelKeys);

/** Fields of every table that names a server. */
export const SERVER_FIELDS = {
  endpoint: endpointUrl.meta({
    description: 'The server, any node of a cluster, or the sentinels. Never with a password: that stands in `secret`.',
    example: 'rediss://ferry@cache.example.com:6379',
  }),
  secret: arn('secret')
    .optional()
    .describe(
      'ARN of the secret in Secrets Manager that holds the password: alone, or in JSON as `password`, where `username` may stand beside it. Read when a job runs.',
    ),
  iam: iam
    .optional()
    .describe('Logs in to ElastiCache or MemoryDB as an IAM user, instead of by a password. Needs TLS.'),
  tls: tls.optional().describe('TLS beyond its default, which trusts the public CAs.'),
  network: name.optional().meta({
    description:
      'The network, by its name in `[networks]`, that the functions run in. Without it they reach public addresses only.',
    example: 'main',
  }),
} as const;

type Server = z.output<z.ZodObject<typeof SERVER_FIELDS>>;

/** What contradicts itself: the key that is named, and what is said. */
export function* serverContradictions(
  server: Pick<Server, 'endpoint' | 'secret' | 'iam' | 'tls'>,
): Generator<[key: PropertyKey[], message: string]> {
  const { tls, user } = endpointParts(server.endpoint);
  if (server.iam !== undefined) {
    if (server.secret !== undefined) yield [['secret'], 'iam logs in without a password. Remove secret, or iam'];
    if (!tls) yield [['endpoint'], 'iam needs TLS. Write rediss:// instead of redis://'];
    if (user !== undefined)
      yield [['endpoint'], 'iam.user is the user, and the URL names one too. Remove it from the URL'];
  }
  if (server.tls !== undefined && !tls) {
    yield [['tls'], 'these are settings of TLS, and the endpoint is without. Write rediss:// there, or remove them'];
  }
}
