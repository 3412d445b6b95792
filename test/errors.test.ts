// Errors are told so that a person can act on them, whatever is in a key.
import { describe, expect, test } from 'vitest';
import {
  ConnectionError,
  InputError,
  InterruptedError,
  KeyferryError,
  LocalError,
  quoteKey,
  RdbError,
  TargetError,
  UsageError,
} from '../lib/errors.ts';

describe('an error', () => {
  test('is told as code, place, what happened, and on the next line what to do', () => {
    const error = new LocalError('LOCAL_DISK_FULL', 'the disk is full.', { where: '/work', remedy: 'Make room.' });
    expect(error.describe()).toBe('LOCAL_DISK_FULL at /work: the disk is full.\nMake room.');
    expect(new UsageError('X', 'what.').describe()).toBe('X: what.');
    expect(new UsageError('X', 'what.', { remedy: 'Do.' }).describe()).toBe('X: what.\nDo.');
  });

  test('is of its class, of the family, and named so', () => {
    for (const Class of [UsageError, LocalError, InputError, TargetError, ConnectionError, InterruptedError]) {
      const error = new Class('CODE', 'message');
      expect(error).toBeInstanceOf(KeyferryError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(Class.name);
    }
    expect(new RdbError('RDB_X', 'm', { offset: 0 })).toBeInstanceOf(InputError);
    expect(new ConnectionError('X', 'm')).toBeInstanceOf(TargetError);
  });

  test('keeps the one underneath', () => {
    const cause = new Error('underneath');
    expect(new TargetError('X', 'm', { cause }).cause).toBe(cause);
    expect('cause' in new TargetError('X', 'm')).toBe(false);
  });
});

describe('an error in an RDB', () => {
  test('says where: byte, size, database, key', () => {
    const place = { offset: 1_048_576, size: 2_097_152, db: 3, key: Buffer.from('user:1') };
    const error = new RdbError('RDB_TRUNCATED', 'the file ends.', place);
    expect(error.describe()).toBe('RDB_TRUNCATED at byte 1,048,576 of 2,097,152 (db 3, key "user:1"): the file ends.');
    expect(error).toMatchObject({ offset: 1_048_576, db: 3, key: place.key });
  });

  test('says no more than is known', () => {
    expect(new RdbError('X', 'm.', { offset: 5 }).describe()).toBe('X at byte 5: m.');
    expect(new RdbError('X', 'm.', { offset: 0, db: 0 }).describe()).toBe('X at byte 0 (db 0): m.');
  });
});

describe('a key in a message', () => {
  test.each([
    ['plain', 'user:1', '"user:1"'],
    ['empty', '', '""'],
    ['of UTF-8', 'größe:🛳', '"größe:🛳"'],
    ['with quotes and backslashes', 'a"b\\c', '"a\\"b\\\\c"'],
    ['with what moves a terminal', '\x1b[31m\r\n\0\x7f', '"\\x1b[31m\\x0d\\x0a\\x00\\x7f"'],
    [
      'with control characters of UTF-8',
      '\u0085\u200b\u2028\u202e',
      '"\\xc2\\x85\\xe2\\x80\\x8b\\xe2\\x80\\xa8\\xe2\\x80\\xae"',
    ],
    ['with a mark of byte order', '\ufeffkey', '"\\xef\\xbb\\xbfkey"'],
    ['of bytes that are no text', Buffer.of(0x61, 0xff, 0xc3, 0x22, 0x5c), '"a\\xff\\xc3\\"\\\\"'],
  ])('%s', (_, key, shown) => {
    expect(quoteKey(Buffer.from(key as string))).toBe(shown);
  });

  test('that is long is cut, and says how long it is', () => {
    expect(quoteKey(Buffer.alloc(120, 'x'))).toBe(`"${'x'.repeat(120)}"`);
    expect(quoteKey(Buffer.alloc(121, 'x'))).toBe(`"${'x'.repeat(120)}"… (121 bytes)`);
    expect(quoteKey(Buffer.alloc(5_000_000, 'x'))).toBe(`"${'x'.repeat(120)}"… (5,000,000 bytes)`);
  });

  test('that is cut inside a character is still one line of text', () => {
    const shown = quoteKey(Buffer.from(`x${'é'.repeat(200)}`));
    expect(shown).toContain('é');
    expect(shown).toMatch(/^"[^\p{C}]*"… \(401 bytes\)$/u);
  });
});
