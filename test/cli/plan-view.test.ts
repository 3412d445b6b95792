import { expect, test } from 'vitest';
import { planJson } from '../../cli/plan-json.ts';
import { type PlannedFile, renderPlan } from '../../cli/plan-view.ts';
import { plainStyle } from '../../cli/style.ts';
import type { Plan } from '../../lib/sources/rdb/plan.ts';

const plan: Plan = {
  dialect: 'redis',
  version: 11,
  bytes: 175_237_560,
  checksum: 'ok',
  crc: 0xabcn,
  tail: undefined,
  chunks: 21,
  keys: 2_500_000,
  expires: 500_000,
  largest: 1234,
  idle: false,
  freq: false,
  dbs: [
    { db: 0, keys: 2_499_999, expires: 500_000 },
    { db: 15, keys: 1, expires: 0 },
  ],
  types: [
    { code: 0, name: 'STRING', keys: 1_500_000, bytes: 112_000_000 },
    { code: 16, name: 'HASH_LISTPACK', keys: 1_000_000, bytes: 60_000_000 },
  ],
  modules: [],
  aux: [
    ['redis-ver', '7.2.4'],
    ['redis-bits', '64'],
    ['ctime', '1700000000'],
    ['used-mem', '537000000'],
    ['aof-base', '0'],
  ],
  functions: [],
  scripts: [],
  unrestorable: [],
  templates: [],
};

const file = (changes: Partial<Plan> = {}, rest: Partial<PlannedFile> = {}): PlannedFile => ({
  name: 'dump.rdb',
  plan: { ...plan, ...changes },
  reused: false,
  planPath: 'dump.rdb.plan.json',
  unpackedPath: undefined,
  ...rest,
});

test('a plain file', () => {
  expect(renderPlan(file(), plainStyle)).toBe(
    `dump.rdb
  format      Redis RDB version 11
  size        175 MB (175,237,560 bytes)
  checksum    correct
  written by  Redis 7.2.4, 64 bits, 2023-11-14 22:13:20 UTC, 537 MB in memory
  keys        2,500,000, 500,000 of them with an expiry
  largest     1.23 kB (1,234 bytes), key and value
  aux         aof-base = 0
  chunks      21
  plan        dump.rdb.plan.json

  database       keys  with expiry
  db 0      2,499,999      500,000
  db 15             1            0

  type    encoding            keys     size
  string  STRING         1,500,000   112 MB  65%
  hash    HASH_LISTPACK  1,000,000  60.0 MB  35%
`,
  );
});

test('everything that a file can hold besides', () => {
  const text = renderPlan(
    file(
      {
        dialect: 'valkey',
        version: 80,
        checksum: 'disabled',
        idle: true,
        functions: [{ offset: 9, bytes: 9 }],
        scripts: [{ offset: 9, bytes: 9 }],
        modules: [{ name: 'ReJSON-RL', version: 3, keys: 12 }],
        unrestorable: [{ what: 'global data of module type x', count: 2 }],
        aux: [
          ['redis-ver', '7.2.4'],
          ['valkey-ver', '9.1.0'],
          ['evil', '\x1b[2J\nx'],
        ],
        tail: { kind: 'aof', offset: 175_237_560, bytes: 1_200_000 },
      },
      { reused: true, unpackedPath: 'dump.rdb.gz.unpacked.rdb' },
    ),
    plainStyle,
  );
  expect(text).toContain(
    `
  format          Valkey RDB version 80
  size            175 MB (175,237,560 bytes)
  checksum        none: the server wrote it with rdbchecksum no
  written by      Valkey 9.1.0
  keys            2,500,000, 500,000 of them with an expiry
  largest         1.23 kB (1,234 bytes), key and value
  eviction        idle times of keys (LRU)
  functions       1 library
  scripts         1
  module          ReJSON-RL (encoding version 3): 12 keys
  not restorable  global data of module type x (2 times)
  tail            1.20 MB from byte 175,237,560 on: append-only commands, which a restore does not apply
  aux             evil = \\x1b[2J\\x0ax
  chunks          21
  unpacked        dump.rdb.gz.unpacked.rdb (a restore uses and removes it)
  plan            dump.rdb.plan.json (made earlier)
`,
  );
});

test('an empty file has no tables', () => {
  const text = renderPlan(
    file(
      { keys: 0, expires: 0, largest: 0, chunks: 0, dbs: [], types: [], aux: [], bytes: 94 },
      { planPath: undefined },
    ),
    plainStyle,
  );
  expect(text).toBe(
    'dump.rdb\n  format    Redis RDB version 11\n  size      94 bytes\n  checksum  correct\n  keys      none\n  chunks    0\n',
  );
});

test('for machines: numbers as numbers, absent things as null', () => {
  expect(planJson([file()], '1.2.3')).toMatchObject({
    keyferry: '1.2.3',
    files: [
      {
        name: 'dump.rdb',
        crc64: '0000000000000abc',
        keys: 2_500_000,
        types: [
          { kind: 'string', code: 0 },
          { kind: 'hash', name: 'HASH_LISTPACK' },
        ],
        aux: { 'aof-base': '0' },
        tail: null,
        plan: 'dump.rdb.plan.json',
        unpacked: null,
      },
    ],
  });
});
