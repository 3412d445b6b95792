// What holds of every shape: values in parts come out as those at once, JSON is strict, and nothing is lost silently.
import { describe, expect, test } from 'vitest';
import { JsonBuffer } from '../../../../lib/targets/json/json-buffer.ts';
import { SHAPE_NAMES, shapeNamed } from '../../../../lib/targets/json/shape.ts';
import { type BuiltValue, values } from '../../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../../support/rdb-file-builder.ts';
import { samples, sampleTemplate } from '../../../support/value-samples.ts';
import { strictlyParsed } from '../lines.ts';
import { shaped } from './shape-run.ts';

const text = 'Käse, "quoted" – €𝄞\n\0'.repeat(300);
const binary = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) & 0xff));
const big: BuiltValue[] = [
  values.STRING(text),
  values.STRING(text, 'lzf'),
  values.STRING(binary),
  values.STRING(''),
  values.LIST_QUICKLIST_2([[text, binary], text, [binary, 5, -3]]),
  values.SET(Array.from({ length: 500 }, (_, i) => `member ${i}`)),
  values.HASH(Array.from({ length: 500 }, (_, i) => [`field ${i}`, binary.subarray(i)])),
  values.ZSET_2(Array.from({ length: 500 }, (_, i) => [`m${i}`, i / 7])),
];

function fileOf(built: readonly BuiltValue[]): Buffer {
  const valkey = built.some(({ type }) => type.name === 'HASH_2' || type.name === 'PATH_HASH');
  const file = new RdbFileBuilder(valkey ? 'VALKEY081' : 'REDIS0015');
  if (!valkey) file.hashTemplate(sampleTemplate.id, sampleTemplate.fields);
  for (const [i, each] of built.entries()) file.key(`key ${i}`, each);
  return file.end('off');
}

const isValkey = ({ type }: BuiltValue) => type.name === 'HASH_2' || type.name === 'PATH_HASH';
const FILES = {
  'samples of all types': fileOf(samples.filter((each) => !isValkey(each))),
  "samples of Valkey's types": fileOf(samples.filter(isValkey)),
  'larger values': fileOf(big),
};

describe.each(SHAPE_NAMES)('%s', (name) => {
  test.each(Object.entries(FILES))('%s come out the same in parts of any size', async (_, file) => {
    const whole = await shaped(name, file);
    expect(whole.error).toBeUndefined();
    for (const partBytes of [1, 130, 1000, 1_000_000]) expect(await shaped(name, file, {}, partBytes)).toEqual(whole);
    for (const options of [{ noValue: true }, { keysOnly: true }]) {
      const less = await shaped(name, file, options);
      expect(less.error).toBeUndefined();
      if (options.noValue) expect(await shaped(name, file, options, 100)).toEqual(less);
    }
  });

  test('a record longer than 64 KiB goes in parts', async () => {
    const items = Array.from({ length: 20_000 }, (_, i) => `item ${i}`);
    const file = new RdbFileBuilder().key('l', values.LIST(items)).key('s', values.STRING('x'.repeat(100_000)));
    const { text: written, error } = await shaped(name, file.end('off'));
    expect(error).toBeUndefined();
    expect(written.length).toBeGreaterThan(name === 'rdbtools-csv' ? 100 : 100_000);
  });
});

test.each(SHAPE_NAMES.filter((name) => name !== 'rdbtools-csv'))(
  '%s is strict JSON whatever the bytes',
  async (name) => {
    for (const file of [FILES['samples of all types'], fileOf(big.slice(0, 6))]) {
      for (const options of [{}, { noValue: true }, { keysOnly: true }]) {
        const written = (await shaped(name, file, options)).text;
        // The document goes in one line: its own line feeds stand between tokens only.
        const lines = name === 'rdb-cli' ? `${JSON.stringify({ all: JSON.parse(written) })}\n` : written;
        expect(strictlyParsed([Buffer.from(lines, 'latin1').toString()])).toBe(String(lines.split('\n').length - 1));
      }
    }
  },
);

test('a shape that depends on what came before says that it is not for threads', () => {
  const parallel = SHAPE_NAMES.filter((name) => shapeNamed(name, new JsonBuffer()).parallel);
  expect(parallel).toEqual(['redis-dump', 'redisshake', 'rdbtools-csv']);
});
