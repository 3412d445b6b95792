// Sample RDB files built by hand, with where every record is: together they hold each opcode and each type of value.
import { crc64Twin } from '../../lib/bytes/twin.ts';
import type { ChecksumVerdict, DialectName } from '../../lib/rdb/dialect.ts';
import { HELD_RECORD_BYTES } from '../../lib/rdb/scanner.ts';
import {
  type As,
  type BuiltValue,
  type Bytes,
  counted,
  length,
  littleEndian,
  moduleId,
  moduleItem,
  string,
  toBuffer,
  values,
} from './rdb-builders.ts';
import type { RecordFacts } from './scan-events.ts';
import { type BuiltStream, streamValue } from './stream-builder.ts';

export interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
  readonly dialect: DialectName;
  readonly version: number;
  readonly checksum: ChecksumVerdict;
  /** All records but the end, with all facts of each. */
  readonly records: readonly RecordFacts[];
  /** Where the end mark is. */
  readonly bodyEnd: number;
  /** CRC64 of everything up to behind the end mark. */
  readonly crc: bigint;
}

/** What may stand before a key's type, in the order in which it is given. */
export type Attribute =
  | { expireMs: bigint }
  | { expireSeconds: number }
  | { idle: number | bigint; width?: 1 | 2 | 5 | 9 }
  | { freq: number }
  /** Classes of metadata (Redis ≥ 8.6): four bytes and a module's items each. */
  | { meta: readonly (readonly [spec: Bytes, items: readonly Buffer[]])[] }
  /** Redis Enterprise. */
  | { ramLru: number }
  /** KeyDB. */
  | { aux: readonly [name: string, value: Bytes] };

/** Builds a file and notes where each record is, by adding up what it writes. */
export class SampleBuilder {
  readonly #parts: Buffer[] = [];
  readonly #records: RecordFacts[] = [];
  #at = 0;
  #crc = 0n;
  #db = 0;

  constructor(magic: string) {
    this.#write(Buffer.from(magic, 'latin1'));
  }

  aux(name: Bytes, value: Bytes, as: As = 'raw', nameAs: As = 'raw'): this {
    const bytes = Buffer.concat([Buffer.of(0xfa), string(name, nameAs), string(value, as)]);
    const held = bytes.length <= HELD_RECORD_BYTES;
    return this.#record('AUX', [bytes], { name: held ? toBuffer(name).toString('latin1') : undefined });
  }

  selectDb(db: number, width?: 1 | 2 | 5 | 9): this {
    this.#db = db;
    return this.#record('SELECTDB', [0xfe, length(db, width)]);
  }

  resizeDb(keys: number, expires: number, width?: 1 | 2 | 5 | 9): this {
    return this.#record('RESIZEDB', [0xfb, length(keys, width), length(expires, width)], { resize: [keys, expires] });
  }

  library(source: Bytes, as: As = 'raw'): this {
    return this.#record('FUNCTION', [0xf5, string(source, as)]);
  }

  preGaFunction(name: string, engine: string, description: string | undefined, code: string): this {
    const described = description === undefined ? [length(0)] : [length(1), string(description)];
    return this.#record('FUNCTION_PRE_GA', [0xf6, string(name), string(engine), ...described, string(code)]);
  }

  moduleAux(id: bigint, when: 1 | 2, items: readonly Buffer[]): this {
    return this.#record('MODULE_AUX', [0xf7, length(id), length(2), length(when), ...items, length(0)], {
      moduleId: id,
    });
  }

  slotInfo(slot: number, keys: number, expires: number): this {
    return this.#record('SLOT_INFO', [0xf4, length(slot), length(keys), length(expires)]);
  }

  slotImport(job: string, ranges: readonly (readonly [number, number])[]): this {
    const pairs = ranges.map(([from, to]) => Buffer.concat([length(from), length(to)]));
    return this.#record('SLOT_IMPORT', [0xf3, string(job), counted(pairs)]);
  }

  slotNumber(slot: number): this {
    return this.#record('SLOT_NUM', [121, length(slot)]);
  }

  template(id: bigint, fields: readonly Bytes[]): this {
    const names = counted(fields.map((field) => string(field)));
    const offset = this.#at + 1 + length(id).length;
    return this.#record('HASH_TEMPLATE', [0xf2, length(id), names], {
      template: { id, fields: fields.length, offset, bytes: names.length },
    });
  }

  key(name: Bytes, built: BuiltValue, attributes: readonly Attribute[] = [], as: As = 'raw'): this {
    let [start, before] = [this.#at, this.#crc];
    const facts = { expireAt: undefined as bigint | undefined, idle: -1, freq: -1, meta: [0, 0] as [number, number] };
    for (const attribute of attributes) {
      if ('expireMs' in attribute) {
        this.#write(Buffer.of(0xfc), littleEndian(attribute.expireMs, 64));
        facts.expireAt = attribute.expireMs;
      } else if ('expireSeconds' in attribute) {
        this.#write(Buffer.of(0xfd), littleEndian(BigInt(attribute.expireSeconds), 32));
        facts.expireAt = BigInt(attribute.expireSeconds) * 1000n;
      } else if ('idle' in attribute) {
        this.#write(Buffer.of(0xf8), length(attribute.idle, attribute.width));
        facts.idle = Number(attribute.idle);
      } else if ('freq' in attribute) {
        this.#write(Buffer.of(0xf9, attribute.freq));
        facts.freq = attribute.freq;
      } else if ('meta' in attribute) {
        const classes = attribute.meta.map(([spec, items]) => Buffer.concat([toBuffer(spec), ...items, length(0)]));
        const from = this.#at;
        this.#write(Buffer.of(0xf3), counted(classes));
        facts.meta = [from, this.#at];
      } else if ('ramLru' in attribute) {
        this.#write(Buffer.of(107), length(attribute.ramLru));
      } else if (this.#at === start) {
        // In front of them it is a record of its own.
        this.aux(...attribute.aux);
        [start, before] = [this.#at, this.#crc];
      } else {
        const [field, value] = attribute.aux;
        this.#write(Buffer.of(0xfa), string(field), string(value));
        // Among a key's attributes the record that a scanner is in began at the first of them.
        this.#note('AUX', start, before, false, { name: field });
      }
    }
    const keyStart = this.#at + 1;
    const key = string(name, as);
    this.#write(Buffer.of(built.type.code), key, built.value);
    const held = this.#at - start <= HELD_RECORD_BYTES;
    return this.#note('KEY', start, before, true, {
      ...facts,
      type: built.type.name,
      key: held ? toBuffer(name) : undefined,
      keyStart,
      valueStart: keyStart + key.length,
      ...(built.type.kind === 'module' ? { moduleId: leadingNumber(built.value) } : {}),
    });
  }

  end(name: string, dialect: DialectName, version: number, checksum: ChecksumVerdict): Sample {
    const bodyEnd = this.#at;
    this.#write(Buffer.of(0xff));
    const crc = this.#crc;
    if (checksum !== 'absent') this.#write(littleEndian(checksum === 'ok' ? crc : 0n, 64));
    const bytes = Buffer.concat(this.#parts);
    return { name, bytes, dialect, version, checksum, records: this.#records, bodyEnd, crc };
  }

  #record(event: RecordFacts['event'], parts: readonly (Buffer | number)[], facts: Partial<RecordFacts> = {}): this {
    const start = this.#at;
    const before = this.#crc;
    this.#write(...parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)));
    return this.#note(event, start, before, true, facts);
  }

  #note(event: RecordFacts['event'], start: number, crc: bigint, whole: boolean, facts: Partial<RecordFacts>): this {
    const held = this.#at - start <= HELD_RECORD_BYTES ? this.#from(start) : undefined;
    const end = this.#at;
    this.#records.push({
      event,
      start,
      end,
      db: this.#db,
      crc: whole ? [crc, this.#crc] : [crc],
      held,
      ...facts,
    });
    return this;
  }

  /** What was written from there on; something began there. */
  #from(start: number): Buffer {
    let first = this.#parts.length;
    for (let at = this.#at; at > start; ) at -= (this.#parts[--first] as Buffer).length;
    return Buffer.concat(this.#parts.slice(first));
  }

  #write(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#parts.push(part);
      this.#at += part.length;
      this.#crc = crc64Twin(part, this.#crc);
    }
  }
}

/** The 64-bit length at the start of a module's value. */
function leadingNumber(value: Buffer): bigint {
  return value[0] === 0x81 ? value.readBigUInt64BE(1) : BigInt(value[0] as number);
}

const bigText = 'a line of text that LZF likes, a line of text that LZF likes; '.repeat(5);

export const JSON_MODULE = moduleId('ReJSON-RL', 3);

const moduleItems = [
  moduleItem.signed(-5n),
  moduleItem.unsigned(2n ** 64n - 1n),
  moduleItem.float(1.5),
  moduleItem.double(-2.25),
  moduleItem.string('text'),
  moduleItem.string(bigText, 'lzf'),
  moduleItem.string('-300', 'int'),
];

/** A stream in which every loop of the layout runs more than once. */
export const fullStream: BuiltStream = {
  nodes: [
    [
      { id: { ms: 1, seq: 1 }, fields: [['f', 'v']] },
      { id: { ms: 1, seq: 2 }, fields: [['other', bigText]], deleted: true },
    ],
    [{ id: { ms: 2n ** 60n, seq: 2n ** 63n }, fields: [['n', 12345]] }],
  ],
  lastId: { ms: 2n ** 60n, seq: 2n ** 63n },
  firstId: { ms: 1, seq: 1 },
  maxDeletedId: { ms: 1, seq: 2 },
  entriesAdded: 2n ** 40n,
  groups: [
    {
      name: 'readers',
      lastId: { ms: 1, seq: 2 },
      entriesRead: -1n,
      pel: [
        { id: { ms: 1, seq: 1 }, deliveredAt: 1_700_000_000_000n, count: 3n },
        { id: { ms: 1, seq: 2 }, deliveredAt: 1_700_000_000_001n, count: 2n ** 33n },
      ],
      consumers: [
        { name: 'ann', seenAt: 1n, activeAt: -1n, pel: [{ ms: 1, seq: 1 }] },
        { name: 'bob', seenAt: 2n, activeAt: 2n, pel: [{ ms: 1, seq: 2 }] },
        { name: '', seenAt: 3n, activeAt: -1n, pel: [] },
      ],
      nacked: [{ ms: 1, seq: 1 }],
    },
    { name: 'idle', lastId: { ms: 0, seq: 0 }, entriesRead: 0n, pel: [], consumers: [], nacked: [] },
  ],
  idempotence: {
    duration: 60_000n,
    maxSize: 100n,
    producers: [
      { id: 'p1', messages: [{ id: 'm1', entry: { ms: 1, seq: 1 } }] },
      { id: 'p2', messages: [] },
    ],
    added: 7n,
    duplicates: 2n ** 50n,
  },
};

const emptyStream: BuiltStream = { ...fullStream, nodes: [], groups: [], entriesAdded: 3n };

/** The values of the types that all dialects share. */
export const sharedValues: readonly (readonly [name: string, value: BuiltValue])[] = [
  ['string:raw', values.STRING('value')],
  ['string:empty', values.STRING('')],
  ['string:int8', values.STRING('-128', 'int')],
  ['string:int16', values.STRING('32767', 'int')],
  ['string:int32', values.STRING('-2147483648', 'int')],
  ['string:lzf', values.STRING(bigText, 'lzf')],
  ['string:14-bit', values.STRING('x'.repeat(64))],
  ['string:32-bit', values.STRING('x'.repeat(16384))],
  ['list', values.LIST(['a', '', 'b'.repeat(70), bigText])],
  ['list:lzf', values.LIST([bigText, bigText], 'lzf')],
  ['list:int', values.LIST(['1', '300', '70000'], 'int')],
  ['list:empty', values.LIST([])],
  ['set', values.SET(['a', 'b'])],
  [
    'zset:text',
    values.ZSET([
      ['a', 1.5],
      ['b', Number.POSITIVE_INFINITY],
      ['c', Number.NEGATIVE_INFINITY],
      ['d', Number.NaN],
      ['e', -1e300],
    ]),
  ],
  [
    'hash',
    values.HASH([
      ['f', 'v'],
      ['', bigText],
    ]),
  ],
  [
    'zset',
    values.ZSET_2([
      ['a', 1],
      ['b', -0],
    ]),
  ],
  ['module', values.MODULE_2(JSON_MODULE, moduleItems)],
  ['module:empty', values.MODULE_2(moduleId('MBbloom--', 4), [])],
  ['zipmap', values.HASH_ZIPMAP([['f', 'v']])],
  ['list:ziplist', values.LIST_ZIPLIST(['a', 5, 70000])],
  ['intset', values.SET_INTSET([1, 2, 2n ** 40n])],
  ['intset:lzf', values.SET_INTSET([1, 2, 3, 4, 5, 6, 7, 8], 'lzf')],
  ['zset:ziplist', values.ZSET_ZIPLIST([['m', 3]])],
  ['hash:ziplist', values.HASH_ZIPLIST([['f', 'v']])],
  ['quicklist', values.LIST_QUICKLIST([['a', 1], ['b']])],
  ['quicklist:lzf', values.LIST_QUICKLIST([['abc', bigText], [bigText]], 'lzf')],
  ['stream1', streamValue(1, fullStream)],
  ['stream1:empty', streamValue(1, emptyStream)],
  ['hash:listpack', values.HASH_LISTPACK([['f', 'v']])],
  ['zset:listpack', values.ZSET_LISTPACK([['m', -3]])],
  ['quicklist2', values.LIST_QUICKLIST_2([['a', 1], 'plain'.repeat(30), ['b']])],
  ['stream2', streamValue(2, fullStream)],
  ['stream2:empty', streamValue(2, emptyStream)],
  ['set:listpack', values.SET_LISTPACK(['a', 5])],
  ['stream3', streamValue(3, fullStream)],
];

export const template = { id: 2n ** 40n, fields: ['a', 'b', 'cc'] };

/** The values of the types that only Redis has. 30 and 32 refer to {@link template}. */
export const redisValues: readonly (readonly [name: string, value: BuiltValue])[] = [
  [
    'hash:22',
    values.HASH_METADATA_PRE_GA([
      ['f', 'v', 1_800_000_000_000n],
      ['g', 'w', 0],
    ]),
  ],
  ['hash:23', values.HASH_LISTPACK_EX_PRE_GA([['f', 'v', 1_800_000_000_000n]])],
  [
    'hash:24',
    values.HASH_METADATA([
      ['f', 'v', 1_800_000_000_000n],
      ['g', 'w', 0],
    ]),
  ],
  ['hash:25', values.HASH_LISTPACK_EX([['f', 'v', 1_800_000_000_000n]])],
  ['stream4', streamValue(4, fullStream)],
  ['stream4:empty', streamValue(4, emptyStream)],
  ['stream5', streamValue(5, fullStream)],
  [
    'array',
    values.ARRAY(
      [
        [0, { string: 'text' }],
        [70, { integer: -5n }],
        [2n ** 40n, { float: 0.5 }],
        [2n ** 63n, { small: 'tiny' }],
      ],
      2n ** 63n,
    ),
  ],
  ['array:no index', values.ARRAY([[5, { string: bigText }]])],
  ['array:empty', values.ARRAY([])],
  ['hash:29 names in a listpack', values.HASH_TMPL_LP(1n, ['a', 'b'], ['1', 2], 'listpack')],
  ['hash:29 names as strings', values.HASH_TMPL_LP(1n, ['a', 'b'], ['1', 2], 'strings')],
  ['hash:30', values.HASH_TMPL_LP_REF(template.id, ['1', '2', '3'])],
  ['hash:31 names in a listpack', values.HASH_TMPL_ARRAY(['a', 'b'], ['1', bigText], 'listpack')],
  ['hash:31 names as strings', values.HASH_TMPL_ARRAY(['a', 'b'], ['1', bigText], 'strings')],
  ['hash:32', values.HASH_TMPL_ARRAY_REF(template.id, ['1', bigText, ''])],
  ['hash:32 of another template', values.HASH_TMPL_ARRAY_REF(0n, ['only'])],
];

export const valkeyValues: readonly (readonly [name: string, value: BuiltValue])[] = [
  [
    'hash:22',
    values.HASH_2([
      ['f', 'v', 1_800_000_000_000n],
      ['g', bigText, -1],
    ]),
  ],
  [
    'hash:23',
    values.PATH_HASH([
      [
        'a/b',
        [
          ['f', 'v'],
          ['g', 'w'],
        ],
      ],
      ['', []],
      ['c', [['h', '1']]],
    ]),
  ],
];

function redisMagic(version: number): string {
  return `REDIS${String(version).padStart(4, '0')}`;
}

/** All shared types with all attributes that every dialect has, and the records that belong to no key. */
function shared(): Sample {
  const file = new SampleBuilder('REDIS0012');
  file.aux('redis-ver', '7.4.0').aux('redis-bits', '64', 'int').aux('300', '-5', 'int', 'int');
  file.aux('x'.repeat(300), bigText, 'lzf', 'lzf');
  file.library('#!lua name=one\nredis.register_function("f", function() end)').library(bigText, 'lzf');
  file.preGaFunction('f', 'LUA', undefined, 'return 1').preGaFunction('g', 'LUA', 'described', 'return 2');
  file.moduleAux(JSON_MODULE, 1, moduleItems).moduleAux(7n, 2, []);
  file.selectDb(0).resizeDb(3, 1).slotInfo(16383, 2, 0);
  for (const [name, value] of sharedValues) file.key(name, value);
  file
    .selectDb(15)
    .resizeDb(70_000, 2 ** 33)
    .slotInfo(5, 70_000, 1);
  file.key('12', values.STRING('int key'), [], 'int').key(bigText, values.STRING('lzf key'), [], 'lzf');
  file.key('', values.STRING('empty key')).key(Buffer.of(0, 255, 10), values.STRING('binary key'));
  file.selectDb(2 ** 31 - 1);
  const v = values.STRING('v');
  file.key('ms', v, [{ expireMs: 1_800_000_000_123n }]).key('seconds', v, [{ expireSeconds: 1_800_000_000 }]);
  file.key('ms beyond doubles', v, [{ expireMs: 2n ** 53n + 1n }]).key('latest', v, [{ expireMs: 2n ** 63n - 1n }]);
  file.key('negative ms', v, [{ expireMs: -1n }]).key('earliest', v, [{ expireMs: -(2n ** 63n) }]);
  file.key('negative beyond doubles', v, [{ expireMs: -(2n ** 53n) - 1n }]);
  file.key('negative seconds', v, [{ expireSeconds: -(2 ** 31) }]).key('ms 0', v, [{ expireMs: 0n }]);
  file.key('idle', v, [{ idle: 63 }]).key('idle:wide', v, [{ idle: 5_000_000_000n }]);
  file.key('freq', v, [{ freq: 255 }]).key('freq:0', v, [{ freq: 0 }]);
  file.key('all', v, [{ expireMs: 5n }, { idle: 70 }, { freq: 5 }]);
  file.key('other order', v, [{ freq: 5 }, { idle: 70 }, { expireSeconds: 5 }]);
  file.key('the last of two counts', v, [{ expireMs: 5n }, { expireSeconds: 6 }]).key('none left', v);
  file
    .aux('late', 'aux')
    .library('late library')
    .moduleAux(JSON_MODULE, 2, [moduleItem.string('late')]);
  return file.end('shared types', 'redis', 12, 'ok');
}

function redis15(): Sample {
  const file = new SampleBuilder('REDIS0015');
  file.aux('redis-ver', '8.10.0').template(template.id, template.fields).template(0n, ['f']).template(3n, []);
  for (const [name, value] of redisValues) file.key(name, value);
  const v = values.STRING('v');
  file.key('meta', v, [{ meta: [['abc\x01', moduleItems]] }]);
  file.key('meta:two', v, [
    {
      meta: [
        ['abc\x01', []],
        [Buffer.of(0, 0xff, 0xfe, 0xfd), [moduleItem.signed(1n)]],
      ],
    },
  ]);
  file.key('meta:none', v, [{ meta: [] }]);
  file.key('meta:last', v, [{ expireMs: 5n }, { idle: 9 }, { meta: [['wxyz', [moduleItem.double(1)]]] }]);
  file.key('meta:first', v, [{ meta: [['wxyz', []]] }, { freq: 9 }, { expireMs: 5n }]);
  file.key('no meta', v);
  // Templates may also be defined among the keys.
  file.template(9n, ['a', 'b']).key('hash:32 late', values.HASH_TMPL_ARRAY_REF(9n, ['1', '2']));
  return file.end('redis 8.10', 'redis', 15, 'ok');
}

function valkey(version: 80 | 81): Sample {
  const file = new SampleBuilder(`VALKEY0${version}`);
  file.aux('valkey-ver', version === 80 ? '9.0.0' : '9.2.0').aux('slot-info', '5,1,0');
  file.slotImport('job', [
    [0, 5],
    [100, 16383],
  ]);
  file.slotImport('', []).slotInfo(5, 1, 0).selectDb(1);
  for (const [name, value] of valkeyValues) file.key(name, value);
  file.key('string', values.STRING('v'), [{ expireMs: 5n }]);
  return file.end(`valkey ${version}`, 'valkey', version, 'ok');
}

function enterprise(): Sample {
  const file = new SampleBuilder('REDIS0011');
  file
    .slotNumber(16383)
    .key('a', values.STRING('1'), [{ ramLru: 70 }])
    .slotNumber(1);
  file.key('b', values.LIST(['1']), [{ expireMs: 5n }, { ramLru: 2 ** 31 }, { freq: 4 }]);
  return file.end('redis enterprise', 'redis', 11, 'ok');
}

/** Metadata in front of another attribute that has a layout of its own. */
function enterpriseMeta(): Sample {
  const file = new SampleBuilder('REDIS0013');
  file.key('a', values.STRING('1'), [{ meta: [['wxyz', [moduleItem.string('x')]]] }, { ramLru: 70 }]);
  return file.end('redis enterprise with metadata', 'redis', 13, 'ok');
}

function keydb(): Sample {
  const file = new SampleBuilder('REDIS0009');
  file.aux('redis-ver', '6.3.4').selectDb(0);
  file.key('a', values.STRING('1'), [{ expireMs: 5n }, { aux: ['mvcc-tstamp', '18446744073709551615'] }]);
  file.key('b', values.SET(['x']), [
    { aux: ['mvcc-tstamp', '1'] },
    { idle: 5 },
    { aux: ['keydb-subexpire-key', 'x'] },
    { aux: ['keydb-subexpire-when', '1800000000000'] },
  ]);
  file.key('c', values.STRING('no attributes'));
  return file.end('keydb', 'redis', 9, 'ok');
}

function dragonfly(): Sample {
  const file = new SampleBuilder('REDIS0009');
  file.aux('redis-ver', 'df-v1.21.0').selectDb(0).key('a', values.STRING('1')).key('b', streamValue(1, fullStream));
  return file.end('dragonfly', 'dragonfly', 9, 'ok');
}

/** Lengths that take more bytes than they need, wherever one may stand. */
function wideLengths(): Sample {
  const file = new SampleBuilder('REDIS0010');
  for (const width of [2, 5, 9] as const) {
    const wide = (text: string) => Buffer.concat([length(text.length, width), Buffer.from(text)]);
    const of = ({ type }: BuiltValue, ...value: Buffer[]) => ({ type, value: Buffer.concat(value) });
    file.selectDb(width, width).resizeDb(1, 0, width);
    file.key('string', of(values.STRING(''), wide('text')), [{ idle: 5, width }]);
    file.key('hash', of(values.HASH([]), length(1, width), wide('f'), wide('v')));
    const block = string(bigText, 'lzf');
    const packed = block.subarray(1 + 2 + 2); // both sizes take two bytes
    const lzf = [Buffer.of(0xc3), length(packed.length, width), length(bigText.length, width), packed];
    file.key('lzf', of(values.STRING(''), ...lzf));
    file.key('quicklist', of(values.LIST_QUICKLIST_2([]), length(1, width), length(1, width), wide('plain')));
    file.key('module', of(values.MODULE_2(0n, []), length(5), length(5, width), wide('x'), length(0, width)));
  }
  return file.end('wide lengths', 'redis', 10, 'ok');
}

/** Each version of RDB, with the checksum as its servers write it. */
function everyVersion(): Sample[] {
  return Array.from({ length: 15 }, (_, i) => {
    const version = i + 1;
    const file = new SampleBuilder(redisMagic(version));
    file.selectDb(0).key('key', values.STRING('value'), [{ expireSeconds: 1_800_000_000 }]);
    return file.end(`redis version ${version}`, 'redis', version, version < 5 ? 'absent' : 'ok');
  });
}

/** Records that a scanner does not hold, or only just does, of each kind. */
function large(): Sample {
  const file = new SampleBuilder('REDIS0015');
  const many = Array.from({ length: 5000 }, (_, i) => `item number ${i}`);
  const long = 'x'.repeat(HELD_RECORD_BYTES);
  file.aux(long, 'long name').aux('long value', long).library(long).template(1n, many);
  file.moduleAux(JSON_MODULE, 1, [moduleItem.string(long), moduleItem.unsigned(1n)]);
  file.key('string', values.STRING(long), [{ expireMs: 5n }, { idle: 5 }]);
  // Type, key's length, key, value's length: 1 + 1 + 1 + 5 bytes.
  file.key('k', values.STRING('y'.repeat(HELD_RECORD_BYTES - 8)));
  file.key('k', values.STRING('z'.repeat(HELD_RECORD_BYTES - 7)));
  file
    .key(long, values.STRING('long key'))
    .key('list', values.LIST(many))
    .key('lzf', values.LIST([bigText], 'lzf'));
  file.key('hash', values.HASH(many.map((item) => [item, item])), [{ freq: 3 }]);
  file.key('template', values.HASH_TMPL_ARRAY_REF(1n, many));
  file.key('dumped', values.HASH_TMPL_ARRAY(many, many, 'strings'), [{ meta: [['wxyz', [moduleItem.string(long)]]] }]);
  file.key('dumped', values.HASH_TMPL_LP(5n, many, many, 'listpack'));
  file.key('module', values.MODULE_2(JSON_MODULE, [moduleItem.string(long), ...moduleItems]));
  file.key('small', values.STRING('v'), [{ expireMs: 6n }]);
  return file.end('large records', 'redis', 15, 'ok');
}

function empty(): Sample {
  return new SampleBuilder('REDIS0011').end('no records', 'redis', 11, 'ok');
}

function unchecked(): Sample {
  return new SampleBuilder('REDIS0011').key('k', values.STRING('v')).end('rdbchecksum no', 'redis', 11, 'disabled');
}

/** Small samples: some hundred bytes to some ten thousand. */
export const samples: readonly Sample[] = [
  shared(),
  redis15(),
  valkey(80),
  valkey(81),
  enterprise(),
  enterpriseMeta(),
  keydb(),
  dragonfly(),
  wideLengths(),
  ...everyVersion(),
  empty(),
  unchecked(),
];

/** About 1.5 MB in few records. */
export const largeSample: Sample = large();

export function sampleNamed(name: string): Sample {
  const sample = [...samples, largeSample].find((each) => each.name === name);
  if (sample === undefined) throw new Error(`no sample is named ${name}`);
  return sample;
}
