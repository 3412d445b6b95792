import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../../lib/rdb/decode.ts';
import { type Loss, reencode } from '../../../lib/rdb/reencode.ts';
import { plain } from '../../support/decoded.ts';
import { runs, seedOr } from '../../support/random.ts';
import { type BuiltGroup, type BuiltStream, streamValue } from '../../support/stream-builder.ts';
import { sampleStream } from '../../support/value-samples.ts';
import { olderStream, type Stream } from './stream-model.ts';

const SEED = seedOr(20261126);
const VERSIONS = [1, 2, 3, 4, 5] as const;
type Version = (typeof VERSIONS)[number];
/** The RDB versions whose newest encoding of streams is 1 to 5: Redis 6.0, 7.0, 7.2, 8.6, 8.8. */
const RDB = { 1: 9, 2: 10, 3: 11, 4: 13, 5: 14 } as const;

/** Encodes the stream in `from` and writes it for servers whose newest encoding is `to`. */
function written(built: BuiltStream, from: Version, to: Version): { stream: Stream; losses: readonly Loss[] } {
  const { type, value } = streamValue(from, built);
  const result = reencode(type, value, { family: 'redis', rdb: RDB[to] }, { now: 0n });
  if (result === undefined || result.expired) throw new Error(`encoding ${from} can't be written as ${to}`);
  return { stream: decodeValue(result.type, result.value) as Stream, losses: result.losses };
}

function decoded(built: BuiltStream, version: Version): Stream {
  const { type, value } = streamValue(version, built);
  return decodeValue(type, value) as Stream;
}

const id = (ms: number | bigint, seq: number | bigint = 0) => ({ ms, seq });

test('every stream, from every encoding in every older one', { timeout: 900_000 }, () => {
  fc.assert(
    fc.property(streams(), (drawn) => {
      for (const from of VERSIONS) {
        const built = from === 5 ? drawn : withoutNacked(drawn);
        for (const to of VERSIONS.filter((each) => each <= from)) {
          const expected = plain(olderStream(decoded(built, from), to));
          expect(plain(written(built, from, to).stream), `${from} to ${to}`).toEqual(expected);
        }
      }
    }),
    { numRuns: runs(150, 5000), seed: SEED },
  );
});

describe('what a stream loses', () => {
  /** Nothing deleted, read to the end, no idempotence: what an older encoding says is all that there is to know. */
  const group: BuiltGroup = { name: 'g', lastId: id(9), entriesRead: 2n, pel: [], consumers: [] };
  const simple: BuiltStream = {
    nodes: [[1, 9].map((ms) => ({ id: id(ms), fields: [['f', 'v']] }))],
    lastId: id(9),
    firstId: id(1),
    maxDeletedId: id(0),
    entriesAdded: 2n,
    groups: [group],
    idempotence: { duration: 100n, maxSize: 100n, producers: [], added: 0n, duplicates: 0n },
  };
  const consumer = { name: 'c', seenAt: 5n, activeAt: 5n, pel: [] };
  const withGroup = (change: Partial<BuiltGroup>) => ({ ...simple, groups: [{ ...group, ...change }] });
  const idempotent = (change: Partial<NonNullable<BuiltStream['idempotence']>>) => ({
    ...simple,
    idempotence: { duration: 100n, maxSize: 100n, producers: [], added: 0n, duplicates: 0n, ...change },
  });

  test.each<[string, BuiltStream, Version, Loss[]]>([
    ['nothing that a server would not work out again', simple, 1, []],
    ['nothing, when it never remembered messages', idempotent({ duration: 0n, maxSize: 0n }), 1, []],
    ['how many entries it had', { ...simple, entriesAdded: 3n }, 1, ['stream-entries-added']],
    ['the highest deleted id', { ...simple, maxDeletedId: id(0, 1) }, 1, ['stream-max-deleted-id']],
    ['no counts in an encoding that has them', { ...simple, entriesAdded: 3n, maxDeletedId: id(5) }, 2, []],
    ['nothing of a group that stands at the first entry', withGroup({ lastId: id(1), entriesRead: 1n }), 1, []],
    ['nothing of one before it', withGroup({ lastId: id(0), entriesRead: 0n }), 1, []],
    ['nothing of one whose count is not known', withGroup({ entriesRead: -1n }), 1, []],
    ['the count of one in between', withGroup({ lastId: id(5), entriesRead: 1n }), 1, ['stream-entries-read']],
    ['the count of one beyond the end', withGroup({ lastId: id(9, 1), entriesRead: 2n }), 1, ['stream-entries-read']],
    ['the count of one that differs', withGroup({ entriesRead: 1n }), 1, ['stream-entries-read']],
    ['nothing of a consumer whose last attempt got it entries', withGroup({ consumers: [consumer] }), 1, []],
    ['when one got its last', withGroup({ consumers: [{ ...consumer, activeAt: 4n }] }), 2, ['stream-active-time']],
    ['that one never did', withGroup({ consumers: [{ ...consumer, activeAt: -1n }] }), 2, ['stream-active-time']],
    ['no active time where there is one', withGroup({ consumers: [{ ...consumer, activeAt: 4n }] }), 3, []],
    ['how long it remembers messages', idempotent({ duration: 101n }), 3, ['stream-idempotence']],
    ['how many it remembers', idempotent({ maxSize: 99n }), 3, ['stream-idempotence']],
    ['which it has', idempotent({ producers: [{ id: 'p', messages: [] }] }), 3, ['stream-idempotence']],
    ['how many it has had', idempotent({ added: 1n }), 3, ['stream-idempotence']],
    ['how many came twice', idempotent({ duplicates: 1n }), 3, ['stream-idempotence']],
    ['no messages where they are known', idempotent({ added: 1n }), 4, []],
  ])('%s', (_, built, to, losses) => {
    expect(written(built, 5, to).losses).toEqual(losses);
    expect(written(built, 5, 5).losses).toEqual([]);
  });

  test('nothing, when it has no entries and never had', () => {
    const empty: BuiltStream = { ...simple, nodes: [], lastId: id(0), firstId: id(0), entriesAdded: 0n };
    const groups = [{ ...group, lastId: id(0), entriesRead: 0n }];
    expect(written({ ...empty, groups }, 5, 1).losses).toEqual([]);
  });

  test('each kind is named once, whatever the number of groups', () => {
    const groups = ['g', 'h'].map((name) => ({
      ...group,
      name,
      entriesRead: 1n,
      consumers: [{ ...consumer, activeAt: 1n }],
    }));
    expect(written({ ...simple, groups }, 5, 1).losses).toEqual(['stream-active-time', 'stream-entries-read']);
  });

  test('its number of entries as stored counts, which Redis 5 could get wrong', () => {
    const { type, value } = streamValue(2, { ...simple, groups: [] }, 7);
    const result = reencode(type, value, { family: 'redis', rdb: 9 }, { now: 0n });
    expect(result?.expired === false && result.losses).toEqual(['stream-entries-added']);
  });
});

describe('pending entries that nobody owns', () => {
  const base = sampleStream.groups[0] as BuiltGroup;
  const nackedGroup = (consumers: BuiltGroup['consumers'], nacked: BuiltGroup['nacked'] = [id(1, 1), id(3)]) => ({
    ...sampleStream,
    groups: [{ ...base, consumers, nacked }],
  });

  test('go to a consumer of their own, with their times and counts', () => {
    for (const to of [1, 2, 3, 4] as const) {
      const { stream, losses } = written(nackedGroup([]), 5, to);
      expect(losses).toContain('stream-nacked');
      const [group] = (plain(stream) as { groups: Record<string, unknown>[] }).groups;
      expect(group).toMatchObject({
        pel: [
          ['1-1', 50n, 1n],
          ['3-0', 51n, 300n],
        ],
        consumers: [['keyferry-nacked', 0n, to >= 3 ? -1n : undefined, ['1-1', '3-0']]],
        nacked: [],
      });
    }
  });

  test('stay as they are where that is known', () => {
    const { stream, losses } = written(nackedGroup([]), 5, 5);
    expect([stream.groups[0]?.nacked.length, losses]).toEqual([2, []]);
  });

  test('never go to a consumer of the application', () => {
    const consumers = ['keyferry-nacked', 'keyferry-nacked-2'].map((name, i) => ({
      ...(base.consumers[0] as BuiltGroup['consumers'][number]),
      name,
      pel: i === 0 ? [id(1, 1)] : [],
    }));
    const { stream } = written(nackedGroup(consumers, [id(3)]), 5, 2);
    expect(stream.groups[0]?.consumers.map(({ name, pel }) => [name.toString(), pel.length])).toEqual([
      ['keyferry-nacked', 1],
      ['keyferry-nacked-2', 0],
      ['keyferry-nacked-3', 1],
    ]);
  });
});

test('nodes are copied byte for byte, compressed ones as they are', () => {
  const { type, value } = streamValue(3, sampleStream);
  const result = reencode(type, value, { family: 'redis', rdb: 9 }, { now: 0n });
  const { nodes } = sampleStream;
  const { value: bare } = streamValue(1, { ...sampleStream, nodes, groups: [] });
  // All of it but the last byte: the number of groups.
  expect(result?.expired === false && result.value.subarray(0, bare.length - 1)).toEqual(bare.subarray(0, -1));
});

/** The stream as it could be before XNACK: every pending entry has an owner. */
function withoutNacked(built: BuiltStream): BuiltStream {
  const groups = built.groups.map(({ pel, nacked = [], ...rest }) => ({
    ...rest,
    pel: pel.filter(({ id: pending }) => !nacked.includes(pending)),
  }));
  return { ...built, groups };
}

/** Streams of any state, with PELs whose entries are partly gone. */
function streams(): fc.Arbitrary<BuiltStream> {
  const number = fc.oneof(fc.nat({ max: 300 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const anyId = fc.record({ ms: number, seq: number });
  const time = fc.bigInt({ min: -1n, max: 2n ** 44n });
  const name = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes));
  const unsigned = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const entry = fc.record({
    gap: fc.integer({ min: 1, max: 10 ** 6 }),
    deleted: fc.boolean(),
    fields: fc.array(fc.tuple(name, name), { minLength: 1, maxLength: 3 }),
  });
  const pendingIds = fc.uniqueArray(anyId, { selector: ({ ms, seq }) => `${ms}-${seq}`, maxLength: 8 });
  const group = fc
    .record({
      name,
      lastId: anyId,
      entriesRead: fc.bigInt({ min: -1n, max: 2n ** 40n }),
      ids: pendingIds,
      owners: fc.array(fc.nat({ max: 5 }), { minLength: 8, maxLength: 8 }),
      deliveredAt: time,
      count: unsigned,
      consumers: fc.uniqueArray(name, { selector: (each) => each.toString('hex'), maxLength: 4 }),
      times: fc.tuple(time, time),
    })
    .map(({ ids, owners, consumers, times, deliveredAt, count, ...rest }): BuiltGroup => {
      // An owner beyond the consumers is none.
      const ownedBy = (i: number) => ids.filter((_, at) => owners[at] === i);
      return {
        ...rest,
        pel: ids.map((each) => ({ id: each, deliveredAt, count })),
        consumers: consumers.map((each, i) => ({ name: each, seenAt: times[0], activeAt: times[1], pel: ownedBy(i) })),
        nacked: ids.filter((_, at) => (owners[at] as number) >= consumers.length),
      };
    });
  const message = fc.record({ id: name, entry: anyId });
  const idempotence = fc.record({
    duration: unsigned,
    maxSize: unsigned,
    producers: fc.array(fc.record({ id: name, messages: fc.array(message, { maxLength: 3 }) }), { maxLength: 3 }),
    added: unsigned,
    duplicates: unsigned,
  });
  return fc
    .record({
      nodes: fc.array(fc.array(entry, { minLength: 1, maxLength: 4 }), { maxLength: 3 }),
      lastId: anyId,
      firstId: anyId,
      maxDeletedId: anyId,
      entriesAdded: unsigned,
      groups: fc.uniqueArray(group, { selector: (each) => each.name.toString(), maxLength: 3 }),
      idempotence,
    })
    .map(({ nodes, ...rest }) => {
      let ms = 0;
      const placed = nodes.map((node) =>
        node.map(({ gap, deleted, fields }) => {
          ms += gap;
          return { id: id(ms, gap % 3), deleted, fields };
        }),
      );
      return { ...rest, nodes: placed };
    });
}
