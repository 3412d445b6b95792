// Replies are the same however their bytes are cut; what is no RESP2 is refused.
import { describe, expect, test } from 'vitest';
import { ErrorReply, ProtocolError, type Reply, ReplyReader } from '../../lib/resp/reply-reader.ts';
import { Random, runs, seedOr } from '../support/random.ts';

const SEED = seedOr(20261123);

/** What a reader says of pieces: replies in order, `+OK` as one entry each. */
function read(pieces: Iterable<Buffer>): (Reply | 'OK')[] {
  const seen: (Reply | 'OK')[] = [];
  const reader = new ReplyReader({
    ok: (count) => {
      expect(count).toBeGreaterThan(0);
      for (let i = 0; i < count; i++) seen.push('OK');
    },
    reply: (reply) => seen.push(copy(reply)),
  });
  for (const piece of pieces) reader.feed(piece);
  return seen;
}

/** Replies are views of what was fed. */
function copy(reply: Reply): Reply {
  if (Buffer.isBuffer(reply)) return Buffer.from(reply);
  return Array.isArray(reply) ? reply.map(copy) : reply;
}

const readText = (text: string) => read([Buffer.from(text, 'latin1')]);

function randomReply(random: Random, depth = 0): { bytes: Buffer; reply: Reply | 'OK' } {
  const line = (text: string) => Buffer.from(`${text}\r\n`);
  const kind = random.int(0, depth < 4 ? 8 : 7);
  switch (kind) {
    case 0:
    case 1:
      return { bytes: line('+OK'), reply: depth === 0 ? 'OK' : Buffer.from('OK') };
    case 2: {
      const text = random.text(random.int(0, 30));
      return { bytes: line(`+${text}`), reply: Buffer.from(text) };
    }
    case 3: {
      const text = `BUSYKEY ${random.text(random.int(0, 50))}`;
      return { bytes: line(`-${text}`), reply: new ErrorReply(text) };
    }
    case 4: {
      const number = BigInt.asIntN(64, (BigInt(random.uint32()) << 32n) | BigInt(random.uint32()));
      return { bytes: line(`:${number}`), reply: number };
    }
    case 5:
      return { bytes: line(random.pick(['$-1', '*-1'])), reply: null };
    case 8: {
      const items = Array.from({ length: random.int(0, 5) }, () => randomReply(random, depth + 1));
      const head = line(`*${items.length}`);
      return {
        bytes: Buffer.concat([head, ...items.map(({ bytes }) => bytes)]),
        reply: items.map(({ reply }) => reply as Reply),
      };
    }
    default: {
      // Bytes that look like the end of a line, or like a reply, are in it, too.
      const size = Math.floor(3000 ** random.fraction());
      const content = random.chance(0.5) ? random.bytes(size) : Buffer.alloc(size, '\r\n+OK\r\n$5\r\n');
      return { bytes: Buffer.concat([line(`$${size}`), content, line('')]), reply: asRead(content, depth) };
    }
  }
}

/** `OK` counts as such, also as a bulk string. */
function asRead(content: Buffer, depth: number): Reply | 'OK' {
  return depth === 0 && content.toString('latin1') === 'OK' ? 'OK' : content;
}

describe('replies', () => {
  test('of each kind', () => {
    expect(readText('+OK\r\n+OK\r\n+OK\r\n')).toEqual(['OK', 'OK', 'OK']);
    expect(readText('+PONG\r\n')).toEqual([Buffer.from('PONG')]);
    expect(readText('+\r\n')).toEqual([Buffer.from('')]);
    expect(readText('+OKAY\r\n+OK\r\n')).toEqual([Buffer.from('OKAY'), 'OK']);
    expect(readText(':0\r\n:-1\r\n:9223372036854775807\r\n')).toEqual([0n, -1n, 9223372036854775807n]);
    expect(readText('$-1\r\n*-1\r\n')).toEqual([null, null]);
    expect(readText('$0\r\n\r\n$4\r\na\r\nb\r\n')).toEqual([Buffer.from(''), Buffer.from('a\r\nb')]);
    expect(readText('*0\r\n')).toEqual([[]]);
    expect(readText('*3\r\n:1\r\n*2\r\n+OK\r\n$-1\r\n-ERR no\r\n')).toEqual([
      [1n, [Buffer.from('OK'), null], new ErrorReply('ERR no')],
    ]);
  });

  test('errors have a first word that tells what they are', () => {
    expect(new ErrorReply('BUSYKEY Target key name already exists.').code).toBe('BUSYKEY');
    expect(new ErrorReply('EXECABORT').code).toBe('EXECABORT');
  });

  test('are the same however the bytes are cut', () => {
    const random = new Random(SEED);
    for (let run = 0; run < runs(200, 5000); run++) {
      const replies = Array.from({ length: random.int(1, 30) }, () => randomReply(random));
      const bytes = Buffer.concat(replies.map((each) => each.bytes));
      const largest = random.pick([1, 3, 40, 1000]);
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = random.int(1, largest);
        pieces.push(Buffer.from(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(read(pieces), `seed ${SEED}, run ${run}`).toEqual(replies.map((each) => each.reply));
    }
  });

  test('are told as soon as they are whole, and not before', () => {
    const reply = Buffer.from('*2\r\n$3\r\nabc\r\n:15\r\n');
    const seen: Reply[] = [];
    const reader = new ReplyReader({ ok: () => {}, reply: (each) => seen.push(copy(each)) });
    for (let i = 0; i < reply.length; i++) {
      expect(seen).toHaveLength(0);
      reader.feed(reply.subarray(i, i + 1));
    }
    expect(seen).toEqual([[Buffer.from('abc'), 15n]]);
  });

  test('+OKs in a row are told together', () => {
    const counts: number[] = [];
    const reader = new ReplyReader({ ok: (count) => counts.push(count), reply: () => {} });
    reader.feed(Buffer.from('+OK\r\n'.repeat(1000)));
    expect(counts).toEqual([1000]);
  });

  test('a large one is put together once, and not anew with each of its pieces', () => {
    // 64 MB in pieces of 16 KB: to copy all that is there for each piece would be 130 GB.
    const bytes = 64 << 20;
    const piece = Buffer.alloc(16 << 10, 7);
    const seen: number[] = [];
    const reader = new ReplyReader({ ok: () => {}, reply: (reply) => seen.push((reply as Buffer).length) });
    const start = performance.now();
    reader.feed(Buffer.from(`$${bytes}\r\n`));
    for (let fed = 0; fed < bytes; fed += piece.length) reader.feed(piece);
    reader.feed(Buffer.from('\r\n+OK\r\n'));
    expect(seen).toEqual([bytes]);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  test('an array that is interrupted in a large string waits for all of that string', () => {
    const content = Buffer.alloc(100_000, 'x');
    const bytes = Buffer.concat([Buffer.from('*2\r\n:1\r\n$100000\r\n'), content, Buffer.from('\r\n')]);
    const pieces = [];
    for (let at = 0; at < bytes.length; at += 999) pieces.push(bytes.subarray(at, at + 999));
    expect(read(pieces)).toEqual([[1n, content]]);
  });
});

describe('what is no RESP2 is refused by name', () => {
  test.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n'],
    ['a reply of RESP3', '%1\r\n'],
    ['a TLS alert', '\x15\x03\x01\x00\x02\x02\n\r\n'],
    ['a line that ends without CR', '+OK\n'],
    ['a line of LF alone', '\n'],
    ['a number that is none', ':12a\r\n'],
    ['an empty number', ':\r\n'],
    ['a number of too many digits', ':12345678901234567890\r\n'],
    ['a length that is none', '$x\r\n'],
    ['a negative length', '$-2\r\n'],
    ['a length beyond what a server can hold', '$99999999999\r\n'],
    ['a negative count', '*-2\r\n'],
    ['arrays in arrays without end', '*1\r\n'.repeat(20)],
    ['a line without an end', `+${'x'.repeat(70_000)}`],
  ])('%s', (_, bytes) => {
    let error: unknown;
    try {
      readText(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: 'RESP_PROTOCOL' });
    expect((error as ProtocolError).message).toContain('no RESP2');
    expect((error as ProtocolError).message.length).toBeLessThan(200);
  });

  test('also where it comes in pieces', () => {
    expect(() => read(['+O', 'K', '\nrest'].map((text) => Buffer.from(text)))).toThrow(ProtocolError);
    const line = Array.from({ length: 80 }, () => Buffer.alloc(1000, 'x'));
    expect(() => read([Buffer.from('-'), ...line])).toThrow(ProtocolError);
  });

  test('behind replies that were told', () => {
    const seen: number[] = [];
    const reader = new ReplyReader({ ok: (count) => seen.push(count), reply: () => {} });
    expect(() => reader.feed(Buffer.from('+OK\r\n+OK\r\n!'.concat('\r\n')))).toThrow(ProtocolError);
    expect(seen).toEqual([2]);
  });

  test('a count of which nothing has come takes no memory', () => {
    expect(readText('*1000000000000\r\n:1\r\n')).toEqual([]);
  });
});
