// The model of what a server can hold of another's data; and what was lost, counted from what two servers show.
import type { Loss } from '../../lib/rdb/reencode.ts';
import type { Losses } from '../../lib/targets/redis/tally.ts';
import type { KeyFacts, Snapshot } from './oracle.ts';
import { type Features, featuresOf, type ServerName } from './servers.ts';

type Facts = Record<string, unknown>;

/**
 * What `target` would show if it held all that it can of the data. Several encodings, any of which will do, are one text
 * with bars between; see {@link inWordsOf}.
 */
export function heldBy(target: ServerName, source: Snapshot): Snapshot {
  const held = mapKeys(source, (facts) => (isModule(facts) ? undefined : factsOn(target, facts)));
  return { ...held, libraries: featuresOf(target).seven ? source.libraries : {} };
}

/**
 * What a target shows, as the model says it: an encoding that will do is the model's text, and what servers compute by
 * rules of their own, of facts that are compared, is left out. DEBUG DIGEST, over all keys, is the model's: it is made of
 * what is compared key by key.
 */
export function inWordsOf(model: Snapshot, held: Snapshot): Snapshot {
  const said = mapKeys(held, (facts, db, key) => {
    const { encoding = '' } = model.databases.get(db)?.get(key) ?? {};
    const agreed = encoding.split('|').includes(facts.encoding) ? encoding : facts.encoding;
    return { ...facts, encoding: agreed, ...(facts.type === 'stream' ? { details: withoutLag(facts.details) } : {}) };
  });
  return { ...said, digest: model.digest };
}

/** The keys (latin1) of modules' values, after their database; sorted. */
export function moduleKeys({ databases }: Snapshot): string[] {
  const all = [...databases].flatMap(([db, keys]) =>
    [...keys].map(([key, facts]) => ({ name: `${db} ${key}`, facts })),
  );
  return all.flatMap(({ name, facts }) => (isModule(facts) ? [name] : [])).sort();
}

/** The kinds of loss that occur between two servers: the data has each of them. */
export function lossKinds(source: ServerName, target: ServerName): Loss[] {
  const [from, to] = [featuresOf(source), featuresOf(target)];
  const kinds: Loss[] = [];
  if (from.fieldExpiry && !to.fieldExpiry) kinds.push('field-ttl');
  // Only Valkey has later expiries than Redis holds.
  if (from.fieldExpiry && to.fieldExpiry && target.startsWith('redis')) kinds.push('field-ttl-capped');
  if (!to.seven) kinds.push('stream-entries-added', 'stream-max-deleted-id', 'stream-entries-read');
  if (from.sevenTwo && !to.sevenTwo) kinds.push('stream-active-time');
  return kinds;
}

/**
 * How many keys of `before` have lost something of each kind in `after`. Both must be able to show what was lost. A key
 * that is gone is no loss of these kinds, and what was not known before can't be lost.
 */
export function lossesBetween(before: Snapshot, after: Snapshot): Losses {
  const counts: Losses = {};
  for (const [db, keys] of before.databases) {
    for (const [key, facts] of keys) {
      const left = after.databases.get(db)?.get(key);
      if (left === undefined) continue;
      for (const loss of new Set([...fieldLosses(facts, left), ...streamLosses(facts, left)])) {
        counts[loss] = (counts[loss] ?? 0) + 1;
      }
    }
  }
  return counts;
}

function* fieldLosses(
  { fieldExpiries: before = {} }: KeyFacts,
  { fieldExpiries: after = {} }: KeyFacts,
): Generator<Loss> {
  for (const [field, expiry] of Object.entries(before)) {
    if (after[field] === undefined) yield 'field-ttl';
    else if (after[field] !== expiry) yield 'field-ttl-capped';
  }
}

function* streamLosses({ type, details: before = {} }: KeyFacts, { details: after = {} }: KeyFacts): Generator<Loss> {
  if (type !== 'stream') return;
  if (before['entries-added'] !== after['entries-added']) yield 'stream-entries-added';
  if (before['max-deleted-entry-id'] !== after['max-deleted-entry-id']) yield 'stream-max-deleted-id';
  for (const [name, group] of Object.entries(before.groups as Record<string, Facts>)) {
    const left = (after.groups as Record<string, Facts>)[name] ?? {};
    const known = group['entries-read'] !== null;
    if (known && group['entries-read'] !== left['entries-read']) yield 'stream-entries-read';
    for (const [consumer, { 'active-time': time }] of Object.entries(group.consumers as Record<string, Facts>)) {
      if ((left.consumers as Record<string, Facts>)[consumer]?.['active-time'] !== time) yield 'stream-active-time';
    }
  }
}

/** Vector sets are the only values of modules here: Redis 8.0 brings their module along. */
const isModule = ({ type }: KeyFacts): boolean => type === 'vectorset';

/** The latest expiry of a field that Redis holds, ms; Valkey has 63 bits. */
const LATEST_OF_REDIS = 2 ** 48 - 1;

function factsOn(target: ServerName, facts: KeyFacts): KeyFacts {
  const { fieldExpiries, details, ...rest } = facts;
  const features = featuresOf(target);
  const latest = target.startsWith('redis') ? LATEST_OF_REDIS : Number.POSITIVE_INFINITY;
  const capped = fieldExpiries && mapValues(fieldExpiries, (ms) => Math.min(ms, latest));
  return {
    ...rest,
    encoding: encodingOn(features, facts),
    ...(capped !== undefined && features.fieldExpiry ? { fieldExpiries: capped } : {}),
    ...(details === undefined ? {} : { details: streamOn(features, details) }),
  };
}

/** As what a value is held: the tables of one server are those of another, packed forms differ (rdb-format.md 1.4). */
function encodingOn({ seven, sevenTwo }: Features, { type, encoding, fieldExpiries }: KeyFacts): string {
  const packed = seven ? 'listpack' : 'ziplist';
  switch (type) {
    case 'list':
      return sevenTwo ? encoding : 'quicklist';
    case 'set':
      return encoding === 'listpack' && !sevenTwo ? 'hashtable' : encoding;
    case 'zset':
      return encoding === 'listpack' ? packed : encoding;
    case 'hash':
      // Where fields expire, or did, Valkey has tables only, and Redis a packed form of its own.
      if (fieldExpiries === undefined && !['listpackex', 'hashtable'].includes(encoding)) return packed;
      return `${packed}|listpackex|hashtable`;
    case 'string':
      // Valkey embeds keys too: which strings are short depends on the key.
      return encoding === 'int' ? encoding : 'embstr|raw';
    default:
      return encoding;
  }
}

/** XINFO STREAM FULL of a stream that came from a newer server. */
function streamOn({ seven, sevenTwo }: Features, details: Facts): Facts {
  const {
    'entries-added': added,
    'max-deleted-entry-id': deleted,
    'recorded-first-entry-id': first,
    ...stream
  } = details;
  const groups = mapValues(stream.groups as Record<string, Facts>, ({ 'entries-read': read, lag: _, ...group }) => ({
    ...group,
    ...(seven ? { 'entries-read': read } : {}),
    consumers: mapValues(group.consumers as Record<string, Facts>, ({ 'active-time': active, ...consumer }) => ({
      ...consumer,
      ...(sevenTwo ? { 'active-time': active } : {}),
    })),
  }));
  const sinceSeven = { 'entries-added': added, 'max-deleted-entry-id': deleted, 'recorded-first-entry-id': first };
  return { ...stream, ...(seven ? sinceSeven : {}), groups };
}

/** A group's lag follows from its count of entries read and the stream's facts, by rules that differ between versions. */
function withoutLag(details: Facts = {}): Facts {
  const groups = mapValues(details.groups as Record<string, Facts>, ({ lag: _, ...group }) => group);
  return { ...details, groups };
}

/** @param change gives `undefined` for a key that is left out */
function mapKeys(
  snapshot: Snapshot,
  change: (facts: KeyFacts, db: number, key: string) => KeyFacts | undefined,
): Snapshot {
  const databases: Snapshot['databases'] = new Map();
  for (const [db, keys] of snapshot.databases) {
    const changed = [...keys].flatMap(([key, facts]): [string, KeyFacts][] => {
      const to = change(facts, db, key);
      return to === undefined ? [] : [[key, to]];
    });
    databases.set(db, new Map(changed));
  }
  return { ...snapshot, databases };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
