import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../../lib/rdb/decode.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../../../lib/rdb/types.ts';
import { encodingName } from '../../../lib/targets/json/encoding-names.ts';
import { JsonBuffer } from '../../../lib/targets/json/json-buffer.ts';
import { JsonLines } from '../../../lib/targets/json/json-lines.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { type BuiltValue, values } from '../../support/rdb-builders.ts';
import { samples, sampleTemplates as templates } from '../../support/value-samples.ts';
import { lineOf, partLinesOf, recordOf, strictlyParsed } from './lines.ts';
import { elementsOf, type Json, joined, text, valueJson } from './model.ts';

const SEED = seedOr(20261124);
const LONG = { timeout: 900_000 };
const settings = (sample: number) => ({ numRuns: runs(sample, 20 * sample), seed: SEED });

type Line = { readonly [name: string]: Json };
const parse = (line: string | undefined): Line => JSON.parse(line ?? 'null');
const decoded = ({ type, value }: BuiltValue) => decodeValue(type, value, { templates });
const expected = (built: BuiltValue, inParts = false) =>
  valueJson(decoded(built), built.type.name === 'STREAM_LISTPACKS_5', inParts);

const binary = Buffer.of(0xff, 0, 1);
/** What the samples lack: binary members, numbers at the edges, several lengths, rare scores. */
const extremes: readonly BuiltValue[] = [
  values.STRING(''),
  values.STRING(binary),
  values.STRING('grün €  \u2028 𝄞 "quoted" back\\slash \u0001\u001f\b\f\n\r\t\u007f'),
  values.STRING('x'.repeat(70_000)),
  values.STRING('"'.repeat(70_000), 'lzf'),
  values.STRING('70000', 'int'),
  values.LIST([]),
  values.HASH([]),
  values.LIST(['a', binary, 'x'.repeat(20_000)], 'lzf'),
  values.SET([binary, 'a']),
  values.HASH([[binary, 'a'], ['b', binary]]), // biome-ignore format: pairs
  values.HASH([['__proto__', binary], ['', '']]), // biome-ignore format: pairs
  values.HASH_LISTPACK([[-1, 2n ** 62n], ['x'.repeat(5000), 'y'.repeat(200)]]), // biome-ignore format: pairs
  values.HASH_ZIPLIST([[-1, 2n ** 62n], ['x'.repeat(5000), 'y'.repeat(20_000)]]), // biome-ignore format: pairs
  values.HASH_METADATA([['f', 'v', 0n]]),
  values.HASH_METADATA([['f', 'v', 2n ** 60n]]),
  values.SET_INTSET([-(2n ** 63n), -(2n ** 53n) - 1n, -(2n ** 53n), 0, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n]),
  values.SET_LISTPACK([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 127, 128, -4096, 4095, 8_388_607, -(2 ** 31)]),
  values.LIST_QUICKLIST_2([[], [1], 'plain', binary, []], 'lzf'),
  values.ZSET_2(
    [0, -0, 1 / 3, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e21, Infinity].map(
      (score, i) => [`m${i}`, score] as const,
    ),
  ),
  values.ZSET([['m', Number.NaN], ['n', -0]]), // biome-ignore format: pairs
  values.ZSET_LISTPACK([['a', '-0'], ['b', '1e400'], ['c', '0.30000000000000004'], ['d', 'inf'], ['e', '+5'], ['f', '.5']]), // biome-ignore format: pairs
  values.ZSET_LISTPACK([['a', 2n ** 60n], [binary, '3.1400000000000001']]), // biome-ignore format: pairs
  values.ARRAY([[2n ** 60n, { integer: 2n ** 60n }], [2n ** 61n, { float: Number.NaN }], [2n ** 62n, { string: binary }]], 2n ** 63n), // biome-ignore format: items
  values.PATH_HASH([['/p', [[binary, 'x']]]]),
];
const all = [...samples, ...extremes];

describe('a line', () => {
  test.each(all.map((built, i) => [`${built.type.name} ${i}`, built] as const))('says all of a %s', (_, built) => {
    const line = parse(lineOf(recordOf(built)));
    expect(line).toEqual({
      db: 0,
      key: 'key',
      type: built.type.kind,
      encoding: encodingName(built.type, built.value[0] as number),
      size: 4 + built.value.length,
      elements: elementsOf(decoded(built)),
      value: expected(built),
    });
  });

  test('has its properties in the documented order, and what the record says of the key', () => {
    const built = values.STRING('v');
    const line = lineOf(recordOf(built, 'k', (file) => file.selectDb(11).expireMs(4102444800000).idle(100_000)));
    expect(line).toBe(
      '{"db":11,"key":"k","type":"string","encoding":"raw","expiry":4102444800000,"idle":100000,"size":4,"elements":1,"value":"v"}\n',
    );
    const other = lineOf(recordOf(built, '12', (file) => file.expireMs(2n ** 53n).freq(255)));
    expect(other).toBe(
      '{"db":0,"key":"12","type":"string","encoding":"raw","expiry":"9007199254740992","freq":255,"size":5,"elements":1,"value":"v"}\n',
    );
    expect(parse(lineOf(recordOf(built, '12', (file) => file.expireMs(-5)))).expiry).toBe(-5);
  });

  test('has keys of any bytes, written in any way', () => {
    const built = values.STRING('v');
    for (const key of [binary, Buffer.from('é"\\'), Buffer.alloc(9000, 'k'), Buffer.from('\ud800')]) {
      expect(parse(lineOf(recordOf(built, key))).key).toEqual(text(key));
    }
    const lzf = recordOf(built, 'x'.repeat(100));
    expect(parse(lineOf(lzf)).key).toBe('x'.repeat(100));
  });

  test('without values counts the elements all the same; with keys alone it has only what a key is', () => {
    for (const built of all) {
      const { value: _, ...rest } = parse(lineOf(recordOf(built)));
      expect(parse(lineOf(recordOf(built), { noValue: true }))).toEqual(rest);
      expect(lineOf(recordOf(built), { keysOnly: true })).toBe(`{"db":0,"key":"key","type":"${built.type.kind}"}\n`);
    }
  });

  test('is refused when it would be too long, and not when it just fits', () => {
    for (const built of all.filter(({ type }) => type.kind !== 'module')) {
      const size = Buffer.byteLength(lineOf(recordOf(built)) as string);
      expect(lineOf(recordOf(built), { maxLineBytes: size + 40 }), built.type.name).toBeDefined();
      expect(lineOf(recordOf(built), { maxLineBytes: size - 1 }), built.type.name).toBeUndefined();
    }
  });

  test('every one is strict JSON for another parser, with no name twice', () => {
    const lines = all.map((built) => lineOf(recordOf(built)) as string);
    expect(strictlyParsed(lines)).toBe(String(all.length));
    expect(strictlyParsed(['{"a":NaN}\n'])).toMatch('NaN');
  });
});

test('every type has a name for its encoding', () => {
  for (const type of [...redisTypes, ...valkeyTypes]) if (type) expect(encodingName(type, 0)).toMatch(/^[a-z]+$/);
  expect([0, 0xc0, 0xc2, 0xc3].map((first) => encodingName(redisTypes[0] as ValueType, first))).toEqual(
    ['raw', 'int', 'int', 'lzf'], // biome-ignore format: in the order of the bytes
  );
});

test('what docs/json-format.md shows is what is written', () => {
  const shown = readFileSync(new URL('../../../docs/json-format.md', import.meta.url), 'utf8').match(
    /^\{"db":0.*\}$/gm,
  );
  const written = [
    lineOf(recordOf(values.STRING('hello'), 'greeting')),
    lineOf(
      recordOf(
        values.HASH_LISTPACK([
          ['name', 'Ada'],
          ['mail', 'ada@example.org'],
        ]),
        'user:1',
        (
          file, // biome-ignore format: pairs
        ) => file.expireMs(4102444800000),
      ),
    ),
    lineOf(recordOf(values.ZSET_LISTPACK([['ada', '1.5'], ['bob', 'inf']]), 'scores')), // biome-ignore format: pairs
  ];
  expect(shown?.map((line) => `${line}\n`)).toEqual(written);
});

test('AUX fields and function libraries have lines of their own', () => {
  const out = new JsonBuffer();
  const lines = new JsonLines(out);
  lines.aux(Buffer.from('redis-ver'), Buffer.from('7.0.15'));
  lines.functionLibrary(Buffer.from('#!lua name=mylib\ncode'));
  lines.functionLibrary(Buffer.from('code'));
  expect(out.written.toString()).toBe(
    '{"type":"aux","key":"redis-ver","value":"7.0.15"}\n' +
      '{"type":"function","key":"mylib","value":"#!lua name=mylib\\ncode"}\n' +
      '{"type":"function","value":"code"}\n',
  );
});

describe('whatever the bytes', () => {
  const bytes = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }).map((it) => Buffer.from(it)),
    fc.uint8Array({ maxLength: 90 }).map((it) => Buffer.from(it)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((it) => Buffer.from(String(it))),
    fc.nat({ max: 20_000 }).map((size) => Buffer.alloc(size, 'é"')),
  );
  const as = fc.constantFrom('raw' as const, 'lzf' as const);
  const distinct = fc.uniqueArray(bytes, { selector: (it) => it.toString('latin1'), maxLength: 30 });
  const scores = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom(-0, Infinity, -Infinity, 2 ** 53));
  const built = fc.tuple(distinct, bytes, as, scores).chain(([items, other, how, score]) => {
    const pairs = items.map((item) => [item, other] as const);
    const scored = items.map((item, i) => [item, score * (i + 1)] as const);
    return fc.constantFrom(
      values.STRING(other, how),
      values.LIST(items, how),
      values.LIST_ZIPLIST(items, how),
      values.LIST_QUICKLIST([items, [other]], how),
      values.LIST_QUICKLIST_2([other, items], how),
      values.SET(items, how),
      values.SET_LISTPACK(items, how),
      values.HASH(pairs, how),
      values.HASH_LISTPACK(pairs, how),
      values.HASH_ZIPLIST(pairs, how),
      values.ZSET_2(scored),
      values.ZSET_LISTPACK(
        scored.map(([m, s]) => [m, Object.is(s, -0) ? '-0' : String(s).replace('Infinity', 'inf')]),
        how,
      ),
      values.HASH_2(pairs.map(([f, v]) => [f, v, score > 0 ? 2n ** 60n : -1n])),
    );
  });

  test('key and value come back as they were, base64 only where it must be', LONG, () => {
    fc.assert(
      fc.property(bytes, built, (key, value) => {
        const line = parse(lineOf(recordOf(value, key)));
        expect(line.key).toEqual(text(key));
        expect(line.value).toEqual(expected(value));
        expect(line.elements).toBe(elementsOf(decoded(value)));
      }),
      settings(400),
    );
  });

  test('the value is the same in lines of any length and parts of any size', LONG, async () => {
    await fc.assert(
      fc.asyncProperty(built, fc.nat(3000), fc.integer({ min: 1, max: 3000 }), async (value, most, partBytes) => {
        const lines = await partLinesOf(recordOf(value), most, partBytes);
        expectParts(value, lines);
        const loneElements = lines.map(parse).every(({ value: part }) => !Array.isArray(part) || part.length < 2);
        const longest = Math.max(...lines.map((line) => Buffer.byteLength(line)));
        if (longest > most && most > 400 && value.type.kind !== 'string') expect(lines.length).toBeGreaterThan(0);
        if (longest > most && most > 400 && value.type.kind === 'string') throw new Error(`a line of ${longest} bytes`);
        if (most < 80 && value.type.kind !== 'string') expect(loneElements).toBe(true);
      }),
      settings(200),
    );
  });

  test('damage is damage on both ways: the quick one never takes what the general one refuses', LONG, () => {
    const random = new Random(SEED);
    for (let run = 0; run < runs(4000, 100_000); run++) {
      const sample = random.pick(all);
      const value = Buffer.from(sample.value);
      for (let changes = random.int(1, 2); changes > 0; changes--) {
        value[random.int(0, value.length - 1)] = random.chance(0.5) ? random.int(0, 255) : random.int(0, 16);
      }
      const changed = { type: sample.type, value };
      const { scanner, bytes } = recordOf(sample);
      value.copy(bytes, scanner.valueStart);
      const line = attempt(() => parse(lineOf({ scanner, bytes })).value);
      const truth = attempt(() => expected(changed));
      expect(line, `seed ${SEED}, run ${run}, ${sample.type.name}`).toEqual(truth);
    }
  });
});

describe('a value in parts', () => {
  const inParts = all.filter(({ type }) => type.kind !== 'module');

  test.each(inParts.map((built, i) => [`${built.type.name} ${i}`, built] as const))('%s', async (_, built) => {
    for (const [most, partBytes] of [
      [1, 1],
      [1, 5000],
      [300, 40],
      [1 << 20, 100],
    ] as const) {
      // biome-ignore format: pairs
      if (most === 1 && built.value.length > 25_000) continue;
      expectParts(built, await partLinesOf(recordOf(built), most, partBytes));
    }
  });

  test('keeps to the length of a line where elements are small, and says so in the last', async () => {
    const members = Array.from({ length: 1000 }, (_, i) => `member ${i}`);
    const lines = await partLinesOf(recordOf(values.SET(members)), 1000, 200);
    expect(lines.length).toBeGreaterThan(13);
    expect(lines.length).toBeLessThan(25);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(1000);
    expect(lines[0]).toMatch(
      /^\{"db":0,"key":"key","type":"set","encoding":"hashtable","size":\d+,"value":\[.*\],"part":1\}\n$/,
    );
    expect(lines[1]).toMatch(/^\{"db":0,"key":"key","type":"set","value":\[.*\],"part":2\}\n$/);
    expect(lines.at(-1)).toMatch(
      /^\{"db":0,"key":"key","type":"set","elements":1000,"value":\[.*\],"part":\d+,"last":true\}\n$/,
    );
  });

  test('a text stays text where a part would cut a character', async () => {
    const lines = await partLinesOf(recordOf(values.STRING('€𝄞é'.repeat(500))), 200, 7);
    for (const line of lines) expect(typeof parse(line).value).toBe('string');
    expectParts(values.STRING('€𝄞é'.repeat(500)), lines);
  });

  test('a list whose last node is empty ends where its elements do', async () => {
    const built = values.LIST_QUICKLIST_2([['a'.repeat(60)], ['b'.repeat(60)], []]);
    for (const partBytes of [10, 70, 1000]) expectParts(built, await partLinesOf(recordOf(built), 1 << 20, partBytes));
  });

  test('without values is one line', async () => {
    const lines = await partLinesOf(recordOf(values.SET(['a', 'b'])), 1, 1, { noValue: true });
    expect(lines).toEqual([lineOf(recordOf(values.SET(['a', 'b'])), { noValue: true })]);
  });

  test('every line is strict JSON for another parser', async () => {
    const lines: string[] = [];
    for (const built of inParts) lines.push(...(await partLinesOf(recordOf(built), 200, 60)));
    expect(strictlyParsed(lines)).toBe(String(lines.length));
  });
});

/** The lines are numbered, complete, and together the value. */
function expectParts(built: BuiltValue, lines: readonly string[]): void {
  const parts = lines.map(parse);
  expect(parts.map(({ part }) => part)).toEqual(parts.map((_, i) => i + 1));
  expect(parts.map(({ last }) => last)).toEqual(parts.map((_, i) => (i === parts.length - 1 ? true : undefined)));
  expect(parts.at(-1)?.elements).toBe(elementsOf(decoded(built)));
  for (const { db, key, type } of parts)
    expect({ db, key, type }).toEqual({ db: 0, key: 'key', type: built.type.kind });
  const value = joined(built.type.kind, parts.map(({ value: part }) => part as Json)); // biome-ignore format: short
  const whole = decoded(built);
  expect(value).toEqual(whole.kind === 'string' ? whole.bytes.toString('base64') : expected(built, true));
}

function attempt(produce: () => unknown): unknown {
  try {
    return produce();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}
