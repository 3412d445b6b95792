// Random RDB files of every type, in every encoding, over any bytes: what a round trip has to bring back.
import type { Random } from './random.ts';
import { type As, type BuiltValue, moduleId, moduleItem, type PackedItem, values } from './rdb-builders.ts';
import { RdbFileBuilder } from './rdb-file-builder.ts';
import { type BuiltEntry, type BuiltGroup, streamValue } from './stream-builder.ts';
import { sampleTemplate } from './value-samples.ts';

type Make = (random: Random) => BuiltValue;

const EDGES = ['0', '-1', '007', '-0', '+1', ' 1', '1.0', '127', '128', '-129', '4095', '8388608', '-2147483649'];
const WIDE = [2n ** 53n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n].map(String);
/** Text that JSON has to escape, or that some parsers mangle. */
const TEXTS = [
  '',
  '"\\/\b\f\n\r\t',
  '\u0001\u001f\u007f',
  '\u2028\u2029',
  '\ufeff',
  '𝄞é€',
  '__proto__',
  '{"base64":"AA=="}',
];
/** No UTF-8: lone and missing continuation bytes, forms that are too long, surrogates, beyond U+10FFFF; and the byte 0. */
const BINARY = ['00', '80', 'c3', 'c0af', 'eda080', 'f4908080', 'ff', 'e282', '610062', '22ff22'];
const SCORES = [
  0,
  -0,
  1,
  -1.5,
  1 / 3,
  0.1 + 0.2,
  5e-324,
  1.7976931348623157e308,
  1e21,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 62),
];

function bytes(random: Random): Buffer {
  switch (random.int(0, 7)) {
    case 0:
      return Buffer.from(random.pick(EDGES));
    case 1:
      return Buffer.from(random.pick(WIDE));
    case 2:
      return Buffer.from(random.pick(TEXTS));
    case 3:
      return Buffer.from(random.pick(BINARY), 'hex');
    case 4:
      return random.bytes(random.int(0, 20));
    case 5:
      return random.bytes(random.int(60, 300));
    case 6:
      return Buffer.from(random.text(random.int(0, 80)));
    default:
      return Buffer.from(random.text(random.int(100, 3000)));
  }
}

/** Different ones, up to `most`. */
function distinct(random: Random, most: number): Buffer[] {
  const all = Array.from({ length: random.int(0, most) }, () => bytes(random));
  return [...new Map(all.map((each) => [each.toString('latin1'), each])).values()];
}

const signed = (random: Random): bigint => random.bytes(8).readBigInt64LE() >> BigInt(random.int(0, 63));
const unsigned = (random: Random): bigint => random.bytes(8).readBigUInt64LE() >> BigInt(random.int(0, 63));
const as = (random: Random): As => random.pick(['raw', 'lzf']);
const score = (random: Random): number =>
  random.chance(0.2)
    ? random.pick([Infinity, -Infinity])
    : random.chance(0.5)
      ? random.pick(SCORES)
      : random.int(-1e6, 1e6) / 8;
/** As a server writes it into a listpack. */
const scoreText = (value: number): string =>
  Object.is(value, -0) ? '-0' : Number.isFinite(value) ? String(value) : value > 0 ? 'inf' : '-inf';

const pairs = (random: Random) => distinct(random, 30).map((field) => [field, bytes(random)] as const);
const scored = (random: Random) => distinct(random, 30).map((member) => [member, score(random)] as const);
const packed = (random: Random) => scored(random).map(([member, value]) => [member, scoreText(value)] as const);
/** @param never what says that a field stays */
const expiring = (random: Random, never: bigint, latest: number) =>
  pairs(random).map(([f, v]) => [f, v, random.chance(0.5) ? never : BigInt(random.int(1, latest))] as const);

function numbers(random: Random): bigint[] {
  return [...new Set(Array.from({ length: random.int(1, 40) }, () => signed(random)))];
}

const shared: readonly Make[] = [
  (random) => values.STRING(bytes(random), as(random)),
  (random) => values.STRING(bytes(random)),
  (random) => values.STRING(String(random.int(-(2 ** 31), 2 ** 31 - 1)), 'int'),
  (random) =>
    values.LIST(
      Array.from({ length: random.int(1, 30) }, () => bytes(random)),
      as(random),
    ),
  (random) =>
    values.LIST_ZIPLIST(
      Array.from({ length: random.int(1, 30) }, () => bytes(random)),
      as(random),
    ),
  (random) => values.LIST_QUICKLIST([distinct(random, 9), numbers(random)], as(random)),
  (random) => values.LIST_QUICKLIST_2([distinct(random, 9), bytes(random), numbers(random)], as(random)),
  (random) => values.SET(distinct(random, 30), as(random)),
  (random) => values.SET_INTSET(numbers(random).sort((a, b) => (a < b ? -1 : 1))),
  (random) => values.SET_LISTPACK(distinct(random, 30), as(random)),
  (random) => values.ZSET(scored(random)),
  (random) => values.ZSET_2(scored(random)),
  (random) => values.ZSET_ZIPLIST(packed(random), as(random)),
  (random) => values.ZSET_LISTPACK(packed(random), as(random)),
  (random) => values.HASH(pairs(random), as(random)),
  (random) => values.HASH_ZIPMAP(pairs(random)),
  (random) => values.HASH_ZIPLIST(pairs(random), as(random)),
  (random) => values.HASH_LISTPACK(pairs(random), as(random)),
  ...([1, 2, 3] as const).map((version) => (random: Random) => stream(version, random)),
];

const module = (random: Random) =>
  values.MODULE_2(moduleId(random.pick(['ReJSON-RL', 'TSDB-TYPE']), random.int(0, 1023)), [
    moduleItem.string(bytes(random)),
    moduleItem.signed(signed(random)),
    moduleItem.unsigned(unsigned(random)),
    moduleItem.double(score(random)),
  ]);

const contents = (random: Random) => sampleTemplate.fields.map(() => bytes(random));

const redisOnly: readonly Make[] = [
  module,
  (random) => values.HASH_METADATA(expiring(random, 0n, 2 ** 46)),
  (random) => values.HASH_METADATA_PRE_GA(expiring(random, 0n, 2 ** 46)),
  (random) => values.HASH_LISTPACK_EX(expiring(random, 0n, 2 ** 46), as(random)),
  (random) => values.HASH_LISTPACK_EX_PRE_GA(expiring(random, 0n, 2 ** 46), as(random)),
  (random) => values.HASH_TMPL_LP_REF(sampleTemplate.id, contents(random)),
  (random) => values.HASH_TMPL_ARRAY_REF(sampleTemplate.id, contents(random)),
  (random) => values.HASH_TMPL_ARRAY(sampleTemplate.fields, contents(random), random.pick(['listpack', 'strings'])),
  (random) => array(random),
  ...([4, 5] as const).map((version) => (random: Random) => stream(version, random)),
];

const valkeyOnly: readonly Make[] = [
  (random) => values.HASH_2(expiring(random, -1n, 2 ** 52), as(random)),
  (random) => values.PATH_HASH(distinct(random, 5).map((path) => [path, pairs(random)] as const)),
];

function array(random: Random): BuiltValue {
  const indexes = [...new Set(Array.from({ length: random.int(1, 20) }, () => unsigned(random)))];
  const item = () =>
    random.pick([
      { string: bytes(random) },
      { small: bytes(random) },
      { integer: signed(random) },
      { float: score(random) },
    ]);
  return values.ARRAY(
    indexes.sort((a, b) => (a < b ? -1 : 1)).map((index) => [index, item()] as const),
    random.chance(0.5) ? unsigned(random) : undefined,
  );
}

function stream(version: 1 | 2 | 3 | 4 | 5, random: Random): BuiltValue {
  let ms = random.chance(0.2) ? 0 : random.int(1, 2 ** 42);
  /** Each greater than the one before. */
  const id = () => {
    ms += random.int(1, 3);
    return { ms, seq: random.int(0, 2 ** 40) };
  };
  const fields = (): [PackedItem, PackedItem][] =>
    Array.from({ length: random.int(1, 4) }, () => [bytes(random), bytes(random)]);
  const entry = (): BuiltEntry => ({ id: id(), fields: fields(), deleted: random.chance(0.1) });
  const nodes = Array.from({ length: random.int(0, 3) }, () => Array.from({ length: random.int(1, 8) }, entry));
  const live = nodes.flat().filter(({ deleted }) => deleted !== true);
  const group = (name: Buffer): BuiltGroup => {
    const pel = live
      .filter(() => random.chance(0.4))
      .map((each) => ({ id: each.id, deliveredAt: signed(random), count: unsigned(random) }));
    const owners = pel.map(() => random.int(0, version === 5 ? 2 : 1));
    const of = (owner: number) => pel.filter((_, i) => owners[i] === owner).map((each) => each.id);
    const consumer = (each: string, owner: number) => ({
      name: each,
      seenAt: signed(random),
      activeAt: signed(random),
      pel: of(owner),
    });
    const consumers = [consumer('c', 0), consumer('-12', 1)];
    return { name, lastId: id(), entriesRead: random.pick([-1n, 5n]), pel, consumers, nacked: of(2) };
  };
  const producer = (each: Buffer) => ({
    id: each,
    messages: distinct(random, 3).map((message) => ({ id: message, entry: id() })),
  });
  const idempotence = {
    duration: unsigned(random),
    maxSize: 5n,
    producers: distinct(random, 3).map(producer),
    added: unsigned(random),
    duplicates: 0n,
  };
  const known = { firstId: live[0]?.id ?? { ms: 0, seq: 0 }, maxDeletedId: id(), entriesAdded: unsigned(random) };
  const groups = random.chance(0.5) ? distinct(random, 3).map(group) : [];
  return streamValue(version, { nodes, lastId: id(), groups, idempotence, ...known });
}

/** A file of one family of servers, in which each type comes at least once. */
export function randomRdb(random: Random, family: 'redis' | 'valkey'): Buffer {
  const file = new RdbFileBuilder(family === 'redis' ? 'REDIS0015' : 'VALKEY081');
  file.aux(`${family}-ver`, '9.9.9').aux(random.text(9), bytes(random));
  if (random.chance(0.5)) file.library(`#!lua name=l\n${random.text(100)}é`);
  if (family === 'redis') file.hashTemplate(sampleTemplate.id, sampleTemplate.fields);
  const makes = random.shuffle([...shared, ...(family === 'redis' ? redisOnly : valkeyOnly)]);
  makes.forEach((make, i) => {
    if (i === 0 || random.chance(0.1)) file.selectDb(i * 7);
    if (random.chance(0.3)) file.expireMs(signed(random));
    const kept = random.pick(['nothing', 'idle', 'freq']);
    if (kept === 'idle') file.idle(random.int(0, 2 ** 31));
    if (kept === 'freq') file.freq(random.int(0, 255));
    file.key(Buffer.concat([bytes(random), Buffer.from(`:${i}`)]), make(random));
  });
  return file.end();
}
