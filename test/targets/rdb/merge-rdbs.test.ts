// Several RDBs in one file: each key and library once, whatever the pieces that they come in.
import { describe, expect, test } from 'vitest';
import type { TypeSupport } from '../../../lib/rdb/reencode.ts';
import { RdbProof } from '../../../lib/sources/rdb/proof.ts';
import { RdbMerger } from '../../../lib/targets/rdb/merge-rdbs.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { values } from '../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../support/rdb-file-builder.ts';

const LIBRARY = "#!lua name=one\nredis.register_function('f', function() return 1 end)";
/** Beyond what is held of a record, and beyond a block. */
const LARGE = 'x'.repeat(700_000);

async function merged(
  files: readonly Buffer[],
  cut: (left: number) => number = (left) => left,
  versions: readonly TypeSupport[] = [],
) {
  const merger = new RdbMerger({ versions });
  const pieces: Buffer[] = [];
  try {
    for (const [index, file] of files.entries()) {
      merger.begin(`shard ${index}`);
      for (let at = 0; at < file.length; ) {
        const to = at + cut(file.length - at);
        // Pieces are good until the next.
        const piece = Buffer.from(file.subarray(at, to));
        for await (const run of merger.take(piece)) pieces.push(Buffer.from(run));
        piece.fill(0);
        at = to;
      }
    }
    pieces.push(merger.end());
  } finally {
    await merger.close();
  }
  return { rdb: Buffer.concat(pieces), twice: merger.twice };
}

function proven(rdb: Buffer) {
  const keys: string[] = [];
  const proof = new RdbProof({ onKey: (db, key) => keys.push(`${db}:${key?.toString()}`) });
  for (const _ of proof.take(rdb));
  proof.finish();
  const facts = proof.facts();
  proof.end();
  return { keys, facts };
}

const file = (magic?: string) => new RdbFileBuilder(magic).aux('redis-ver', '7.4.0');
const value = (text: string) => values.STRING(text);

const first = file()
  .aux('repl-id', 'a'.repeat(40))
  .aux('repl-offset', '17')
  .library(LIBRARY)
  .selectDb(0)
  .resizeDb(3, 1)
  .expireMs(4_000_000_000_000)
  .key('a', value('1'))
  .key('large', value(LARGE))
  .selectDb(2)
  .key('b', value('2'))
  .end();
const second = file()
  .aux('repl-id', 'b'.repeat(40))
  .library(LIBRARY)
  .library(`#!lua name=two\n-- ${LARGE}`)
  .selectDb(2)
  .slotInfo(7, 1, 0)
  .freq(9)
  .key('c', value('3'))
  .key('b', value('again'))
  .selectDb(0)
  .idle(5)
  .key('large', value(`${LARGE}again`))
  .expireMs(4_000_000_000_000)
  .key('larger', value(`${LARGE}${LARGE}`))
  .key('d', value('4'))
  .end();

/** What is to come of the two. */
const expected = file()
  .library(LIBRARY)
  .selectDb(0)
  .expireMs(4_000_000_000_000)
  .key('a', value('1'))
  .key('large', value(LARGE))
  .selectDb(2)
  .key('b', value('2'))
  .library(`#!lua name=two\n-- ${LARGE}`)
  .freq(9)
  .key('c', value('3'))
  .selectDb(0)
  .expireMs(4_000_000_000_000)
  .key('larger', value(`${LARGE}${LARGE}`))
  .key('d', value('4'))
  .end();

test('holds every key and library once, as it came first, and nothing of where a stream goes on', async () => {
  const { rdb, twice } = await merged([first, second]);
  expect(rdb.equals(expected)).toBe(true);
  expect(twice).toBe(2);
  const { keys, facts } = proven(rdb);
  expect(keys).toEqual(['0:a', '0:large', '2:b', '2:c', '0:larger', '0:d']);
  expect(facts).toMatchObject({ checksum: 'ok', functions: 2 });
  expect([...facts.aux.keys()]).toEqual(['redis-ver']);
});

test.each(Array.from({ length: runs(10, 100) }, (_, run) => run))(
  'is the same however they are cut, run %i',
  async (run) => {
    const seed = seedOr(7100 + run);
    const random = new Random(seed);
    const most = random.pick([1000, 70_000, 400_000]);
    const { rdb, twice } = await merged([first, second], (left) => Math.min(left, random.int(1, most)));
    expect(rdb.equals(expected), `seed ${seed}`).toBe(true);
    expect(twice).toBe(2);
  },
);

test('of one byte at a time too', async () => {
  const small = file().selectDb(0).key('k', value('v')).end();
  const other = file().selectDb(0).expireMs(9n).key('k', value('w')).key('l', value('v')).end();
  const { rdb } = await merged([small, other], () => 1);
  expect(rdb.equals(file().selectDb(0).key('k', value('v')).key('l', value('v')).end())).toBe(true);
});

test.each(Array.from({ length: runs(10, 100) }, (_, run) => run))(
  'a key of any size comes once, be its value large or not, run %i',
  async (run) => {
    const seed = seedOr(7300 + run);
    const random = new Random(seed);
    const name = (bytes: number) => 'k'.repeat(bytes);
    // Around what is held of a record, and of a block.
    const sizes = [65_500, 65_536, 65_537, 262_144, 400_000, 1_000_000];
    const size = random.pick(sizes);
    const other = random.pick(sizes) + 3;
    const [text, again] = [random.pick(['v', LARGE]), random.pick(['w', LARGE])];
    const expiring = () => file().selectDb(0).expireMs(4_000_000_000_000).idle(7);
    const files = [
      expiring().key('a', value('1')).key(name(size), value(text)).key('b', value('2')).end(),
      expiring()
        .key(name(size), value(again))
        .key('c', value('3'))
        .expireMs(4_000_000_000_000)
        .key(name(other), value(text))
        .key(name(other), value(again))
        .key('d', value('4'))
        .end(),
    ];
    const most = random.pick([1000, 70_000, 400_000]);
    const { rdb, twice } = await merged(files, (left) => Math.min(left, random.int(1, most)));
    const once = expiring().key('a', value('1')).key(name(size), value(text)).key('b', value('2')).key('c', value('3'));
    once.expireMs(4_000_000_000_000).key(name(other), value(text)).key('d', value('4'));
    expect(rdb.equals(once.end()), `seed ${seed}`).toBe(true);
    expect(twice, `seed ${seed}`).toBe(2);
  },
);

test('the header holds for all of them, where it is known what comes', async () => {
  const newer = file('REDIS0012').selectDb(0).key('z', value('z')).end();
  const redis = (rdb: number): TypeSupport => ({ family: 'redis', rdb });
  const rising = await merged([first, newer], undefined, [redis(11), redis(12)]);
  expect(rising.rdb.toString('latin1', 0, 9)).toBe('REDIS0012');
  expect(proven(rising.rdb).facts).toMatchObject({ version: 12, checksum: 'ok' });
  const valkey = file('VALKEY080').selectDb(0).key('z', value('z')).end();
  const mixed = await merged([first, valkey], undefined, [
    { family: 'valkey', rdb: 11 },
    { family: 'valkey', rdb: 80 },
  ]);
  expect(mixed.rdb.toString('latin1', 0, 9)).toBe('VALKEY080');
  // What a server says of itself is no reason to understate what it has sent.
  const understated = await merged([newer, first], undefined, [redis(11), redis(11)]);
  expect(understated.rdb.toString('latin1', 0, 9)).toBe('REDIS0012');
  await expect(merged([newer, valkey], undefined, [redis(12), { family: 'valkey', rdb: 80 }])).rejects.toMatchObject({
    code: 'SOURCE_UNMERGEABLE',
  });
});

describe('refuses', () => {
  test('a shard that is cut short, or damaged, or goes on behind its end', async () => {
    await expect(merged([first.subarray(0, 100), second])).rejects.toMatchObject({ code: 'RDB_TRUNCATED' });
    await expect(merged([first, second.subarray(0, -1)])).rejects.toMatchObject({ code: 'RDB_TRUNCATED' });
    const flipped = Buffer.from(second);
    flipped[flipped.length - 20] = (flipped.at(-20) as number) ^ 1;
    await expect(merged([first, flipped])).rejects.toMatchObject({ code: 'RDB_CHECKSUM' });
    await expect(merged([first, Buffer.concat([second, Buffer.of(1)])])).rejects.toMatchObject({ code: 'RDB_TAIL' });
  });

  test.each([
    ['a newer version than the header says', [first, file('REDIS0012').end()]],
    ['another kind of server', [first, file('VALKEY080').end()]],
    ['another library of the same name', [first, file().library(`${LIBRARY} -- changed`).end()]],
    [
      'templates, which are numbered in each file',
      [file('REDIS0015').end(), file('REDIS0015').hashTemplate(1n, ['f']).end()],
    ],
  ])('%s', async (_, files) => {
    await expect(merged(files)).rejects.toMatchObject({ code: 'SOURCE_UNMERGEABLE', where: 'shard 1' });
  });

  test('nothing of an older version: the header covers it', async () => {
    const { keys } = proven((await merged([first, file('REDIS0010').selectDb(0).key('z', value('z')).end()])).rdb);
    expect(keys.at(-1)).toBe('0:z');
  });
});
