import { describe, expect, test } from 'vitest';
import { Cursor } from '../../lib/bytes/cursor.ts';
import { RdbError } from '../../lib/errors.ts';

describe('a cursor', () => {
  test('reads numbers of each width in their byte order', () => {
    const cursor = new Cursor(Buffer.from('ff0100000000000080000000000000000a', 'hex'));
    expect(cursor.u8()).toBe(0xff);
    expect(cursor.i64le()).toBe(-(2n ** 63n) + 1n);
    expect(cursor.u64be()).toBe(10n);
    expect(cursor.left).toBe(0);
  });

  test('refuses to read beyond the end, and says where in the whole', () => {
    const cursor = new Cursor(Buffer.alloc(10), { base: 1000, code: 'RDB_ZIPMAP' });
    cursor.take(4);
    expect(() => cursor.i64le()).toThrow(expect.objectContaining({ code: 'RDB_ZIPMAP', offset: 1004 }));
    expect(() => cursor.view(Number.MAX_SAFE_INTEGER)).toThrow(RdbError);
    expect(() => cursor.view(Number.NaN)).toThrow(RdbError);
    expect(cursor.position).toBe(4);
  });

  test('points at the compressed string where its bytes have no offset of their own', () => {
    const error = new Cursor(Buffer.alloc(3), { base: 77, expanded: true }).error('no such entry', 2);
    expect(error.offset).toBe(77);
    expect(error.message).toContain('byte 2 of the expanded string');
  });
});
