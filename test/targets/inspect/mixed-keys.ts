// Keys of all core types, encodings and sizes for tests of the memory model, as commands.
import { Random } from '../../support/random.ts';

/** 2100-01-01, ms. */
const FAR_FUTURE = 4_102_444_800_000;

/** The commands that make the `index`th key; its first argument is the key. */
export function* mixedKey(index: number, random: Random): Generator<string[]> {
  const kind = KINDS[index % KINDS.length] as (typeof KINDS)[number];
  const key = random.chance(0.1)
    ? `app:${kind.name}:${'long-'.repeat(random.int(2, 12))}${index}`
    : `${kind.name}:${index}`;
  yield* kind.make(key, random);
  if (random.chance(0.2)) yield ['PEXPIREAT', key, String(FAR_FUTURE + random.int(0, 2 ** 31))];
}

type Make = (key: string, random: Random) => Generator<string[]>;

/** Text that does not compress. */
const text = (random: Random, least: number, most: number): string => {
  const length = random.int(least, most);
  return random.bytes(length).toString('base64').slice(0, length);
};

const fill = (count: number, element: (at: number) => string[]): string[] =>
  Array.from({ length: count }, (_, at) => element(at)).flat();

const string = (value: (random: Random) => string): Make =>
  function* (key, random) {
    yield ['SET', key, value(random)];
  };

const collection = (
  command: string,
  count: (random: Random) => number,
  element: (random: Random, at: number) => string[],
): Make =>
  function* (key, random) {
    const members = count(random);
    for (let from = 0; from < members; from += 500) {
      yield [command, key, ...fill(Math.min(500, members - from), (at) => element(random, from + at))];
    }
  };

/** Sizes far apart: mostly small, seldom huge. */
const skewed = (least: number, most: number) => (random: Random) =>
  Math.floor(least * (most / least) ** (random.fraction() ** 3));

const stream: Make = function* (key, random) {
  const entries = skewed(1, 300)(random);
  for (let at = 1; at <= entries; at++) {
    yield ['XADD', key, `${1_700_000_000_000 + at * 37}-${at % 3}`, 'sensor', String(at), 'value', text(random, 3, 20)];
  }
  if (!random.chance(0.3)) return;
  yield ['XGROUP', 'CREATE', key, 'readers', '0'];
  yield ['XREADGROUP', 'GROUP', 'readers', 'alice', 'COUNT', String(random.int(1, 40)), 'STREAMS', key, '>'];
  yield ['XREADGROUP', 'GROUP', 'readers', 'bob', 'COUNT', '5', 'STREAMS', key, '>'];
};

const named: Readonly<Record<string, { share: number; make: Make }>> = {
  counter: { share: 3, make: string((random) => String(random.int(0, random.pick([9, 9999, 2 ** 31, 2 ** 52])))) },
  flag: { share: 4, make: string((random) => text(random, 1, 44)) },
  session: { share: 8, make: string((random) => text(random, 45, 400)) },
  page: { share: 1, make: string((random) => random.text(skewed(400, 60_000)(random))) },
  profile: {
    share: 4,
    make: collection(
      'HSET',
      (random) => random.int(1, 12),
      (random, at) => [`field${at}`, text(random, 1, 40)],
    ),
  },
  document: {
    share: 2,
    make: collection(
      'HSET',
      (random) => random.int(1, 10),
      (random, at) => [`field${at}`, text(random, 60, 200)],
    ),
  },
  index: {
    share: 0.05,
    make: collection('HSET', skewed(520, 5000), (random, at) => [`entry:${at}`, text(random, 1, 30)]),
  },
  recent: { share: 2, make: collection('RPUSH', skewed(1, 50), (random) => [text(random, 4, 30)]) },
  queue: { share: 0.1, make: collection('RPUSH', skewed(500, 5000), (random) => [text(random, 4, 100)]) },
  ids: { share: 1, make: collection('SADD', skewed(1, 400), (random) => [String(random.int(0, 2 ** 40))]) },
  labels: { share: 2, make: collection('SADD', skewed(2, 30), (random) => [text(random, 3, 20)]) },
  members: {
    share: 0.1,
    make: collection('SADD', skewed(600, 5000), (random, at) => [`member:${at}:${text(random, 1, 5)}`]),
  },
  scores: {
    share: 2,
    make: collection('ZADD', skewed(1, 60), (random) => [String(random.int(0, 100_000) / 4), text(random, 4, 20)]),
  },
  ranking: {
    share: 0.1,
    make: collection('ZADD', skewed(150, 3000), (random, at) => [String(random.fraction()), `player:${at}`]),
  },
  events: { share: 0.3, make: stream },
};

/** Each kind as often as its share says, in twentieths. */
const KINDS = Object.entries(named).flatMap(([name, { share, make }]) =>
  Array.from({ length: Math.round(share * 20) }, () => ({ name, make })),
);
/** So that a run of keys has all kinds in it. */
new Random(5).shuffle(KINDS).forEach((kind, at) => {
  KINDS[at] = kind;
});
