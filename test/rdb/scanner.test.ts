// The scanner finds every record of hand-made files exactly, and names damage with its place.
import { describe, expect, test } from 'vitest';
import { RdbError } from '../../lib/errors.ts';
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent } from '../../lib/rdb/scanner.ts';
import { redisTypes, sharedTypes, type TypeTable, valkeyTypes } from '../../lib/rdb/types.ts';
import { type BuiltValue, length, littleEndian, moduleItem, string, values } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { fullStream, JSON_MODULE, largeSample, sampleNamed, samples } from '../support/samples.ts';
import { type Feed, type RunOptions, scanFile } from '../support/scan-events.ts';
import { streamValue } from '../support/stream-builder.ts';

/** The error that a scan of these bytes ends in. */
function refused(bytes: Buffer, options: RunOptions = {}): RdbError {
  try {
    scanFile(bytes, options);
  } catch (error) {
    if (error instanceof RdbError) return error;
    throw error;
  }
  throw new Error('the scan found nothing wrong');
}

/** Goes through a file that has been fed whole. */
function toEnd(scanner: RdbScanner): void {
  for (let event = scanner.next(); event !== ScanEvent.END; event = scanner.next()) {
    if (event === ScanEvent.MORE) scanner.finish();
  }
}

const file = (magic = 'REDIS0011') => new RdbFileBuilder(magic);
const text = values.STRING('v');

describe('every record of a file is found exactly', () => {
  test.each([...samples, largeSample].map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
    const { records, scanner } = scanFile(sample.bytes);
    expect(records).toEqual(sample.records);
    expect(scanner.dialect).toMatchObject({ name: sample.dialect, version: sample.version });
    expect(scanner.checksum).toBe(sample.checksum);
    expect(scanner.bodyEnd).toBe(sample.bodyEnd);
    expect(scanner.recordEnd).toBe(sample.bytes.length);
    expect(scanner.next(), 'asked again').toBe(ScanEvent.END);
  });

  test('the samples hold every type of every dialect', () => {
    const tables: [string, TypeTable][] = [
      ['redis', redisTypes],
      ['valkey', valkeyTypes],
    ];
    for (const [dialect, table] of tables) {
      const wanted = table.flatMap((type) => (type === undefined || sharedTypes[type.code] === type ? [] : type.name));
      const seen = samples.filter((sample) => sample.dialect === dialect).flatMap((sample) => sample.records);
      const names = seen.map((record) => record.type);
      for (const name of wanted) expect(names, dialect).toContain(name);
    }
    const shared = sampleNamed('shared types').records.map((record) => record.type);
    for (const type of sharedTypes) if (type !== undefined) expect(shared).toContain(type.name);
  });

  test('the samples hold every kind of record', () => {
    const seen = new Set(samples.flatMap((sample) => sample.records.map((record) => record.event)));
    expect([...seen].sort()).toEqual(
      Object.keys(ScanEvent)
        .filter((name) => name !== 'MORE' && name !== 'END')
        .sort(),
    );
  });

  test('an expiry that a double cannot hold is kept to the last ms', () => {
    const { records } = scanFile(sampleNamed('shared types').bytes);
    const expiry = (key: string) => records.find((record) => record.key?.toString() === key)?.expireAt;
    expect(expiry('ms beyond doubles')).toBe(9007199254740993n);
    expect(expiry('negative beyond doubles')).toBe(-9007199254740993n);
    expect(expiry('latest')).toBe(9223372036854775807n);
    expect(expiry('earliest')).toBe(-9223372036854775808n);
  });

  test('what follows the checksum is left alone', () => {
    const { bytes } = sampleNamed('shared types');
    const { scanner } = scanFile(Buffer.concat([bytes, Buffer.from('*1\r\n$4\r\nPING\r\n')]));
    expect(scanner.recordEnd).toBe(bytes.length);
    expect(scanner.checksum).toBe('ok');
  });

  test('a template that is defined anew counts with its new fields', () => {
    const { records } = scanFile(
      file('REDIS0015')
        .hashTemplate(1n, ['a'])
        .key('k', values.HASH_TMPL_ARRAY_REF(1n, ['1']))
        .hashTemplate(1n, ['a', 'b'])
        .key('l', values.HASH_TMPL_ARRAY_REF(1n, ['1', '2']))
        .end(),
    );
    expect(records.map(({ event, template }) => [event, template?.fields])).toEqual([
      ['HASH_TEMPLATE', 1],
      ['KEY', undefined],
      ['HASH_TEMPLATE', 2],
      ['KEY', undefined],
    ]);
  });

  test('a module that a Redis file and a Valkey file hold alike is told by its id', () => {
    for (const magic of ['REDIS0012', 'VALKEY080']) {
      const { records } = scanFile(file(magic).key('m', values.MODULE_2(JSON_MODULE, [])).end());
      expect(records[0]?.moduleId).toBe(JSON_MODULE);
    }
  });
});

describe('the checksum', () => {
  const { bytes } = sampleNamed('redis version 11');

  test('a wrong one is refused, at its place, with both values', () => {
    const damaged = Buffer.from(bytes);
    damaged[bytes.length - 1] = (damaged[bytes.length - 1] as number) ^ 1;
    const error = refused(damaged);
    expect(error).toMatchObject({ code: 'RDB_CHECKSUM', offset: bytes.length - 8 });
    expect(error.message).toContain(
      damaged
        .readBigUInt64LE(bytes.length - 8)
        .toString(16)
        .padStart(16, '0'),
    );
    expect(error.message).toContain(
      bytes
        .readBigUInt64LE(bytes.length - 8)
        .toString(16)
        .padStart(16, '0'),
    );
    expect(error.remedy).toBeDefined();
  });

  test('a scan that is to compute none does not look at it', () => {
    const damaged = Buffer.from(bytes);
    damaged[bytes.length - 1] = (damaged[bytes.length - 1] as number) ^ 1;
    const scanner = new RdbScanner({ size: bytes.length, crc: false });
    scanner.feed(damaged);
    toEnd(scanner);
    expect(scanner.checksum).toBeUndefined();
    expect(() => scanner.crcAt(bytes.length)).toThrow('no CRC');
  });

  test('files before version 5 end with the end mark, and a byte more does not belong to them', () => {
    const old = sampleNamed('redis version 4').bytes;
    const { scanner } = scanFile(Buffer.concat([old, Buffer.alloc(8)]));
    expect(scanner.checksum).toBe('absent');
    expect(scanner.recordEnd).toBe(old.length);
  });

  test('one that was passed cannot be asked for any more', () => {
    const scanner = new RdbScanner();
    scanner.feed(Buffer.from(bytes));
    toEnd(scanner);
    scanner.crcAt(scanner.bodyEnd + 1);
    expect(() => scanner.crcAt(9)).toThrow('passed');
  });
});

describe('who wrote a file decides what a byte means', () => {
  test.each([
    ['nothing', '', 'RDB_TRUNCATED', 0],
    ['half a magic', 'REDIS', 'RDB_TRUNCATED', 5],
    ['something else', 'FERRY0011', 'RDB_MAGIC', 0],
    ['small letters', 'redis0011', 'RDB_MAGIC', 0],
    ['a version that is no number', 'REDIS00x1', 'RDB_MAGIC', 0],
    ['version 0', 'REDIS0000', 'RDB_VERSION', 5],
    ['Redis 16', 'REDIS0016', 'RDB_VERSION', 5],
    ['Redis 80', 'REDIS0080', 'RDB_VERSION', 5],
    ['Redis 99', 'REDIS0099', 'RDB_VERSION', 5],
    ['Valkey 79', 'VALKEY079', 'RDB_VERSION', 5],
    ['Valkey 82', 'VALKEY082', 'RDB_VERSION', 5],
    ['Valkey 11', 'VALKEY011', 'RDB_VERSION', 5],
  ])('%s is refused', (_, magic, code, offset) => {
    expect(refused(Buffer.from(magic))).toMatchObject({ code, offset });
    if (magic.length === 9) expect(refused(file(magic).key('k', text).end())).toMatchObject({ code, offset });
  });

  test.each([
    ['key metadata before Redis 8.6', 'REDIS0012', 0xf3],
    ['a hash template before Redis 8.10', 'REDIS0014', 0xf2],
    ['a forkless update of Valkey', 'VALKEY081', 0xf2],
    ['Redis Enterprise’s idle time in a Valkey file', 'VALKEY080', 107],
    ['Redis Enterprise’s slot in a Valkey file', 'VALKEY080', 121],
    ['a field expiry of Redis in a Valkey file', 'VALKEY080', 24],
    ['a type that never was', 'REDIS0011', 8],
    ['GCRA, which no release has', 'REDIS0015', 33],
    ['an opcode that nobody has', 'REDIS0011', 0xf1],
  ])('%s is refused where it stands', (_, magic, opcode) => {
    const begun = file(magic).selectDb(3).key('before', text);
    const offset = begun.bytes().length;
    const error = refused(begun.raw(opcode, Buffer.alloc(20, 1)).end());
    expect(error).toMatchObject({ code: 'RDB_OPCODE', offset, db: 3 });
    expect(error.message).toMatch(opcode === 0xf2 && magic === 'VALKEY081' ? /forkless/ : /0x/);
  });

  test('a module value of a release candidate of Redis 4.0 is refused by name', () => {
    const error = refused(file('REDIS0008').raw(6, string('k'), length(JSON_MODULE), Buffer.alloc(9)).end());
    expect(error).toMatchObject({ code: 'RDB_MODULE_PRE_GA', offset: 9 });
    expect(error.message).toContain('release candidates of Redis 4.0');
    expect(error.remedy).toBeDefined();
  });

  test.each([22, 24, 30, 31, 32, 33, 35, 107, 121, 0xf2, 0xf3, 200, 220])(
    'byte %i of a Dragonfly file is not taken for what it means in Redis',
    (code) => {
      const begun = file('REDIS0009').aux('redis-ver', 'df-v1.30.0');
      const offset = begun.bytes().length;
      const error = refused(begun.raw(code, Buffer.alloc(20, 1)).end());
      expect(error).toMatchObject({ code: 'RDB_OPCODE', offset });
      expect(error.message).toContain('dragonfly');
    },
  );

  test('the same byte is key metadata in one file and a slot import in another', () => {
    const redis = scanFile(file('REDIS0013').raw(0xf3, length(1), Buffer.from('abcd'), 0).key('k', text).end());
    expect(redis.records).toMatchObject([{ event: 'KEY', start: 9, meta: [9, 16] }]);
    const valkey = scanFile(file('VALKEY080').raw(0xf3, string('j'), length(1), length(1), length(2)).end());
    expect(valkey.records).toMatchObject([{ event: 'SLOT_IMPORT', start: 9 }]);
  });
});

describe('damage is named with its place', () => {
  const broken = (built: BuiltValue, value: Buffer): BuiltValue => ({ type: built.type, value });

  test.each<[string, BuiltValue, string, string, number]>([
    ['a byte that begins no length', broken(values.LIST([]), Buffer.of(0x82)), 'REDIS0011', 'RDB_LENGTH', 0],
    ['a byte that begins no string', broken(text, Buffer.of(0xc4)), 'REDIS0011', 'RDB_STRING', 0],
    ['a reserved length of a string', broken(text, Buffer.of(0x9f)), 'REDIS0011', 'RDB_LENGTH', 0],
    ['a bad compressed size', broken(text, Buffer.of(0xc3, 0xff)), 'REDIS0011', 'RDB_LENGTH', 1],
    ['a bad expanded size', broken(text, Buffer.of(0xc3, 1, 0xff)), 'REDIS0011', 'RDB_LENGTH', 2],
    ['a bad id of a module', broken(values.MODULE_2(0n, []), Buffer.of(0xff)), 'REDIS0011', 'RDB_LENGTH', 0],
    ['a tag that no module has', broken(values.MODULE_2(0n, []), Buffer.of(5, 6)), 'REDIS0011', 'RDB_MODULE', 1],
    ['a tag that no array has', broken(values.ARRAY([]), Buffer.of(1, 0, 5, 4)), 'REDIS0014', 'RDB_ARRAY', 3],
    [
      'names in an unknown format',
      broken(values.HASH_TMPL_LP(1n, [], [], 'strings'), Buffer.of(2)),
      'REDIS0015',
      'RDB_TEMPLATE',
      0,
    ],
    [
      'names in a listpack that is none',
      broken(values.HASH_TMPL_LP(1n, [], [], 'strings'), Buffer.of(0, 2, 1, 1)),
      'REDIS0015',
      'RDB_LISTPACK',
      2,
    ],
    ['a template that nobody defined', values.HASH_TMPL_ARRAY_REF(77n, ['v']), 'REDIS0015', 'RDB_TEMPLATE', 0],
    [
      'a template with 64 bits of id that nobody defined',
      values.HASH_TMPL_ARRAY_REF(2n ** 64n - 1n, ['v']),
      'REDIS0015',
      'RDB_TEMPLATE',
      0,
    ],
  ])('%s', (_, built, magic, code, within) => {
    const begun = file(magic).selectDb(2).raw(built.type.code, string('the key'));
    const offset = begun.bytes().length + within;
    const error = refused(begun.raw(built.value).end());
    expect(error).toMatchObject({ code, offset, db: 2 });
    expect(error.key?.toString()).toBe('the key');
    expect(error.describe()).toContain('"the key"');
  });

  test('a database that no server has', () => {
    const error = refused(
      file()
        .raw(0xfe, length(2 ** 31))
        .end(),
    );
    expect(error).toMatchObject({ code: 'RDB_LENGTH', offset: 10 });
  });

  test.each<[string, (begun: RdbFileBuilder) => RdbFileBuilder]>([
    ['the end', (begun) => begun.raw(0xff)],
    ['another database', (begun) => begun.selectDb(1)],
    ['the size of a database', (begun) => begun.resizeDb(1, 1)],
    ['a function', (begun) => begun.library('code')],
    ['a release candidate’s function', (begun) => begun.raw(0xf6)],
    ['a module’s global data', (begun) => begun.moduleAux(1n, 1, [])],
    ['a slot', (begun) => begun.slotInfo(1, 1, 1)],
    ['a slot of Redis Enterprise', (begun) => begun.raw(121, 1)],
    ['a template', (begun) => begun.hashTemplate(1n, ['f'])],
  ])('attributes whose key never comes, but %s does', (_, add) => {
    for (const attribute of [
      [0xfc, Buffer.alloc(8)],
      [0xfd, Buffer.alloc(4)],
      [0xf8, 5],
      [0xf9, 5],
      [107, 5],
      [0xf3, 0],
    ]) {
      const begun = file('REDIS0015').raw(...attribute);
      const error = refused(add(begun).end());
      expect(error).toMatchObject({ code: 'RDB_OPCODE', offset: 9 + Buffer.concat(attribute.map(asBuffer)).length });
      expect(error.message).toContain('not followed by its key');
    }
  });

  test('a slot import does not stand between attributes and key either', () => {
    expect(refused(file('VALKEY080').freq(1).raw(0xf3, string('j'), 0).end())).toMatchObject({ code: 'RDB_OPCODE' });
  });

  test('a file that ends too early says in what', () => {
    const begun = file('REDIS0013').selectDb(1).key('before', text);
    const endings: [Buffer, RegExp][] = [
      [Buffer.from('REDIS001'), /before its magic is complete/],
      [begun.bytes(), /before the end mark/],
      [begun.end().subarray(0, -1), /inside the checksum/],
      [Buffer.concat([begun.bytes(), Buffer.of(4)]), /inside a key/],
      [Buffer.concat([begun.bytes(), Buffer.of(4, 1, 0x6b, 2, 1, 0x66)]), /inside a value of type HASH/],
      [Buffer.concat([begun.bytes(), Buffer.of(0xf5)]), /inside a record/],
    ];
    for (const [bytes, what] of endings) {
      const error = refused(bytes);
      expect(error).toMatchObject({ code: 'RDB_TRUNCATED', offset: bytes.length });
      expect(error.message).toMatch(what);
      expect(error.where).toContain(`of ${bytes.length.toLocaleString('en-US')}`);
      expect(error.remedy).toContain('compare its size with the source');
    }
  });

  test('lengths beyond the end of the file are refused before a byte of it is waited for', () => {
    for (const declared of [100n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const pieces: [string, Buffer][] = [
        ['string', length(declared)],
        ['compressed', Buffer.concat([Buffer.of(0xc3), length(declared), length(5)])],
      ];
      for (const [what, head] of pieces) {
        const bytes = file().selectDb(4).raw(0, string('k'), head, Buffer.alloc(50)).end();
        const scanner = new RdbScanner({ size: bytes.length });
        // Only what is known when the length has been read.
        scanner.feed(bytes.subarray(0, 9 + 2 + 3 + head.length));
        let error: unknown;
        try {
          for (let event = scanner.next(); event !== ScanEvent.MORE; event = scanner.next());
        } catch (thrown) {
          error = thrown;
        }
        expect(error, `${what} of ${declared}`).toMatchObject({ code: 'RDB_TRUNCATED', offset: 14, db: 4 });
      }
    }
  });

  test('counts that the rest of the file cannot hold are refused', () => {
    for (const declared of [100n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n]) {
      for (const built of [values.LIST([]), values.HASH([]), values.ZSET_2([]), streamValue(3, fullStream)]) {
        const error = refused(file().raw(built.type.code, string('k'), length(declared), Buffer.alloc(50)).end());
        expect(error).toMatchObject({ code: 'RDB_TRUNCATED', offset: 12 });
        expect(error.message).toContain('elements');
      }
    }
  });

  test('a length of 2^53 and more is refused even where the size of the input is not known', () => {
    const bytes = file()
      .raw(0, string('k'), length(2n ** 53n), Buffer.alloc(50))
      .bytes();
    expect(refused(bytes, { sized: false })).toMatchObject({ code: 'RDB_TRUNCATED', offset: 12 });
  });

  test('of a stream whose size is not known, a string that is cut off is found at its end', () => {
    const bytes = file().raw(0, string('k'), length(1000), Buffer.alloc(50)).bytes();
    const error = refused(bytes, { sized: false });
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED', offset: bytes.length });
    expect(error.where).not.toContain(' of ');
  });

  test('a key whose own text is damaged is left out of the error', () => {
    const damagedKey = Buffer.of(0xc3, 2, 9, 0xff, 0xff);
    const error = refused(file().raw(1, damagedKey, 0x82).end());
    expect(error).toMatchObject({ code: 'RDB_LENGTH', offset: 9 + 1 + 5, key: undefined });
  });
});

describe('errors in records that are not held', () => {
  const long = 'x'.repeat(2 * HELD_RECORD_BYTES);
  const inPieces = (bytes: Buffer): Feed[] =>
    Array.from({ length: Math.ceil(bytes.length / 20_000) }, (_, i) => ({
      to: Math.min(bytes.length, (i + 1) * 20_000),
      headroom: 0,
    }));

  test('still name the key', () => {
    const bytes = file().key('before', text).raw(1, string('the key'), length(3), string(long), 0x82).end();
    const error = refused(bytes, { feeds: inPieces(bytes) });
    expect(error.code).toBe('RDB_LENGTH');
    expect(error.key?.toString()).toBe('the key');
  });

  test('do not name the key before, where metadata of more than a block came between', () => {
    const meta = Buffer.concat([length(1), Buffer.from('abcd'), moduleItem.string(long), length(0)]);
    const bytes = file('REDIS0013').key('before', text).raw(0xf3, meta, 1, string('the key'), 0x82).end();
    // The first block holds the key before and more of the metadata than is kept.
    const error = refused(bytes, { feeds: [{ to: HELD_RECORD_BYTES + 20_000, headroom: 0 }, ...inPieces(bytes)] });
    expect(error.code).toBe('RDB_LENGTH');
    expect(error.key?.toString()).toBe('the key');
  });

  test('name none where the key itself is too long', () => {
    const bytes = file().key('before', text).raw(1, string(long), 0x82).end();
    const error = refused(bytes, { feeds: inPieces(bytes) });
    expect(error).toMatchObject({ code: 'RDB_LENGTH', key: undefined });
  });
});

function asBuffer(part: Buffer | number): Buffer {
  return typeof part === 'number' ? Buffer.of(part) : part;
}

test('seconds are read with their sign, and ms in two’s complement', () => {
  const bytes = file().raw(0xfd, littleEndian(-1n, 32)).key('k', text).end();
  expect(scanFile(bytes).records[0]?.expireAt).toBe(-1000n);
});
