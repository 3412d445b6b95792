// rdb-cli's document (librdb, src/ext/handlersToJson.c): by hand, and byte for byte what librdb's own tests expect.
import { describe, expect, test } from 'vitest';
import { corpusFiles, corpusLacks, corpusText, readCorpus } from '../../../support/corpus.ts';
import { moduleId, moduleItem, values } from '../../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../../support/rdb-file-builder.ts';
import { streamValue } from '../../../support/stream-builder.ts';
import { sampleStream } from '../../../support/value-samples.ts';
import { shaped } from './shape-run.ts';

const cli = (file: RdbFileBuilder, options = {}) => shaped('rdb-cli', file.end('off'), options);

test('an object for each database, a line for each key', async () => {
  const file = new RdbFileBuilder('REDIS0014')
    .selectDb(0)
    .key('s', values.STRING('x'))
    .key('l', values.LIST_QUICKLIST_2([['a', 'b'], 'c']))
    .key('e', values.STRING(''))
    .selectDb(2)
    .key(
      'h',
      values.HASH_LISTPACK([
        ['f', '1'],
        ['g', '2'],
      ]),
    )
    .key('t', values.SET_INTSET([7, 8]))
    .key(
      'z',
      values.ZSET_2([
        ['Bob', 5],
        ['Al', 2.5],
      ]),
    )
    .key(
      'a',
      values.ARRAY(
        [
          [0n, { string: 'first' }],
          [9n, { integer: -5n }],
          [10n, { float: 0.5 }],
        ],
        49n,
      ),
    );
  expect(await cli(file)).toEqual({
    text: `[{
    "s":"x",
    "l":["a","b","c"],
    "e":""
},{
    "h":{"f":"1","g":"2"},
    "t":["7","8"],
    "z":{"Bob":"5","Al":"2.5"},
    "a":{"insert_idx":"49","elements":[{"idx":"0","val":"first"},{"idx":"9","val":"-5"},{"idx":"10","val":"0.5"}]}
}]
`,
    lossy: {},
    error: undefined,
  });
});

test('a stream has its entries; its groups are counted', async () => {
  const file = new RdbFileBuilder()
    .key('st', streamValue(3, sampleStream))
    .key('none', streamValue(1, { ...sampleStream, nodes: [], groups: [] }));
  expect(await cli(file)).toMatchObject({
    text: `[{
    "st":{
      "entries":[${' '}
        { "id":"1-1", "items":{"f":"1", "g":"x"} },
        { "id":"3-0", "items":{"other":"z"} },
        { "id":"9-0", "items":{"f":"${'x'.repeat(70)}"} }
   ]},
    "none":{
      "entries":[
   ]}
}]
`,
    lossy: { 'consumer groups of streams': 1 },
  });
});

test('a module value is named, with the size that librdb gives it', async () => {
  const file = new RdbFileBuilder().key('m', values.MODULE_2(moduleId('test__rdb', 1), [moduleItem.string('ab')]));
  expect(await cli(file)).toMatchObject({
    text: `[{\n    "m":"<Content of Module 'test__rdb'. Occupies a serialized size of 14 bytes>"\n}]\n`,
    lossy: { 'module values': 1 },
  });
});

test('every byte but printable ASCII is the character of its number', async () => {
  const file = new RdbFileBuilder().key(
    '"\\\b\f\n\r\t',
    values.STRING(Buffer.from([0, 0x1f, 0x20, 0x7e, 0x7f, 0xc3, 0xbc])),
  );
  const { text } = await cli(file);
  expect(text).toBe('[{\n    "\\"\\\\\\b\\f\\n\\r\\t":"\\u0000\\u001f ~\\u007f\\u00c3\\u00bc"\n}]\n');
  expect(JSON.parse(text)).toEqual([{ '"\\\b\f\n\r\t': '\x00\x1f ~\x7f\xc3\xbc' }]);
});

test('scores are written as the servers write them', async () => {
  // What ZSCORE says on Redis 8.0 too.
  const scores: readonly (readonly [number, string])[] = [
    ...([
      [0, '0'],
      [-0, '0'],
      [3, '3'],
      [-1.5, '-1.5'],
      [0.1, '0.1'],
      [1e17, '100000000000000000'],
    ] as const),
    ...([
      [2 ** 62, '4611686018427387904'],
      [1e19, '1e+19'],
      [1.000033e25, '1.000033e+25'],
    ] as const),
    ...([
      [1e-6, '0.000001'],
      [1e-7, '1e-7'],
      [1.5e-10, '1.5e-10'],
      [0.00012345678, '1.2345678e-4'],
    ] as const),
    ...([
      [12345.12345678, '1.234512345678e+4'],
      [123.12345678, '123.12345678'],
      [1.2345e30, '1.2345e+30'],
    ] as const),
    ...([
      [1.7976931348623157e308, '1.7976931348623157e+308'],
      [Infinity, 'inf'],
      [-Infinity, '-inf'],
    ] as const),
  ];
  const file = new RdbFileBuilder().key('z', values.ZSET_2(scores.map(([score], i) => [`m${i}`, score])));
  const [document] = JSON.parse((await cli(file)).text) as [{ z: Record<string, string> }];
  expect(Object.values(document.z)).toEqual(scores.map(([, text]) => text));
});

test('what it has no place for is counted', async () => {
  const file = new RdbFileBuilder('REDIS0012')
    .aux('redis-ver', '7.4.0')
    .library('#!lua name=l\n')
    .expireMs(1)
    .key('h', values.HASH_METADATA([['f', 'v', 1_900_000_000_000n]]));
  expect(await cli(file)).toMatchObject({
    text: '[{\n    "h":{"f":"v"}\n}]\n',
    lossy: { 'aux fields': 1, 'function libraries': 1, 'expiries of keys': 1, 'expiries of hash fields': 1 },
  });
});

test('a file without keys is an empty array; without values, and the keys alone, each is null', async () => {
  expect((await cli(new RdbFileBuilder())).text).toBe('[]\n');
  const file = new RdbFileBuilder().key('h', values.HASH([['f', 'v']])).key('s', values.STRING('x'));
  const nulls = '[{\n    "h":null,\n    "s":null\n}]\n';
  expect((await cli(file, { noValue: true })).text).toBe(nulls);
  expect((await cli(file, { keysOnly: true })).text).toBe(nulls);
});

test('a damaged value that was written at once leaves the document as it was', async () => {
  const twins = values.SET(['a', 'a']);
  const file = new RdbFileBuilder().key('ok', values.STRING('x')).key('s', twins);
  const { text, error } = await cli(file);
  expect(text).toBe('[{\n    "ok":"x"\n}]\n');
  expect(error).toBeDefined();
});

/** By the file: what librdb's tests expect of it, which they compare without the braces and without spaces in front. */
const EXPECTED: Readonly<Record<string, string>> = {
  'multiple_dbs.rdb': 'multiple_dbs_data.json',
  'multiple_lists_strings.rdb': 'multiple_lists_strings_data.json',
  'quicklist.rdb': 'quicklist_data.json',
  'quicklist2_v11.rdb': 'single_list_data.json',
  'plain_zset_v6.rdb': 'plain_zset_v6_data.json',
  'zset_lp_v11.rdb': 'zset_lp_v11_data.json',
  'zset_zl_v6.rdb': 'zset_zl_v6_data.json',
  'set_is_v11.rdb': 'set_is_v11_data.json',
  'set_lp_v11.rdb': 'set_lp_v11_data.json',
  'hash_lp_v11.rdb': 'hash_lp_v11_data.json',
  'hash_zm_v2.rdb': 'hash_zm_v2_data.json',
  'stream_v11.rdb': 'stream_data.json',
  'module.rdb': 'module_data.json',
  'single_key.rdb': 'single_key_data.json',
};

describe.skipIf(corpusLacks !== '')(`librdb's own files${corpusLacks}`, () => {
  test.each(Object.entries(EXPECTED))('%s', async (rdb, json) => {
    expect(corpusFiles()).toContain(`librdb/${rdb}`);
    const { text } = await shaped('rdb-cli', readCorpus(`librdb/${rdb}`));
    JSON.parse(text);
    const ours = bare(text);
    const theirs = bare(corpusText(`librdb/${json}`) as string);
    expect(ours).toContain(theirs);
    expect(ours.length - theirs.length).toBeLessThanOrEqual('[{}]'.length);
  });
});

/** Without space around lines, around colons, and without what their tests add by options. */
function bare(text: string): string {
  return text
    .replace(/"__aux__"[^}]*},/, '')
    .replaceAll(/\s*\n\s*/g, '')
    .replaceAll(/(\{|":) +/g, '$1')
    .trim();
}
