// A source: a server that backups are made of, when, and which of them are kept.
import * as z from 'zod';
import { RENAMED_PSYNCS } from '../text/renamed-psync.ts';
import { camelKeys, duration, name, text } from './fields.ts';
import { longestGap } from './schedule.ts';
import { SERVER_FIELDS, serverContradictions } from './server.ts';

const SCHEDULE_ERROR =
  'this is no schedule. Write rate(12 hours), or cron(MINUTE HOUR DAY MONTH WEEKDAY YEAR) with ? for the day or the weekday: cron(30 3 * * ? *)';

/** Nothing is kept beside what a rule names: so each of them may be none. */
const keep = (what: string) => z.int().min(0).max(10_000).optional().describe(what);

const fields = z.strictObject({
  ...SERVER_FIELDS,
  schedule: text(/^(?:rate|cron)\([^()]+\)$/, SCHEDULE_ERROR)
    .refine((schedule) => longestGap(schedule) !== undefined, { error: SCHEDULE_ERROR, abort: true })
    .optional()
    .meta({
      description:
        'When backups are made, as EventBridge Scheduler has it: `rate(…)` or `cron(…)`. Without one they are made on demand alone, and none is too old.',
      example: 'cron(30 3 * * ? *)',
    }),
  'time-zone': text(
    /^[A-Za-z][\w+-]*(?:\/[\w+-]+)*$/,
    'a name of the time zone database belongs here. For example: Europe/Berlin',
  )
    .refine(isTimeZone, { error: 'there is no such time zone. For example: Europe/Berlin, UTC' })
    .prefault('UTC')
    .meta({ description: 'The time zone that `cron(…)` is meant in.', example: 'Europe/Berlin' }),
  'flexible-window': duration('1m', '24h').optional().meta({
    description:
      'A backup begins at some time in so long a window, instead of at the minute: many sources then spread.',
    example: '15m',
  }),
  via: z
    .enum(['auto', 'psync', 'sync', 'scan'])
    .prefault('auto')
    .describe(
      'How the data is had: by `psync` or `sync` as a replica has it, by `scan` key by key, and of no one moment; `auto` takes the first of them that is permitted.',
    ),
  'psync-name': text(
    RENAMED_PSYNCS,
    'this is not the name of a renamed PSYNC. Write HOST:PORT@NAME, with commas for several nodes, or one NAME for all',
  )
    .optional()
    .meta({
      description:
        'What PSYNC is called where it was renamed: `HOST:PORT@NAME`, with commas for several nodes, or one `NAME` for all.',
      example: '10.0.0.7:6379@xpsync',
    }),
  prefer: z
    .enum(['master', 'replica'])
    .prefault('master')
    .describe('What is read: each `master`, or a `replica` of it that is online, where it has one.'),
  pack: z.enum(['none', 'gz', 'zst']).prefault('none').describe('How the files of a backup are packed.'),
  'keep-last': keep('So many backups are kept, the newest. Without any of the three, all are kept.'),
  'keep-daily': keep('The newest backup of each day is kept, for so many days that have one; in UTC.'),
  'keep-weekly': keep('The newest backup of each week, from Monday on, is kept, for so many weeks that have one.'),
  'size-change': z
    .int()
    .min(1)
    .max(100_000)
    .prefault(50)
    .describe('In percent: a backup that is so much smaller or larger than the one before it is told of. Both stay.'),
});

export const source = fields
  .superRefine((value, context) => {
    for (const [path, message] of serverContradictions(value)) context.addIssue({ code: 'custom', path, message });
    if (value.schedule !== undefined || value['flexible-window'] === undefined) return;
    const message = 'there is no schedule that it could be of. Add one, or remove it';
    context.addIssue({ code: 'custom', path: ['flexible-window'], message });
  })
  .transform(camelKeys);

export const sources = z.record(name, source);

export type Source = z.output<typeof source>;

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}
