// Rules take the keys that they say, and no others.
import { describe, expect, test } from 'vitest';
import { type FilterRules, rulesFilter } from '../../lib/filter/filter.ts';
import { RdbScanner, ScanEvent } from '../../lib/rdb/scanner.ts';
import type { ValueKind } from '../../lib/rdb/types.ts';
import { moduleId, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { fullStream } from '../support/samples.ts';
import { streamValue } from '../support/stream-builder.ts';

const bytes = new RdbFileBuilder('REDIS0015')
  .selectDb(0)
  .key('string', values.STRING('v'))
  .key('list', values.LIST(['v']))
  .key('list:packed', values.LIST_ZIPLIST(['v']))
  .key('set', values.SET_INTSET([1]))
  .selectDb(3)
  .key('zset', values.ZSET_LISTPACK([['m', 1]]))
  .key('hash', values.HASH([['f', 'v']]))
  .key('stream', streamValue(1, fullStream))
  .selectDb(15)
  .key('module', values.MODULE_2(moduleId('ReJSON-RL', 3), []))
  .key('array', values.ARRAY([[0, { string: 'v' }]]))
  .key('12', values.STRING('v'), 'int')
  .end();

/** The keys that rules take, and of how many the name was asked for. */
function taken(rules: FilterRules): { keys: string[]; asked: number } {
  const filter = rulesFilter(rules);
  const scanner = new RdbScanner();
  scanner.feed(Buffer.from(bytes));
  const keys: string[] = [];
  let asked = 0;
  for (let event = scanner.next(); event !== ScanEvent.END; event = scanner.next()) {
    if (event === ScanEvent.MORE) scanner.finish();
    if (event !== ScanEvent.KEY) continue;
    const key = scanner.key() as Buffer;
    const accepted = filter?.accepts(scanner, () => {
      asked++;
      return key;
    });
    if (accepted ?? true) keys.push(key.toString());
  }
  return { keys, asked };
}

const ALL = ['string', 'list', 'list:packed', 'set', 'zset', 'hash', 'stream', 'module', 'array', '12'];

describe('keys are taken', () => {
  test('all where there are no rules: there is no filter then', () => {
    expect(rulesFilter({})).toBeUndefined();
    expect(taken({}).keys).toEqual(ALL);
  });

  test('by database', () => {
    expect(taken({ dbs: [3] }).keys).toEqual(['zset', 'hash', 'stream']);
    expect(taken({ dbs: [15, 0] }).keys).toEqual(ALL.filter((key) => !['zset', 'hash', 'stream'].includes(key)));
    expect(taken({ dbs: [] }).keys).toEqual([]);
  });

  test.each<[ValueKind, string[]]>([
    ['string', ['string', '12']],
    ['list', ['list', 'list:packed']],
    ['set', ['set']],
    ['zset', ['zset']],
    ['hash', ['hash']],
    ['stream', ['stream']],
    ['module', ['module']],
    ['array', ['array']],
  ])('by type: %s', (kind, keys) => {
    expect(taken({ kinds: [kind] }).keys).toEqual(keys);
  });

  test('by name, where one of the globs matches', () => {
    expect(taken({ match: ['list*'] }).keys).toEqual(['list', 'list:packed']);
    expect(taken({ match: ['list*', 's*', 'nobody'] }).keys).toEqual([
      'string',
      'list',
      'list:packed',
      'set',
      'stream',
    ]);
    expect(taken({ match: ['1?'] }).keys, 'of a key that is stored as a number').toEqual(['12']);
    expect(taken({ match: [] }).keys).toEqual([]);
  });

  test('where all rules hold', () => {
    expect(taken({ dbs: [0, 15], kinds: ['string', 'list'], match: ['*t*', '12'] }).keys).toEqual([
      ...['string', 'list', 'list:packed', '12'],
    ]);
    expect(taken({ dbs: [3], kinds: ['string'] }).keys).toEqual([]);
  });

  test('without looking at their name where it does not matter', () => {
    expect(taken({ dbs: [0], kinds: ['string'] }).asked).toBe(0);
    expect(taken({ dbs: [3], match: ['*'] }).asked).toBe(3);
  });
});
