// What one run into a target can be told: a target's settings have these as its own, and a single run can override them.
import * as z from 'zod';
import { duration, rate, size } from './fields.ts';

const db = z.int().min(0).max(999_999_999);

/** Without defaults; in the words of keyferry.toml. */
export const RESTORE_OPTIONS = {
  'on-conflict': z
    .enum(['panic', 'rewrite', 'skip'])
    .describe(
      'What happens to a key that exists on the target: `panic` stops the job at the first one and names it, `rewrite` replaces it wholly, `skip` leaves it as it is.',
    ),
  'only-db': z
    .array(db)
    .min(1)
    .meta({ description: 'Takes only the keys of these databases of the file.', example: [0, 3] }),
  'db-map': z
    .record(
      z
        .string()
        .regex(/^\d{1,9}$/, { error: 'the number of a database of the file belongs here. For example: { 1 = 0 }' }),
      db,
    )
    .meta({
      description:
        'Databases change their number: from that in the file to that on the target. The others keep theirs.',
      example: { 1: 0, 9: 2 },
    }),
  'merge-dbs': z
    .boolean()
    .describe(
      'All databases go into one: the URL’s, else 0. Keys of one name in two of them meet, and `on-conflict` decides.',
    ),
  rate: rate().meta({
    description: 'At most so much a second, all functions of the job together. Without it nothing holds them back.',
    example: '50MB/s,20000keys/s',
  }),
  'big-key-bytes': size('1KiB', '512MiB').meta({
    description:
      'Values from this size on are built under a temporary name, in parts. A server takes no single argument beyond 512 MiB.',
  }),
  strict: z.boolean().describe('Refuses, before the first write, a target that cannot hold all of the data.'),
  'ttl-shift': duration('-36500d', '36500d').meta({
    description: 'Added to every expiry, of keys and of hash fields.',
    example: '+14d',
  }),
  'no-expire': z.boolean().describe('Writes everything without expiry. What has expired already is not written.'),
} as const;
