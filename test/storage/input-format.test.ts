// An input is told by its first bytes; what is no RDB is refused by name.
import { describe, expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import { detectFormat } from '../../lib/storage/input-format.ts';

const detect = (head: string | Buffer) => detectFormat('backup.rdb', Buffer.from(head as string));

describe('an input is what its first bytes say', () => {
  test.each([
    ['REDIS0011', 'rdb'],
    ['VALKEY080', 'rdb'],
    [Buffer.from('1f8b080000000000', 'hex'), 'gzip'],
    [Buffer.from('28b52ffd00', 'hex'), 'zstd'],
    // pzstd begins with a frame to be skipped, of any of sixteen kinds.
    [Buffer.from('502a4d1804000000', 'hex'), 'zstd'],
    [Buffer.from('5f2a4d1804000000', 'hex'), 'zstd'],
  ] as const)('%s is %s', (head, format) => {
    expect(detect(head as string)).toBe(format);
  });

  test.each<[string, string | Buffer, string, RegExp]>([
    ['nothing', '', 'INPUT_EMPTY', /empty/],
    ['an LZ4 envelope of Valkey 9.2', Buffer.from('VKCS\x01\x01\x00\x00', 'latin1'), 'INPUT_LZ4', /LZ4/],
    ['commands', '*2\r\n$6\r\nSELECT', 'INPUT_AOF', /append-only file without an RDB preamble/],
    ['commands with times', '#TS:1700000000\r\n*2\r', 'INPUT_AOF', /append-only file/],
    ['JSON', '{"key": 1}', 'INPUT_NOT_RDB', /looks like JSON/],
    ['JSON of many lines', '  \n[\n', 'INPUT_NOT_RDB', /looks like JSON/],
    ['a ZIP archive', 'PK\x03\x04', 'INPUT_NOT_RDB', /ZIP/],
    ['bzip2', 'BZh91AY', 'INPUT_NOT_RDB', /bzip2/],
    ['xz', Buffer.from('fd377a585a00', 'hex'), 'INPUT_NOT_RDB', /looks like xz/],
    ['a replication stream', '$EOF:0123456789ab', 'INPUT_NOT_RDB', /replication stream/],
    ['a replication stream from disk', '$175\r\nREDIS0011', 'INPUT_NOT_RDB', /replication stream/],
    ['anything else', 'hello world', 'INPUT_NOT_RDB', /begins with "hello wor"/],
    ['bytes that are no text', Buffer.from('00ff1b0a', 'hex'), 'INPUT_NOT_RDB', /begins with "/],
    ['one byte', 'R', 'INPUT_NOT_RDB', /begins with "R"/],
  ])('%s is refused by name', (_, head, code, message) => {
    let error: unknown;
    try {
      detect(head);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code, where: 'backup.rdb', message: expect.stringMatching(message) });
    expect((error as InputError).remedy).toBeDefined();
    // It is printed on a terminal.
    expect((error as InputError).message).not.toMatch(/\p{Cc}/u);
  });
});
