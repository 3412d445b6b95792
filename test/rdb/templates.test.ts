// Hashes that refer to a template become hashes that RESTORE takes.
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../lib/rdb/decode.ts';
import { dialectOf } from '../../lib/rdb/dialect.ts';
import { asDumpForm } from '../../lib/rdb/templates.ts';
import type { ValueType } from '../../lib/rdb/types.ts';
import { plain } from '../support/decoded.ts';
import { counted, string, values } from '../support/rdb-builders.ts';

const redis = dialectOf('redis', 15);
const FIELDS = ['a', 'b', 'ccc'];
const NAMES = counted(FIELDS.map((field) => string(field)));

/** What is in the hash, by the template's names. */
const content = (type: ValueType, value: Buffer) =>
  plain(decodeValue(type, value, { templates: () => FIELDS.map((field) => Buffer.from(field)) }));

describe('a hash that refers to a template becomes one that carries its field names', () => {
  // The ids: one byte of listpack, two, nine as a positive and as what only fits an unsigned number.
  test.each([0n, 5n, 300n, 2n ** 40n, 2n ** 63n, 2n ** 64n - 1n])('with template %s', (id) => {
    const packed = values.HASH_TMPL_LP_REF(BigInt.asIntN(64, id), ['1', 2, 'three']);
    const stored = values.HASH_TMPL_ARRAY_REF(id, ['1', '2', 'three']);
    for (const [built, code] of [
      [packed, 29],
      [stored, 31],
    ] as const) {
      const asked: bigint[] = [];
      const form = asDumpForm(built.type, built.value, redis, (wanted) => {
        asked.push(wanted);
        return NAMES;
      });
      expect(asked).toEqual([id]);
      expect(form.type.code).toBe(code);
      expect(content(form.type, form.value)).toEqual(content(built.type, built.value));
      expect(content(form.type, form.value)).toEqual([
        ['a', '1', undefined],
        ['b', '2', undefined],
        ['ccc', 'three', undefined],
      ]);
    }
  });

  test('also when its listpack is compressed', () => {
    const { type } = values.HASH_TMPL_LP_REF(7n, []);
    const packed = values.SET_LISTPACK([7, 'x'.repeat(200), 'x'.repeat(200), '3'], 'lzf').value;
    const form = asDumpForm(type, packed, redis, () => NAMES);
    expect(content(form.type, form.value)).toEqual(content(type, packed));
  });

  test('and not when nobody defined the template', () => {
    for (const built of [values.HASH_TMPL_LP_REF(7n, ['1']), values.HASH_TMPL_ARRAY_REF(7n, ['1'])]) {
      for (const names of [undefined, () => undefined]) {
        expect(() => asDumpForm(built.type, built.value, redis, names)).toThrow(
          expect.objectContaining({ code: 'RDB_TEMPLATE', message: expect.stringContaining('7') }),
        );
      }
    }
  });

  test.each<[string, ValueType, Buffer]>([
    ['no listpack', values.HASH_TMPL_LP_REF(0n, []).type, string('no listpack')],
    [
      'a listpack whose first entry is no number',
      values.HASH_TMPL_LP_REF(0n, []).type,
      values.SET_LISTPACK(['x']).value,
    ],
    ['an empty listpack', values.HASH_TMPL_LP_REF(0n, []).type, values.SET_LISTPACK([]).value],
    ['no bytes', values.HASH_TMPL_LP_REF(0n, []).type, Buffer.alloc(0)],
    ['no id', values.HASH_TMPL_ARRAY_REF(0n, []).type, Buffer.alloc(0)],
    ['half an id', values.HASH_TMPL_ARRAY_REF(0n, []).type, Buffer.of(0x81, 0, 0)],
  ])('and %s is named as damage', (_, type, value) => {
    expect(() => asDumpForm(type, value, redis, () => NAMES)).toThrow(
      expect.objectContaining({ name: 'RdbError', code: expect.stringMatching(/^RDB_/) }),
    );
  });
});
