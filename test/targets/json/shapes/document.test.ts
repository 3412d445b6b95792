// docs/json-shapes.md: its examples are what the shapes write of the file that it describes, and it names every loss.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SHAPE_NAMES } from '../../../../lib/targets/json/shape.ts';
import { values } from '../../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../../support/rdb-file-builder.ts';
import { streamValue } from '../../../support/stream-builder.ts';
import { shaped } from './shape-run.ts';

const page = readFileSync(fileURLToPath(new URL('../../../../docs/json-shapes.md', import.meta.url)), 'utf8');

/** The first block of code below the heading. */
function example(heading: string): string | undefined {
  const section = page.split(/^## /m).find((text) => text.startsWith(`\`${heading}\``));
  return section?.match(/^```\w*\n(.*?)^```/ms)?.[1];
}

const id = { ms: 1_699_999_990_000, seq: 0 };
const file = new RdbFileBuilder('REDIS0012')
  .selectDb(0)
  .key('greeting', values.STRING('hello'))
  .key('tasks', values.LIST_QUICKLIST_2([['write', 'test']]))
  .key('tags', values.SET_INTSET([7, 30]))
  .key(
    'scores',
    values.ZSET_LISTPACK(
      [
        ['ada', 1.5],
        ['bob', 100],
      ].map(([member, score]) => [`${member}`, `${score}`]),
    ),
  )
  .expireMs(1_700_000_079_000)
  .key('user:1', values.HASH_LISTPACK([['name', 'Ada']]))
  .key(
    'events',
    streamValue(3, {
      nodes: [[{ id, fields: [['temperature', '21']] }]],
      lastId: id,
      firstId: id,
      maxDeletedId: { ms: 0, seq: 0 },
      entriesAdded: 1n,
      groups: [],
    }),
  )
  .end();

test.each(SHAPE_NAMES)('the example of %s', async (name) => {
  const { text, error } = await shaped(name, file, { now: 1_700_000_000_000 });
  expect(error).toBeUndefined();
  expect(example(name)).toBe(text);
});

test('every loss that is counted is named', async () => {
  const source = readFileSync(
    fileURLToPath(new URL('../../../../lib/targets/json/shapes/key-shape.ts', import.meta.url)),
    'utf8',
  );
  const losses = [...(source.match(/export type Loss =(.*?);/s)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(
    ([, loss]) => loss,
  );
  expect(losses.length).toBeGreaterThan(10);
  expect(losses.filter((loss) => !page.includes(`| ${loss} |`))).toEqual([]);
});
