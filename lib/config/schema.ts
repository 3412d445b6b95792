// The whole of keyferry.toml: every setting with its form, its default and what it means.
import * as z from 'zod';
import { arn, arnError, arnForm, camelKeys, duration, size, text } from './fields.ts';
import { networks } from './network.ts';
import { sources } from './source.ts';
import { targets } from './target.ts';

/** What CloudWatch Logs offers; days. */
const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** Settings of the functions of a mode. */
const functions = (chunkBytes: string) => ({
  'chunk-bytes': size('64KiB', '256MiB')
    .prefault(chunkBytes)
    .describe('Size from which a chunk is closed; a chunk is what one function works at.'),
  'memory-mb': z
    .int()
    .min(512)
    .max(10_240)
    .prefault(1769)
    .describe('Memory of each function, in MB. Its share of a processor goes with it: 1769 is one whole.'),
  timeout: duration('10s', '15m')
    .prefault('15m')
    .describe('How long one call of a function may take. What is not done by then is taken up by the next call.'),
});

const restore = z.strictObject(functions('16MiB')).transform(camelKeys);

const reading = functions('16MiB');
const load = z
  .strictObject({
    ...reading,
    'memory-mb': reading['memory-mb'].describe(
      'Memory of the function that reads lines, in MB. Each key leaves a mark there, by which a second one is known: 1769 holds some 12 million keys. What does not fit is refused by name.',
    ),
    timeout: reading.timeout.describe(
      'How long the function that reads lines may take. A file is read in one call; what will take longer is refused by name.',
    ),
  })
  .transform(camelKeys);

const decoding = functions('32MiB');
const decode = z
  .strictObject({
    ...decoding,
    timeout: decoding.timeout.describe(
      'How long one call of a function may take. A chunk is decoded in one call: 32 MiB take some seconds.',
    ),
    concurrency: z
      .int()
      .min(1)
      .max(1000)
      .prefault(8)
      .describe('Chunks at work at once, each in a function of its own.'),
    shape: z
      .enum(['keyferry', 'redis-dump', 'redisshake'])
      .prefault('keyferry')
      .describe('`keyferry` loses nothing; the others are [other tools’ shapes](json-shapes.md).'),
    pack: z.enum(['none', 'gz', 'zst']).prefault('zst').describe('How the parts of the output are packed.'),
  })
  .transform(camelKeys);

const notify = z
  .strictObject({
    email: text(/^[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+$/, 'an e-mail address belongs here. For example: ops@example.com')
      .optional()
      .meta({
        description: 'Gets a mail for each job that ends and each alarm, once it has confirmed that of SNS.',
        example: 'ops@example.com',
      }),
    topic: arn('topic').optional().describe('ARN of an SNS topic of your own that is told instead.'),
  })
  .superRefine(({ email, topic }, context) => {
    if (email === undefined || topic === undefined) return;
    const message = 'topic is yours: subscribe the address to it yourself. Remove email, or topic';
    context.addIssue({ code: 'custom', path: ['email'], message });
  });

const RESULTS = { error: 'a number of days from 1 to 3650 belongs here, or "forever"' };

const retention = z
  .strictObject({
    results: z
      .union([z.int(RESULTS).min(1, RESULTS).max(3650, RESULTS), z.literal('forever', RESULTS)], RESULTS)
      .prefault('forever')
      .describe('How long what lies under `results/` is kept; days.'),
    work: z
      .int()
      .min(2)
      .max(3650)
      .prefault(7)
      .describe(
        'How long plans and unpacked input under `work/` are kept; days. A job that failed can be retried as long.',
      ),
    logs: z.literal(LOG_DAYS).prefault(30).describe('How long logs are kept; days.'),
  })
  .transform(camelKeys);

const logs = z
  .strictObject({
    'redact-keys': z
      .boolean()
      .prefault(false)
      .describe('Leaves names of keys out of logs, reports and notices. Values are never in them.'),
  })
  .transform(camelKeys);

const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u;
const tags = z.record(
  text(
    /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$/u,
    'the name of a tag has up to 128 letters, digits, spaces and _ . : / = + - @, and does not begin with aws:',
  ),
  text(TAG, 'the value of a tag is text of letters, digits, spaces and _ . : / = + - @').max(256, {
    error: 'the value of a tag has at most 256 characters',
  }),
);

const MOST_TAGS = 40;

const ENCRYPTION = { error: `this is not "s3"; else ${arnError('key')}` };

export const configSchema = z.strictObject({
  account: text(/^\d{12}$/, 'the twelve digits of an AWS account belong here, in quotes')
    .optional()
    .meta({
      description: 'The AWS account to deploy into. Default: that of the credentials.',
      example: '123456789012',
    }),
  region: text(/^[a-z]{2,}(?:-[a-z]+)+-\d$/, 'the name of an AWS region belongs here. For example: eu-central-1')
    .optional()
    .meta({ description: 'The region to deploy into. Default: that of the credentials.', example: 'eu-central-1' }),
  removal: z
    .enum(['retain', 'destroy'])
    .prefault('retain')
    .describe(
      'What `cdk destroy` does to bucket and table: `retain` leaves them, `destroy` removes them with all that is in them. `destroy` is for try-outs.',
    ),
  encryption: z
    .union([z.literal('s3', ENCRYPTION), text(arnForm('key'), ENCRYPTION.error)], ENCRYPTION)
    .prefault('s3')
    .describe(
      'What bucket and table are encrypted with: `s3` for keys that AWS keeps, or the ARN of a KMS key of yours. ElastiCache can’t be seeded from what a KMS key encrypts.',
    ),
  targets: targets
    .prefault({})
    .describe(
      'Where to restore and load: one table for each, with a name of your choice. `restore/NAME/` and `load/NAME/` in the bucket are its doors. A stack has room for 12 targets, or 16 sources, or 7 of both.',
    ),
  sources: sources
    .prefault({})
    .describe(
      'What backups are made of: one table for each server or cluster, with a name of your choice. They lie under `backups/NAME/` in the bucket.',
    ),
  networks: networks
    .prefault({})
    .describe('VPCs that targets and sources are in: one table for each, with a name of your choice.'),
  restore: restore.prefault({}).describe('Functions that restore.'),
  decode: decode
    .prefault({})
    .describe('Functions that decode what lies under `decode/`, and what they write under `results/decode/`.'),
  load: load
    .prefault({})
    .describe(
      'Reading of lines, which are made an RDB before the first of them is written. That is restored by the functions of `[restore]`.',
    ),
  notify: notify.prefault({}).describe('Who is told.'),
  retention: retention.prefault({}).describe('How long things are kept.'),
  logs: logs.prefault({}).describe('What logs hold.'),
  tags: tags
    .refine((all) => Object.keys(all).length <= MOST_TAGS, { error: `${MOST_TAGS} tags are possible at most` })
    .prefault({})
    .meta({ description: 'Tags of everything in the stack.', example: { Project: 'keyferry' } }),
});

/** The file as checked: defaults filled in, sizes in bytes, durations in ms. */
export type CheckedFile = z.output<typeof configSchema>;
