// A string in parts: as it is, as a number, or compressed.
import { stringEncoding } from '../strings.ts';
import type { ArrivingBytes } from './arriving-bytes.ts';
import { LzfStream } from './lzf-stream.ts';

/**
 * Pieces of the string, in order; an empty string is one empty piece.
 *
 * @param partBytes the most that a piece holds; 264 where the string is compressed and this is less
 * @throws {RdbError} for damage
 */
export async function* stringParts(bytes: ArrivingBytes, partBytes: number): AsyncGenerator<Buffer, void, undefined> {
  switch (stringEncoding(await bytes.peek())) {
    case 'raw':
      yield* plainParts(bytes, partBytes);
      break;
    case 'lzf':
      yield* expandedParts(bytes, partBytes);
      break;
    default:
      yield (await bytes.one(['string'])).string();
  }
  await bytes.expectEnd('the string');
}

async function* plainParts(bytes: ArrivingBytes, partBytes: number): AsyncGenerator<Buffer, void, undefined> {
  let left = await bytes.length();
  if (left === 0) yield Buffer.alloc(0);
  while (left > 0) {
    const part = await bytes.some(Math.min(left, partBytes));
    left -= part.length;
    yield part;
  }
}

async function* expandedParts(bytes: ArrivingBytes, partBytes: number): AsyncGenerator<Buffer, void, undefined> {
  const head = await bytes.one([1, 'length', 'length']);
  head.take(1);
  let left = head.length();
  const length = head.length();
  const stream = new LzfStream(length, partBytes);
  while (left > 0) {
    const { cursor: tokens } = await bytes.run(['lzf-token'], left);
    if (tokens.left > left) throw tokens.error('an LZF block is damaged: it is shorter than its tokens', 0, 'RDB_LZF');
    left -= tokens.left;
    yield* stream.expand(tokens);
  }
  const last = stream.finish(head);
  if (last.length > 0 || length === 0) yield last;
}
