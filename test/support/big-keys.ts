// One key of every type that is written in parts, each some hundred kilobytes that do not compress.
import type { Argument, Command } from './commands.ts';
import { YEAR_2099 } from './dataset-strings.ts';
import type { KeyFacts, Snapshot } from './oracle.ts';
import type { Random } from './random.ts';
import type { Features } from './server-binaries.ts';

/** At least so many bytes has the record of each of these keys in an RDB. */
export const BIG_KEY_BYTES = 64 * 1024;

export const BIG_KINDS = ['string', 'list', 'set', 'zset', 'hash', 'stream'] as const;
export type BigKind = (typeof BIG_KINDS)[number];

const ELEMENTS = 3000;
/** Elements of a command. */
const TOGETHER = 500;

type Row = (index: number) => readonly Argument[];

function* rows(name: string, key: string, row: Row): Generator<Command> {
  for (let at = 0; at < ELEMENTS; at += TOGETHER) {
    yield [name, key, ...Array.from({ length: TOGETHER }, (_, i) => row(at + i)).flat()];
  }
}

const MAKERS: Record<BigKind, (key: string, random: Random) => Iterable<Command>> = {
  string: (key, random) => [['SET', key, random.bytes(400_000)]],
  list: (key, random) => rows('RPUSH', key, () => [random.bytes(random.int(0, 120))]),
  set: (key, random) => rows('SADD', key, (i) => [`${i} ${random.bytes(40).toString('latin1')}`]),
  zset: (key, random) => rows('ZADD', key, (i) => [random.int(-(10 ** 9), 10 ** 9) / 7, `${i} ${random.text(20)}`]),
  hash: (key, random) => rows('HSET', key, (i) => [`field ${i}`, random.bytes(random.int(0, 120))]),
  stream: streamOf,
};

/** Entries, some of them deleted; two groups with pending entries, some of which are deleted too. */
function* streamOf(key: string, random: Random): Generator<Command> {
  for (let i = 1; i <= ELEMENTS; i++) yield ['XADD', key, `${i}-0`, 'number', i, 'text', random.bytes(60)];
  const ids = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `${from + i}-0`);
  yield ['XGROUP', 'CREATE', key, 'readers', '0'];
  yield ['XREADGROUP', 'GROUP', 'readers', 'alice', 'COUNT', 700, 'STREAMS', key, '>'];
  yield ['XREADGROUP', 'GROUP', 'readers', 'bob', 'COUNT', 300, 'STREAMS', key, '>'];
  yield ['XACK', key, 'readers', ...ids(1, 200)];
  yield ['XGROUP', 'CREATE', key, 'idle', '$'];
  yield ['XDEL', key, ...ids(300, 50), ...ids(2500, 20)];
}

/** The commands that make a key of that kind; with an expiry where `expireAt` (ms) is given. */
export function* bigKey(kind: BigKind, key: string, random: Random, expireAt?: number): Generator<Command> {
  yield* MAKERS[kind](key, random);
  if (expireAt !== undefined) yield ['PEXPIREAT', key, expireAt];
}

/** Keys of every kind, one with an expiry and one without; a hash whose fields expire where the server has such. */
export function* bigKeys(random: Random, features: Features): Generator<Command> {
  for (const kind of BIG_KINDS) {
    yield* bigKey(kind, `big ${kind}`, random);
    yield* bigKey(kind, `big ${kind} with TTL`, random, YEAR_2099 + random.int(0, 10 ** 9));
  }
  if (!features.fieldExpiry) return;
  yield* bigKey('hash', 'big hash of fields with TTLs', random);
  for (let at = 0; at < ELEMENTS; at += 300) {
    const fields = Array.from({ length: 100 }, (_, i) => `field ${at + i}`);
    yield ['HPEXPIREAT', 'big hash of fields with TTLs', YEAR_2099 + at, 'FIELDS', fields.length, ...fields];
  }
}

/** What commands can't write, or write otherwise, left out: when consumers were last seen and active. */
export function asByCommands({ databases, ...rest }: Snapshot): Snapshot {
  const view = (facts: KeyFacts): KeyFacts =>
    facts.type === 'stream' ? { ...facts, details: withoutSeenTimes(facts.details ?? {}) } : facts;
  const keys = ([db, all]: [number, Map<string, KeyFacts>]) =>
    [db, new Map([...all].map(([key, facts]) => [key, view(facts)]))] as const;
  return { ...rest, databases: new Map([...databases].map(keys)) };
}

type Facts = Record<string, unknown>;

function withoutSeenTimes(details: Facts): Facts {
  const consumer = ({ 'seen-time': _, 'active-time': __, ...facts }: Facts): Facts => facts;
  const group = (facts: Facts): Facts => ({ ...facts, consumers: each(facts.consumers as Facts, consumer) });
  return { ...details, groups: each(details.groups as Facts, group) };
}

const each = (named: Facts, change: (facts: Facts) => Facts): Facts =>
  Object.fromEntries(Object.entries(named).map(([name, facts]) => [name, change(facts as Facts)]));
