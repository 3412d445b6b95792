// The oracle notices each single change, and nothing but changes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Command, pipelined } from './commands.ts';
import { configFor } from './dataset.ts';
import { YEAR_2099 } from './dataset-strings.ts';
import { type CompareOptions, compare, type Snapshot, snapshot } from './oracle.ts';
import { type Features, featuresOf, lacks, SERVER_NAMES, type Server, startServer } from './servers.ts';

const BASE: Command[] = [
  ['SET', 'string', 'abc'],
  ['SET', 'number', 7],
  ['SET', 'volatile', 'x', 'PX', YEAR_2099 - Date.now()],
  ['RPUSH', 'list', 'a', 'b', 'c'],
  ['SADD', 'set', 'a', 'b'],
  ['ZADD', 'zset', 0.1, 'a', 'inf', 'b'],
  ['HSET', 'hash', 'f', 'v', 'g', ''],
  ['XADD', 'stream', '1-1', 'f', 'v'],
  ['XADD', 'stream', '2-1', 'f', 'v'],
  ['XADD', 'stream', '3-1', 'f', 'v'],
  ['XGROUP', 'CREATE', 'stream', 'g', '0'],
  ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 2, 'STREAMS', 'stream', '>'],
];
const SEVEN: Command[] = [
  ['FUNCTION', 'LOAD', "#!lua name=one\nredis.register_function('f', function() return 1 end)"],
  ['FUNCTION', 'LOAD', "#!lua name=two\nredis.register_function('g', function() return 1 end)"],
];
const FIELDS: Command[] = [
  ['HSET', 'expiring', 'a', 1, 'b', 2],
  ['HPEXPIREAT', 'expiring', YEAR_2099, 'FIELDS', 2, 'a', 'b'],
];
const VECTORS: Command[] = [['VADD', 'vectors', 'VALUES', 3, 1, 2, 3, 'a', 'SETATTR', '{"x":1}']];

interface Change {
  change: string;
  by: Command[];
  /** What each reported difference has to be about. */
  about: RegExp;
  needs?: keyof Features;
}

/** In order, each upon the last one. */
const CHANGES: Change[] = [
  {
    change: 'one byte of a string',
    by: [['SETRANGE', 'string', 1, 'x']],
    about: /"string": (value|encoding embstr ≠ raw)/,
  },
  { change: 'a key more', by: [['SET', 'new', '']], about: /"new": only on .*port/ },
  { change: 'a key less', by: [['DEL', 'new']], about: /"new": only on .*port/ },
  { change: 'a key in another database', by: [['MOVE', 'number', 1]], about: /db [01] key "number": only on/ },
  { change: 'an expiry', by: [['PEXPIREAT', 'string', YEAR_2099]], about: /"string": (value|expiry never ≠ 4070\d+ )/ },
  { change: 'no expiry', by: [['PERSIST', 'string']], about: /"string": (value|expiry 4070\d+ \(20.*Z\) ≠ never)/ },
  { change: 'an expiry 2 s later', by: [['PEXPIREAT', 'volatile', YEAR_2099 + 2000]], about: /"volatile": expiry/ },
  {
    change: 'an expiry 1 ms later',
    by: [['PEXPIREAT', 'volatile', YEAR_2099 + 2001]],
    about: /"volatile": expiry \d+2000 .* ≠ \d+2001 /,
    needs: 'seven',
  },
  {
    change: "a list's order",
    by: [['LMOVE', 'list', 'list', 'LEFT', 'RIGHT']],
    about: /"list": value/,
    needs: 'seven',
  },
  { change: 'a list element', by: [['LSET', 'list', 1, 'y']], about: /"list": value/ },
  { change: 'a set member', by: [['SREM', 'set', 'a']], about: /"set": value/ },
  { change: 'a score by its last digit', by: [['ZADD', 'zset', 0.10000000000000002, 'a']], about: /"zset": value/ },
  { change: 'a hash value', by: [['HSET', 'hash', 'g', ' ']], about: /"hash": value/ },
  {
    change: 'an encoding',
    by: [
      ['HSET', 'hash', 'h', 'x'.repeat(1000)],
      ['HDEL', 'hash', 'h'],
    ],
    about: /"hash": encoding \w+ ≠ hashtable/,
  },
  {
    change: 'a type',
    by: [
      ['DEL', 'set'],
      ['LPUSH', 'set', 'b'],
    ],
    about: /"set": (type set ≠ list|encoding|value)/,
  },
  {
    change: "a field's expiry by 1 ms",
    by: FIELDS.slice(1).map(later),
    about: /field a: .*0 ≠ .*1/,
    needs: 'fieldExpiry',
  },
  {
    change: "no field's expiry",
    by: [['HPERSIST', 'expiring', 'FIELDS', 1, 'b']],
    about: /"expiring": (value|encoding|expiry of field b: 4070908800000 ≠ nothing)/,
    needs: 'fieldExpiry',
  },
  { change: "a stream's last id", by: [['XSETID', 'stream', '9-9']], about: /last-generated-id: "3-1" ≠ "9-9"/ },
  { change: 'a pending entry less', by: [['XACK', 'stream', 'g', '1-1']], about: /groups\.g\.(pel|pending|consumers)/ },
  {
    change: "a pending entry's delivery count",
    by: [['XCLAIM', 'stream', 'g', 'c', 0, '2-1', 'RETRYCOUNT', 7, 'TIME', 5, 'JUSTID']],
    about: /groups\.g\.(pel|pending|consumers\.c\.(pel|pending|seen-time|active-time))/,
  },
  {
    change: 'a deleted entry that stays pending',
    by: [['XDEL', 'stream', '2-1']],
    about: /"stream": (value|length: 3 ≠ 2|entries|max-deleted|groups\.g\.(lag|entries-read))/,
  },
  { change: 'a group', by: [['XGROUP', 'CREATE', 'stream', 'h', '$']], about: /groups\.h: nothing ≠ / },
  {
    change: "a group's position",
    by: [['XGROUP', 'SETID', 'stream', 'h', '1-0']],
    about: /groups\.h\.(last-del|entries|lag)/,
  },
  {
    change: 'a consumer without entries',
    by: [['XGROUP', 'CREATECONSUMER', 'stream', 'h', 'idle']],
    about: /groups\.h\.consumers\.idle/,
    needs: 'createConsumer',
  },
  {
    change: 'a count of entries read',
    by: [['XGROUP', 'SETID', 'stream', 'h', '1-0', 'ENTRIESREAD', 5]],
    about: /groups\.h\.(entries-read: null ≠ 5|lag)/,
    needs: 'seven',
  },
  {
    change: "a function's code",
    by: [['FUNCTION', 'LOAD', 'REPLACE', "#!lua name=two\nredis.register_function('g', function() return 2 end)"]],
    about: /function library two\.library_code/,
    needs: 'seven',
  },
  { change: 'a library less', by: [['FUNCTION', 'DELETE', 'one']], about: /library one: .* ≠ nothing/, needs: 'seven' },
  {
    change: "a vector's attribute",
    by: [['VSETATTR', 'vectors', 'a', '{"x":2}']],
    about: /"vectors": value/,
    needs: 'vectors',
  },
];

function later([name, key, ms, ...fields]: Command): Command {
  return [name, key!, Number(ms) + 1, ...fields.slice(0, 1), 1, 'a'];
}

for (const name of SERVER_NAMES) {
  describe.skipIf(lacks(name) !== '')(`on ${name}${lacks(name)}`, () => {
    let server: Server;
    let before: Snapshot;

    beforeAll(async () => {
      server = await startServer(name);
      const { seven, fieldExpiry, vectors } = server.features;
      await pipelined(server.client, [
        ...BASE,
        ...(seven ? SEVEN : []),
        ...(fieldExpiry ? FIELDS : []),
        ...(vectors ? VECTORS : []),
      ]);
      before = await snapshot(server);
    });
    afterAll(async () => {
      await server.stop();
    });

    /** The differences that the change makes; the next change starts from there. */
    const differences = async (by: Command[], options: CompareOptions = {}): Promise<string[]> => {
      await pipelined(server.client, by);
      const after = await snapshot(server);
      const found = compare(before, after, options);
      before = after;
      return found;
    };

    test('no change, no difference', async () => {
      expect(await differences([])).toEqual([]);
    });

    const possible = CHANGES.filter(({ needs }) => needs === undefined || featuresOf(name)[needs]);
    test.each(possible)('notices $change', async ({ by, about }) => {
      const found = await differences(by, { ignoreAccess: true });
      expect(found).not.toEqual([]);
      for (const difference of found) expect(difference).toMatch(about);
    });

    test('notices an idle time, not a second of it', async () => {
      const payload = (await server.callBuffer('DUMP', 'string')) as Buffer;
      const idle = (seconds: number): Command => ['RESTORE', 'string', 0, payload, 'REPLACE', 'IDLETIME', seconds];
      await differences([idle(0)]);
      expect(await differences([idle(1000)])).toEqual([
        expect.stringMatching(/"string": idle seconds -?\d+ ≠ (999|1000|1001)$/),
      ]);
      expect(await differences([idle(1001)])).toEqual([]);
      expect(await differences([idle(1005)])).toEqual([expect.stringContaining('"string": idle')]);
    });

    test('notices a frequency, and an eviction policy that tracks something else', async () => {
      const payload = (await server.callBuffer('DUMP', 'string')) as Buffer;
      const settings = Object.entries(configFor(name, { eviction: 'lfu' }));
      const switched = await differences(settings.map(([key, value]): Command => ['CONFIG', 'SET', key, value]));
      expect(switched).toEqual([expect.stringContaining('tracks idle ≠ frequency')]);
      const frequency = (value: number): Command => ['RESTORE', 'string', 0, payload, 'REPLACE', 'FREQ', value];
      await differences([frequency(100)]);
      expect(await differences([frequency(101)])).toEqual([expect.stringMatching(/"string": frequency 100 ≠ 101$/)]);
    });
  });
}

test('names some differences, counts the rest', () => {
  const keys = (value: string) =>
    new Map(Array.from({ length: 50 }, (_, i) => [`k${i}`, { type: 'string', encoding: 'raw', digest: value }]));
  const holding = (value: string): Snapshot => ({
    server: 'a server',
    tracks: 'idle',
    exactExpiry: true,
    digest: value,
    libraries: {},
    databases: new Map([[0, keys(value)]]),
  });
  const found = compare(holding('1'), holding('2'), { limit: 5 });
  expect(found).toHaveLength(6);
  expect(found[5]).toBe('… and 45 more');
});
