// Frames the questions about many keys: the same few commands for each, in one piece of bytes.
import { ARGUMENT_OVERHEAD_BYTES, ascii, FrameWriter } from '../../resp/frame-writer.ts';

/** A command whose last argument is the key. */
export interface KeyCommand {
  readonly head: Buffer;
  /** What follows the key. */
  readonly tail: Buffer;
}

/** The command with these words before the key, and those behind it. */
export function keyCommand(words: readonly string[], after: readonly string[] = []): KeyCommand {
  const framed = (word: string) => `$${word.length}\r\n${word}\r\n`;
  const head = `*${words.length + 1 + after.length}\r\n${words.map(framed).join('')}`;
  return { head: ascii(head), tail: ascii(after.map(framed).join('')) };
}

/** All commands for the first key, then for the second, and so on. */
export function askKeys(keys: readonly Buffer[], commands: readonly KeyCommand[]): Buffer {
  const fixed = commands.reduce((sum, { head, tail }) => sum + head.length + tail.length + ARGUMENT_OVERHEAD_BYTES, 0);
  const names = keys.reduce((sum, key) => sum + key.length, 0);
  const frame = new FrameWriter(Buffer.allocUnsafe(keys.length * fixed + names * commands.length));
  for (const key of keys) {
    for (const { head, tail } of commands) {
      frame.raw(head);
      frame.bulk(key);
      frame.raw(tail);
    }
  }
  return frame.buffer.subarray(0, frame.at);
}
