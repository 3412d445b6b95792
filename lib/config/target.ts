// A target: the server that files are restored or loaded into, how to reach it, and what to do there.
import * as z from 'zod';
import { endpointParts, endpointUrl } from './endpoint-url.ts';
import { arn, arnError, arnForm, camelKeys, name, text } from './fields.ts';
import { RESTORE_OPTIONS } from './restore-options.ts';

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

const fields = z.strictObject({
  endpoint: endpointUrl.meta({
    description: 'The server, any node of a cluster, or the sentinels. Never with a password: that stands in `secret`.',
    example: 'rediss://ferry@cache.example.com:6379',
  }),
  mode: z
    .enum(['auto', 'proxy'])
    .prefault('auto')
    .describe('`proxy` for Twemproxy, Codis and the like; `auto` asks the server what it is (single, cluster).'),
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
      'The network, by its name in `[networks]`, that this target’s functions run in. Without it they reach public addresses only.',
    example: 'main',
  }),
  concurrency: z
    .int()
    .min(1)
    .max(1000)
    .prefault(4)
    .describe('Chunks at work at once, each in a function of its own: `MaxConcurrency` of the map.'),
  'reserve-concurrency': z
    .boolean()
    .prefault(false)
    .describe(
      'Reserves `concurrency` for this target’s functions out of the account’s quota, which is 10 in a new account and must leave some over.',
    ),
  ...RESTORE_OPTIONS,
  'on-conflict': RESTORE_OPTIONS['on-conflict'].prefault('panic'),
  'only-db': RESTORE_OPTIONS['only-db'].optional(),
  'db-map': RESTORE_OPTIONS['db-map'].optional(),
  'merge-dbs': RESTORE_OPTIONS['merge-dbs'].prefault(false),
  rate: RESTORE_OPTIONS.rate.optional(),
  'big-key-bytes': RESTORE_OPTIONS['big-key-bytes'].prefault('64MiB'),
  strict: RESTORE_OPTIONS.strict.prefault(false),
  'ttl-shift': RESTORE_OPTIONS['ttl-shift'].prefault('0'),
  'no-expire': RESTORE_OPTIONS['no-expire'].prefault(false),
});

type Fields = z.output<typeof fields>;

/** What contradicts itself: the key that is named, and what is said. */
function* contradictions(target: Fields): Generator<[key: PropertyKey[], message: string]> {
  const { tls, sentinel, user, db } = endpointParts(target.endpoint);
  if (target.iam !== undefined) {
    if (target.secret !== undefined) yield [['secret'], 'iam logs in without a password. Remove secret, or iam'];
    if (!tls) yield [['endpoint'], 'iam needs TLS. Write rediss:// instead of redis://'];
    if (user !== undefined)
      yield [['endpoint'], 'iam.user is the user, and the URL names one too. Remove it from the URL'];
  }
  if (target.tls !== undefined && !tls) {
    yield [['tls'], 'these are settings of TLS, and the endpoint is without. Write rediss:// there, or remove them'];
  }
  if (target['no-expire'] && target['ttl-shift'] !== 0) {
    yield [['ttl-shift'], 'no-expire leaves no expiry to move. Remove one of the two'];
  }
  const map = Object.entries(target['db-map'] ?? {});
  for (const [from] of map) {
    if (target['only-db']?.includes(Number(from)) ?? true) continue;
    yield [['db-map', from], `only-db leaves database ${from} out. Add it there, or remove it here`];
  }
  if (target.mode !== 'proxy') return;
  if (sentinel) yield [['mode'], 'sentinels name a server, not a proxy. Remove mode, or name the proxy in endpoint'];
  if (db !== undefined && db !== 0)
    yield [['endpoint'], 'a proxy has database 0 only. Remove the database from the URL'];
  for (const [from, to] of map) {
    if (to !== 0) yield [['db-map', from], 'a proxy has database 0 only. Write 0'];
  }
}

export const target = fields
  .superRefine((value, context) => {
    for (const [path, message] of contradictions(value)) context.addIssue({ code: 'custom', path, message });
  })
  .transform(camelKeys);

export const targets = z.record(name, target);

export type Target = z.output<typeof target>;
