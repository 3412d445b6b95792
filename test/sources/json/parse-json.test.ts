import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineProblem } from '../../../lib/sources/json/line-problem.ts';
import { type Json, JsonObject, parseJson } from '../../../lib/sources/json/parse-json.ts';
import { runs, seedOr } from '../../support/random.ts';

const SEED = seedOr(20261128);
const LIMITS = { maxDepth: 64, maxValues: 1_000_000 };
const parse = (text: string | Buffer, limits = LIMITS) => parseJson(Buffer.from(text), limits);

/** As JSON.parse has it. */
function asPlain(json: Json): unknown {
  if (Buffer.isBuffer(json)) return json.toString();
  if (typeof json === 'bigint') return Number(json);
  if (Array.isArray(json)) return json.map(asPlain);
  if (!(json instanceof JsonObject)) return json;
  return Object.fromEntries(json.names.map((name, i) => [name.toString(), asPlain(json.values[i] as Json)]));
}

/** What is wrong, and where. */
function problem(text: string | Buffer, limits = LIMITS): [message: string, column: number | undefined] {
  try {
    parse(text, limits);
  } catch (error) {
    if (!(error instanceof LineProblem) || error.code !== 'JSON_SYNTAX') throw error;
    return [error.message, error.column];
  }
  throw new Error(`nothing was wrong with ${text}`);
}

test('reads what JSON.parse reads, as it does', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'grapheme' }), fc.integer({ min: 0, max: 3 }), (text, spaces) => {
      const value = JSON.parse(text);
      expect(asPlain(parse(JSON.stringify(value, null, spaces)))).toEqual(value);
    }),
    { numRuns: runs(500, 20_000), seed: SEED },
  );
});

test('refuses what JSON.parse refuses', () => {
  const characters = fc.constantFrom(...'{}[]",:0123.-+eEtruefalsn\\ud8 \t\u0001é');
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      if (isJson) parse(text);
      else problem(text);
    }),
    { numRuns: runs(5000, 200_000), seed: SEED },
  );
});

test('every escape, and pairs of surrogates', () => {
  const text = '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\u20AC\\ud834\\uDD1E x"';
  expect(asPlain(parse(text))).toBe('"\\/\b\f\n\r\t\0é€𝄞 x');
});

test.each([
  ['9007199254740991', 9007199254740991],
  ['9007199254740993', 9007199254740993n],
  ['-9223372036854775808', -9223372036854775808n],
  ['18446744073709551615', 18446744073709551615n],
  ['1e2', 100],
  ['-0.0', -0],
  ['0.30000000000000004', 0.30000000000000004],
  ['1e-400', 0],
])('the number %s', (text, value) => {
  expect(parse(text)).toBe(value);
});

describe('what is wrong, and at which byte', () => {
  test.each([
    ['', 'the line ends where a value should be', 1],
    ['{"a":1} x', 'something follows the value', 9],
    ['{"a":1}{', 'something follows the value', 8],
    ['{"a" 1}', 'a colon should be here', 6],
    ['{"a":1,}', 'a name in quotes should be here', 8],
    ['[1,]', 'a value should be here', 4],
    ['[1 2]', 'a comma or ] should be here', 4],
    ['{"a":1', 'the line ends where a comma or } should be', 7],
    ['NaN', 'a value should be here', 1],
    ['tru', 'a value should be here', 1],
    ['01', 'a number has a zero in front', 1],
    ['1.', 'the line ends where a digit should be', 3],
    ['1e999', 'a number is larger than any double', 1],
    ['"abc', 'the line ends inside a string', 1],
    ['"abc\\', 'the line ends inside a string', 1],
    ['"a\tb"', 'a control character in a string has to be escaped', 3],
    ['"a\\xb"', 'a backslash stands before what is no escape', 3],
    ['"\\u12g4"', '\\u has to be followed by four hexadecimal digits', 2],
    ['"\\u12"', '\\u has to be followed by four hexadecimal digits', 2],
    ['"\\ud834"', 'half of a surrogate pair stands alone', 2],
    ['"\\ud834\\u0041"', 'half of a surrogate pair stands alone', 2],
    ['"\\udd1e\\ud834"', 'half of a surrogate pair stands alone', 2],
    ['{"a":{"b":1,"c":2,"b":3}}', 'a name comes twice in the object', 6],
    ['{"a":1,"\\u0061":2}', 'a name comes twice in the object', 1],
  ])('%s', (text, message, column) => {
    expect(problem(text)).toEqual([message, column]);
  });

  test.each(['ff', 'c080', 'eda080', 'f4908080', 'c3'])('the bytes %s in a string are no UTF-8', (hex) => {
    const bytes = Buffer.concat([Buffer.from('["a","b'), Buffer.from(hex, 'hex'), Buffer.from('"]')]);
    expect(problem(bytes)).toEqual(['a string is not valid UTF-8', 6]);
  });

  test('among many names', () => {
    const names = Array.from({ length: 2000 }, (_, i) => `"${i}":0`);
    parse(`{${names}}`);
    expect(problem(`{${names},"7":0}`)).toEqual(['a name comes twice in the object', 1]);
  });
});

describe('what would take all the stack, memory or time', () => {
  test.each(['[', '{"a":', '[{"a":'])('100,000 times %s', (text) => {
    expect(problem(text.repeat(100_000))[0]).toBe('values are nested more than 64 deep');
    expect(problem(text.repeat(100_000), { ...LIMITS, maxDepth: 1e9 })[0]).toMatch('more than 1000 deep');
  });

  test('depth is counted from the outside', () => {
    parse(`${'['.repeat(64)}${']'.repeat(64)}`);
    expect(problem(`${'['.repeat(65)}${']'.repeat(65)}`)).toEqual(['values are nested more than 64 deep', 65]);
  });

  test('more values than there may be', () => {
    const parsing = () => parse(`[${'[],'.repeat(200)}[]]`, { ...LIMITS, maxValues: 100 });
    expect(parsing).toThrow(
      expect.objectContaining({ code: 'JSON_TOO_LARGE', message: expect.stringContaining('100') }),
    );
  });

  test('long numbers, strings of escapes, and objects of many names take time in proportion', () => {
    const started = performance.now();
    expect(problem('9'.repeat(2_000_000))[0]).toBe('a number has too many digits');
    expect((parse(`"${'\\u00e9'.repeat(500_000)}"`) as Buffer).length).toBe(1_000_000);
    const names = Array.from({ length: 100_000 }, (_, i) => `"${i}":""`);
    expect((parse(`{${names}}`) as JsonObject).names).toHaveLength(100_000);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
