// Commands are written as RESP demands, byte for byte.
import { describe, expect, test } from 'vitest';
import { ARGUMENT_OVERHEAD_BYTES, ascii, command, digitCount, FrameWriter } from '../../lib/resp/frame-writer.ts';
import { Random, runs, seedOr } from '../support/random.ts';

const SEED = seedOr(20261123);

/** What the calls wrote. */
function written(write: (writer: FrameWriter) => void, room = 1000): string {
  const writer = new FrameWriter(Buffer.alloc(room, 0x7e));
  write(writer);
  expect(writer.room).toBe(room - writer.at);
  return writer.buffer.toString('latin1', 0, writer.at);
}

describe('numbers', () => {
  const edges = Array.from({ length: 16 }, (_, power) => [10 ** power - 1, 10 ** power, 10 ** power + 1]).flat();
  const numbers = [0, ...edges, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 1].filter((n) => n >= 0);

  test('from 0 to 2^53 are written as they are', () => {
    for (const number of numbers) {
      expect(written((writer) => writer.digits(number))).toBe(String(number));
      expect(digitCount(number)).toBe(String(number).length);
      const text = String(number);
      expect(written((writer) => writer.bulkNumber(number))).toBe(`$${text.length}\r\n${text}\r\n`);
    }
  });

  test('of every size', () => {
    const random = new Random(SEED);
    for (let run = 0; run < runs(5000, 200_000); run++) {
      const number = Math.floor(2 ** (53 * random.fraction()));
      const text = written((writer) => writer.digits(number), 20);
      if (text !== String(number) || digitCount(number) !== text.length) {
        expect(text, `seed ${SEED}, run ${run}`).toBe(String(number));
      }
    }
  });
});

describe('arguments', () => {
  test.each([0, 1, 9, 10, 23, 24, 25, 99, 100, 5000])('of %i bytes are framed, and go nowhere else', (size) => {
    const bytes = Buffer.from(new Random(size + 1).bytes(size));
    const writer = new FrameWriter(Buffer.alloc(size + ARGUMENT_OVERHEAD_BYTES + 10, 0x7e));
    writer.bulk(bytes);
    const expected = Buffer.concat([ascii(`$${size}\r\n`), bytes, ascii('\r\n')]);
    expect(writer.buffer.subarray(0, writer.at).equals(expected)).toBe(true);
    expect(writer.buffer.subarray(writer.at).every((byte) => byte === 0x7e)).toBe(true);
  });

  test('may be a part of more bytes', () => {
    const bytes = Buffer.from('0123456789'.repeat(10));
    for (const [start, end] of [
      [0, 10],
      [5, 5],
      [3, 40],
      [90, 100],
      [0, 100],
    ] as const) {
      const text = bytes.toString('latin1', start, end);
      expect(written((writer) => writer.bulk(bytes, start, end))).toBe(`$${end - start}\r\n${text}\r\n`);
    }
  });

  test('may be text', () => {
    expect(written((writer) => writer.bulkText('ABSTTL'))).toBe('$6\r\nABSTTL\r\n');
  });

  test('take no more room for their frame than is said', () => {
    const longest = written((writer) => {
      writer.bulkHead(2 ** 32);
      writer.crlf();
    });
    expect(longest.length).toBeLessThanOrEqual(ARGUMENT_OVERHEAD_BYTES);
  });
});

test('a command is written part by part', () => {
  const text = written((writer) => {
    writer.array(4);
    writer.raw(ascii('$7\r\nRESTORE\r\n'));
    writer.bulk(Buffer.from('key'));
    writer.bulkNumber(1_800_000_000_000);
    writer.bulk(Buffer.of(0, 0xff));
  });
  expect(text).toBe('*4\r\n$7\r\nRESTORE\r\n$3\r\nkey\r\n$13\r\n1800000000000\r\n$2\r\n\0\xff\r\n');
});

describe('a whole command', () => {
  test('of text, bytes and numbers', () => {
    const bytes = new Uint8Array([1, 2, 3, 255]).subarray(1, 4);
    expect(command('SET', Buffer.from('k\r\n'), bytes, 'PX', 15).toString('latin1')).toBe(
      '*5\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$3\r\n\x02\x03\xff\r\n$2\r\nPX\r\n$2\r\n15\r\n',
    );
  });

  test('whose text is not ASCII has as many bytes as it says', () => {
    expect(command('AUTH', 'pässword')).toEqual(Buffer.from('*2\r\n$4\r\nAUTH\r\n$9\r\npässword\r\n'));
  });

  test('without arguments', () => {
    expect(command('PING').toString()).toBe('*1\r\n$4\r\nPING\r\n');
  });
});
