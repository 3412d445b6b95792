// A target: the server that files are restored or loaded into, how to reach it, and what to do there.
import * as z from 'zod';
import { endpointParts } from './endpoint-url.ts';
import { camelKeys, name } from './fields.ts';
import { RESTORE_OPTIONS } from './restore-options.ts';
import { SERVER_FIELDS, serverContradictions } from './server.ts';

const fields = z.strictObject({
  ...SERVER_FIELDS,
  mode: z
    .enum(['auto', 'proxy'])
    .prefault('auto')
    .describe('`proxy` for Twemproxy, Codis and the like; `auto` asks the server what it is (single, cluster).'),
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
  const { sentinel, db } = endpointParts(target.endpoint);
  yield* serverContradictions(target);
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
