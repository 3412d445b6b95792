// Reads names of keys from a file: one a line, as RedisShake's scan.key_file has them.
import { createReadStream } from 'node:fs';
import { openFile } from '../../storage/file-source.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const PAGE_KEYS = 1000;

export interface NamePage {
  readonly keys: readonly Buffer[];
  /** Offset in the file behind the last of them. */
  readonly to: number;
}

/**
 * Pages of names from an offset on; empty lines are no names.
 *
 * @throws {InputError} when the file can't be read
 */
export async function* keyList(path: string, from: number): AsyncGenerator<NamePage, void, undefined> {
  // A file that is not there, or is none, is told as everywhere.
  await (await openFile(path)).close();
  let rest: Buffer = Buffer.alloc(0);
  let keys: Buffer[] = [];
  let at = from;
  const take = (line: Buffer) => {
    const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
    if (end > 0) keys.push(line.subarray(0, end));
  };
  for await (const piece of createReadStream(path, { start: from }) as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      take(bytes.subarray(start, end));
      at += end + 1 - start;
      start = end + 1;
      if (keys.length < PAGE_KEYS) continue;
      yield { keys, to: at };
      keys = [];
    }
    rest = bytes.subarray(start);
  }
  take(rest);
  yield { keys, to: at + rest.length };
}
