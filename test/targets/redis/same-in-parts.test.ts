// A value on the target is told from any other, element by element: our own is known again, and no other passes for it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StreamEntry } from '../../../lib/rdb/value.ts';
import type { ValuePart } from '../../../lib/rdb/value-parts.ts';
import { Control } from '../../../lib/redis/control.ts';
import { KeyControl } from '../../../lib/redis/key-control.ts';
import { parseInfo } from '../../../lib/redis/server-info.ts';
import { Standalone } from '../../../lib/redis/standalone.ts';
import { type CommandSupport, commandSupport } from '../../../lib/targets/redis/command-support.ts';
import { type SameInParts, sameInParts } from '../../../lib/targets/redis/same-in-parts.ts';
import { writeInParts } from '../../../lib/targets/redis/write-in-parts.ts';
import { systemClock } from '../../../lib/telemetry/clock.ts';
import { type Argument, type Command, pipelined } from '../../support/commands.ts';
import { oneServer } from '../../support/one-server.ts';
import { Random, seedOr } from '../../support/random.ts';
import { anyServer, availableServers, type Features, type Server, startServer } from '../../support/servers.ts';

const KEY = Buffer.from('big\r\n\0\xff', 'latin1');
const DB = 1;
const NOW = Date.now();
const LATER = BigInt(NOW) + 3_600_000n;
const SEED = seedOr(2026);

/** A target, and what it is spoken to with. */
interface Target {
  readonly server: Server;
  readonly control: KeyControl;
  readonly support: CommandSupport;
  readonly task: Pick<SameInParts, 'key' | 'db' | 'control' | 'support' | 'clock' | 'signal'>;
  /** Replaces whatever is there by the value. */
  write(parts: readonly ValuePart[], options?: { now?: number }): Promise<void>;
  run(...commands: Command[]): Promise<unknown[]>;
  same(kind: SameInParts['kind'], parts: readonly ValuePart[], options?: Partial<SameInParts>): Promise<boolean>;
  stop(): Promise<void>;
}

async function startTarget(name: Server['name'], login: { username?: string; password?: string } = {}) {
  const server = await startServer(name);
  return targetOf(server, login);
}

async function targetOf(server: Server, { username, password }: { username?: string; password?: string } = {}) {
  const endpoint = { host: server.host, port: server.port, username, password };
  const support = commandSupport(parseInfo(String(await server.call('INFO'))));
  const limits = { clock: systemClock, patienceMs: 5000, replyTimeoutMs: 5000 };
  const fleet = new Standalone(new Control({ endpoint, ...limits }), 0);
  const client = server.connect({ db: DB });
  const { signal } = new AbortController();
  const control = new KeyControl({ fleet, ...limits });
  const task = { key: KEY, db: DB, control, support, clock: systemClock, signal };
  const target: Target = {
    server,
    control,
    support,
    task,
    write: async (parts, { now } = {}) => {
      const clock = now === undefined ? systemClock : { ...systemClock, now: () => now };
      const result = await writeInParts({
        ...task,
        ...limits,
        clock,
        parts: () => each(parts),
        expiry: undefined,
        policy: 'rewrite',
        locator: oneServer({ ...endpoint, username: undefined, password: undefined }),
        jobId: 'job',
        onPiece: async () => undefined,
      });
      expect(result.outcome).toBe('written');
    },
    run: (...commands) => pipelined(client, commands),
    same: (kind, parts, options = {}) => sameInParts({ ...task, kind, parts: () => each(parts), ...options }),
    stop: async () => {
      fleet.end();
      await server.stop();
    },
  };
  return target;
}

async function* each(parts: readonly ValuePart[]): AsyncGenerator<ValuePart> {
  yield* parts;
}

/** A part is more than one request. */
function inParts<T>(elements: readonly T[], partOf: (some: readonly T[]) => ValuePart, size = 1000): ValuePart[] {
  const parts: ValuePart[] = [];
  for (let at = 0; at < elements.length; at += size) parts.push(partOf(elements.slice(at, at + size)));
  return parts;
}

const random = new Random(SEED);
/** Names of all bytes there are, each of them once. */
const words = Array.from({ length: 2000 }, (_, i) =>
  Buffer.concat([Buffer.from([...Array(random.int(0, 30))].map(() => random.int(0, 255))), Buffer.from(`\n${i}`)]),
);
const word = (n: number): Buffer => words[n] as Buffer;
const LAST = words.length - 1;

const scores = [0.1, -0, 1 / 3, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, 1.7976931348623157e308];
const scoreOf = (i: number): number => scores[i] ?? i / 7;
/** The next number above a third: it differs in the last of 17 digits. */
const THIRD_AND_A_BIT = '0.33333333333333337';

const timeOf = (i: number): bigint | undefined => (i % 3 === 0 ? LATER + BigInt(i) : undefined);

const id = (ms: number, seq = 0) => ({ ms: BigInt(ms), seq: BigInt(seq) });
const streamEntries = Array.from(
  { length: 1900 },
  (_, i): StreamEntry => ({ id: id(i + 10, i % 2), fields: [{ field: word(i), value: word(i + 1) }] }),
);
const pending = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    id: id(from + i + 10, (from + i) % 2),
    deliveredAt: BigInt(NOW - 5000),
    count: BigInt(1 + (i % 3)),
  }));
const g = Buffer.from('g\0roup');
const c = Buffer.from('c\xff', 'latin1');
const consumer = (group: Buffer, name: Buffer): ValuePart => ({
  kind: 'stream-consumer',
  group,
  name,
  seenAt: BigInt(NOW),
  activeAt: undefined,
});
const stream: ValuePart[] = [
  ...inParts(streamEntries, (entries) => ({ kind: 'stream', entries })),
  { kind: 'stream-group', name: g, lastId: id(1500), entriesRead: 1490n },
  consumer(g, c),
  ...inParts(pending(3, 1400), (entries) => ({ kind: 'stream-pending', group: g, consumer: c, entries })),
  consumer(g, Buffer.from('idle')),
  { kind: 'stream-pending', group: g, consumer: undefined, entries: pending(1400, 1402) },
  { kind: 'stream-group', name: Buffer.from('fresh'), lastId: id(0), entriesRead: -1n },
  {
    kind: 'stream-state',
    length: 1900n,
    lastId: id(5000),
    firstId: id(10),
    maxDeletedId: id(4000, 3),
    entriesAdded: 1950n,
    idempotence: undefined,
  },
];

interface Sample {
  readonly kind: SameInParts['kind'];
  readonly parts: ValuePart[];
  /** What makes another value of it; commands without the key, which comes second. */
  readonly changes: readonly { readonly what: string; readonly by: Argument[][]; readonly on?: keyof Features }[];
}

const large = Buffer.alloc(2_500_000, '\0\xff\r\n', 'latin1');

const samples: readonly Sample[] = [
  {
    kind: 'string',
    parts: [large.subarray(0, 2_000_000), large.subarray(2_000_000)].map((bytes) => ({ kind: 'string', bytes })),
    changes: [
      { what: 'a byte', by: [['SETRANGE', 1_048_576, 'x']] },
      { what: 'a byte more', by: [['APPEND', '\0']] },
      { what: 'bytes missing', by: [['SET', large.subarray(0, -1)]] },
    ],
  },
  {
    kind: 'list',
    // The same element again and again is no trouble in a list.
    parts: inParts([...words, ...words], (items) => ({ kind: 'list', items })),
    changes: [
      { what: 'an item', by: [['LSET', 1234, 'other']] },
      {
        what: 'the order',
        by: [
          ['LSET', 5, word(6)],
          ['LSET', 6, word(5)],
        ],
      },
      { what: 'one more', by: [['RPUSH', 'more']] },
      { what: 'one missing', by: [['RPOP']] },
      { what: 'the first missing', by: [['LPOP']] },
    ],
  },
  {
    kind: 'set',
    parts: inParts(words, (members) => ({ kind: 'set', members })),
    changes: [
      {
        what: 'a member',
        by: [
          ['SREM', word(LAST)],
          ['SADD', 'other'],
        ],
      },
      { what: 'one more', by: [['SADD', 'more']] },
      { what: 'one missing', by: [['SREM', word(0)]] },
      { what: 'the type', by: [['DEL'], ['ZADD', 1, word(0)]] },
    ],
  },
  {
    kind: 'zset',
    parts: inParts(
      words.map((member, i) => ({ member, score: scoreOf(i) })),
      (entries) => ({ kind: 'zset', entries }),
    ),
    changes: [
      { what: 'the last digit of a score', by: [['ZADD', THIRD_AND_A_BIT, word(2)]] },
      { what: 'the sign of infinity', by: [['ZADD', '-inf', word(3)]] },
      {
        what: 'a member',
        by: [
          ['ZREM', word(LAST)],
          ['ZADD', 1, 'other'],
        ],
      },
      { what: 'one more', by: [['ZADD', 1, 'more']] },
      { what: 'one missing', by: [['ZREM', word(0)]] },
    ],
  },
  {
    kind: 'hash',
    parts: inParts(
      words.map((field, i) => ({ field, value: word(LAST - i), expireAt: timeOf(i) })),
      (fields) => ({
        kind: 'hash',
        fields,
      }),
    ),
    changes: [
      { what: 'a value', by: [['HSET', word(LAST), 'other']] },
      {
        what: 'a field',
        by: [
          ['HDEL', word(LAST)],
          ['HSET', 'other', word(0)],
        ],
      },
      { what: 'one more', by: [['HSET', 'more', '']] },
      { what: 'one missing', by: [['HDEL', word(1)]] },
      {
        what: 'the expiry of a field',
        by: [['HPEXPIREAT', String(LATER + 1n), 'FIELDS', 1, word(0)]],
        on: 'fieldExpiry',
      },
      { what: 'an expiry missing', by: [['HPERSIST', 'FIELDS', 1, word(3)]], on: 'fieldExpiry' },
      { what: 'an expiry more', by: [['HPEXPIREAT', String(LATER), 'FIELDS', 1, word(1)]], on: 'fieldExpiry' },
    ],
  },
  {
    kind: 'stream',
    parts: stream,
    changes: [
      { what: 'an entry missing', by: [['XDEL', '1909-1']] },
      { what: 'an entry more at the end', by: [['XADD', '5000-1', 'f', 'v']] },
      { what: 'the last id', by: [['XSETID', '5001-0']] },
      { what: 'entries-added', by: [['XSETID', '5000-0', 'ENTRIESADDED', 1951]], on: 'seven' },
      {
        what: 'max-deleted-id',
        by: [['XSETID', '5000-0', 'ENTRIESADDED', 1950, 'MAXDELETEDID', '4000-4']],
        on: 'seven',
      },
      { what: "a group's last id", by: [['XGROUP SETID', g, '1501-0']] },
      { what: "a group's entries-read", by: [['XGROUP SETID', g, '1500-0', 'ENTRIESREAD', 1491]], on: 'seven' },
      {
        what: 'entries-read that was not known',
        by: [['XGROUP SETID', 'fresh', '0-0', 'ENTRIESREAD', 0]],
        on: 'seven',
      },
      { what: 'a group more', by: [['XGROUP CREATE', 'more', '0']] },
      { what: 'a group missing', by: [['XGROUP DESTROY', 'fresh']] },
      { what: 'a consumer more', by: [['XGROUP CREATECONSUMER', g, 'more']], on: 'createConsumer' },
      { what: 'a consumer missing', by: [['XGROUP DELCONSUMER', g, 'idle']] },
      { what: 'a pending entry missing', by: [['XACK', g, '13-1']] },
      { what: 'a pending entry more', by: [['XCLAIM', g, c, 0, '1600-0', 'FORCE', 'JUSTID']] },
      { what: 'who owns a pending entry', by: [['XCLAIM', g, 'idle', 0, '14-0', 'JUSTID']] },
      { what: 'how often an entry was delivered', by: [['XCLAIM', g, c, 0, '14-0', 'RETRYCOUNT', 9, 'JUSTID']] },
    ],
  },
];

/** `XGROUP CREATE` and arguments as a command on the key. */
function onKey([name, ...args]: Argument[]): Command {
  const [command = '', ...subcommand] = String(name).split(' ');
  return [command, ...subcommand, KEY, ...args];
}

describe.each(availableServers())('on %s', (name) => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget(name);
  });
  afterAll(() => target.stop());

  test.each(samples)('a $kind is known again, and told from what differs in one thing', async (sample) => {
    const { kind, parts, changes } = sample;
    await target.write(parts);
    expect(await target.same(kind, parts), `seed ${SEED}`).toBe(true);
    const [original] = (await target.run(['DUMP', KEY])) as [Buffer];
    for (const { what, by, on } of changes) {
      if (on !== undefined && !target.server.features[on]) continue;
      const context = `${what}, seed ${SEED}`;
      await target.run(['DEL', KEY], ['RESTORE', KEY, 0, original], ...by.map(onKey));
      expect(await target.same(kind, parts), context).toBe(false);
    }
    await target.run(['DEL', KEY], ['RESTORE', KEY, 0, original]);
    expect(await target.same(kind, parts), `unchanged, seed ${SEED}`).toBe(true);
  });

  test('an entry of a stream is compared, and what stands between two of ours found', async () => {
    const entry = (ms: number, value = 'v'): StreamEntry => ({
      id: id(ms),
      fields: [
        { field: Buffer.from('f'), value: Buffer.from(value) },
        { field: Buffer.from('f'), value: Buffer.from('twice') },
      ],
    });
    const state = { kind: 'stream-state', length: 0n, lastId: id(9), firstId: undefined } as const;
    const unknown = { maxDeletedId: undefined, entriesAdded: undefined, idempotence: undefined };
    const of = (...entries: StreamEntry[]): ValuePart[] => [
      { kind: 'stream', entries },
      { ...state, ...unknown },
    ];
    const ours = of(entry(1), entry(5));
    const others = [
      of(entry(1), entry(5, 'w')),
      of(entry(1), entry(6)),
      of(entry(1), entry(3), entry(5)),
      of(entry(1), entry(5), entry(7)),
      of(entry(1), { id: id(5), fields: entry(5).fields.slice(1) }),
      of(entry(1), { id: id(5), fields: [...entry(5).fields, ...entry(5).fields] }),
    ];
    await target.write(ours);
    expect(await target.same('stream', ours)).toBe(true);
    for (const [at, other] of others.entries()) {
      await target.write(other);
      expect(await target.same('stream', ours), `other ${at}`).toBe(false);
    }
  });

  test('pending entries whose entries are gone leave a stream known again', async () => {
    for (const maxDeletedId of [id(0), id(7), undefined]) {
      const gone: ValuePart[] = [
        { kind: 'stream', entries: [streamEntries[0] as StreamEntry] },
        { kind: 'stream-group', name: g, lastId: id(5000), entriesRead: 3n },
        consumer(g, c),
        { kind: 'stream-pending', group: g, consumer: c, entries: pending(0, 4) },
        { ...(stream.at(-1) as Extract<ValuePart, { kind: 'stream-state' }>), maxDeletedId },
      ];
      await target.write(gone);
      expect(await target.same('stream', gone), `max-deleted-id ${maxDeletedId?.ms}`).toBe(true);
      if (!target.server.features.seven || maxDeletedId === undefined) continue;
      const another = maxDeletedId.ms === 0n ? '4000-0' : '13-1';
      await target.run(['XSETID', KEY, '5000-0', 'ENTRIESADDED', 1950, 'MAXDELETEDID', another]);
      expect(await target.same('stream', gone), 'another one was deleted').toBe(false);
    }
  });

  test('a value with nothing in it is the same as one with nothing in it', async () => {
    const nothing: ValuePart[] = [{ kind: 'string', bytes: Buffer.alloc(0) }];
    await target.write(nothing);
    expect(await target.same('string', nothing)).toBe(true);
    await target.run(['SET', KEY, '\0']);
    expect(await target.same('string', nothing)).toBe(false);
    const state = { kind: 'stream-state', length: 0n, lastId: id(0), firstId: id(0), maxDeletedId: id(0) } as const;
    const stream: ValuePart[] = [{ ...state, entriesAdded: 0n, idempotence: undefined }];
    await target.write(stream);
    expect(await target.same('stream', stream)).toBe(true);
    await target.run(['XGROUP', 'CREATE', KEY, g, '0']);
    expect(await target.same('stream', stream)).toBe(false);
    await target.run(['DEL', KEY], ['RPUSH', KEY, 'x']);
    expect(await target.same('list', [])).toBe(false);
    await target.run(['DEL', KEY]);
    for (const kind of ['string', 'list', 'set', 'zset', 'hash', 'stream', 'module'] as const) {
      expect(await target.same(kind, []), kind).toBe(false);
    }
  });

  test('hash fields whose time has come count on neither side', async () => {
    const field = (name: string, expireAt?: bigint) => ({
      field: Buffer.from(name),
      value: Buffer.from('v'),
      expireAt,
    });
    const past = BigInt(NOW - 1000);
    const ours: ValuePart[] = [{ kind: 'hash', fields: [field('a'), field('b', past), field('c', LATER)] }];
    await target.write(ours);
    expect(await target.same('hash', ours), 'gone before').toBe(true);
    await target.run(['HSET', KEY, 'other', 'v']);
    expect(await target.same('hash', ours), 'another one in its place').toBe(false);
    if (!target.server.features.fieldExpiry) {
      // It lived when it was written, and still does there.
      await target.write(ours, { now: NOW - 2000 });
      expect(await target.run(['HLEN', KEY])).toEqual([3]);
      expect(await target.same('hash', ours), 'kept without its time').toBe(true);
      return;
    }
    const soon = BigInt(Date.now() + 300);
    const going: ValuePart = { kind: 'hash', fields: [field('a'), field('b', soon)] };
    await target.write([going]);
    const parts = async function* (): AsyncGenerator<ValuePart> {
      yield going;
      while ((await target.run(['HLEN', KEY]))[0] === 2) await systemClock.sleep(20);
    };
    expect(await target.same('hash', [], { parts }), 'went when it had been found').toBe(true);
    // Nothing removes expired fields by itself now, so HLEN counts them.
    await target.run(['DEBUG', 'SET-ACTIVE-EXPIRE', 0]);
    try {
      const soon = BigInt(Date.now() + 150);
      const theirs = (...names: string[]): Command[] => [
        ['DEL', KEY],
        ['HSET', KEY, ...['a', 'b', 'c', ...names].flatMap((name) => [name, 'v'])],
        ['HPEXPIREAT', KEY, String(LATER), 'FIELDS', 1, 'c'],
        ['HPEXPIREAT', KEY, String(soon), 'FIELDS', 1, 'b'],
      ];
      const live: ValuePart[] = [{ kind: 'hash', fields: [field('a'), field('b', soon), field('c', LATER)] }];
      await target.run(...theirs());
      expect(await target.same('hash', live), 'still there').toBe(true);
      while (Date.now() <= Number(soon)) await systemClock.sleep(20);
      expect(await target.same('hash', live), 'gone meanwhile').toBe(true);
      const lenient: ValuePart[] = [
        { kind: 'hash', fields: [field('a'), field('b', soon), field('c', LATER), field('d', past)] },
      ];
      await target.run(...theirs('other'));
      expect(await target.same('hash', lenient), 'another one hides behind one that is gone').toBe(false);
    } finally {
      await target.run(['DEBUG', 'SET-ACTIVE-EXPIRE', 1]);
    }
  });
});

describe('on one server', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget(anyServer());
  });
  afterAll(() => target.stop());

  test('a hash of 200,000 fields takes seconds, and requests stay small', async () => {
    const fields = Array.from({ length: 200_000 }, (_, i) => ({
      field: Buffer.from(`field:${i}`),
      value: Buffer.from(`value ${i} ${'.'.repeat(i % 50)}`),
      expireAt: undefined,
    }));
    const parts = inParts(fields, (some) => ({ kind: 'hash', fields: some }), 9000);
    await target.write(parts);
    await target.run(['CONFIG', 'RESETSTAT']);
    const began = performance.now();
    expect(await target.same('hash', parts)).toBe(true);
    expect(performance.now() - began).toBeLessThan(10_000);
    const stats = String(await target.server.call('INFO', 'commandstats'));
    expect(Number(/cmdstat_hmget:calls=(\d+)/.exec(stats)?.[1])).toBeLessThan(fields.length / 500);
  });

  test('what differs early ends the reading of the rest', async () => {
    let read = 0;
    const parts = async function* (): AsyncGenerator<ValuePart> {
      for (; read < 1000; read++) yield { kind: 'list', items: [word(read)] };
    };
    await target.run(['DEL', KEY], ['RPUSH', KEY, 'other']);
    expect(await target.same('list', [], { parts })).toBe(false);
    expect(read).toBeLessThan(10);
  });

  test('a key that changes its type on the way is another value', async () => {
    const parts = inParts(words, (members): ValuePart => ({ kind: 'set', members }));
    await target.write(parts);
    const replaced = async function* (): AsyncGenerator<ValuePart> {
      yield* parts.slice(0, 1);
      await target.run(['SET', KEY, 'mine']);
      yield* parts.slice(1);
    };
    expect(await target.same('set', [], { parts: replaced })).toBe(false);
  });

  test('who may not read is told so', async () => {
    await target.write([{ kind: 'set', members: words.slice(0, 5) }]);
    await target.run(['ACL', 'SETUSER', 'blind', 'on', '>pw', '~*', '+@all', '-smismember', '-sismember']);
    const blind = await targetOf(target.server, { username: 'blind', password: 'pw' });
    const asking = blind.same('set', [{ kind: 'set', members: words.slice(0, 5) }]);
    await expect(asking).rejects.toMatchObject({ code: 'TARGET_NOPERM' });
  });

  test('damage of ours, and a signal, end it', async () => {
    await target.write([{ kind: 'set', members: words }]);
    const damaged = async function* (): AsyncGenerator<ValuePart> {
      yield { kind: 'set', members: words };
      throw new Error('damaged');
    };
    await expect(target.same('set', [], { parts: damaged })).rejects.toThrow('damaged');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(target.same('set', [{ kind: 'set', members: words }], { signal })).rejects.toThrow('enough');
  });
});
