// How a master frames the RDB that it sends: with its length before it, or with a mark of 40 bytes before and behind it.
import { SourceError } from '../../errors.ts';
import type { Bytes } from './link.ts';

/** `$<length>` from a file, `$EOF:<mark>` without one (repl-diskless-sync), as the line before the RDB says. */
export type Framing = { readonly bytes: number } | { readonly mark: Buffer };

/** As CONFIG_RUN_ID_SIZE has it. */
const MARK_BYTES = 40;

/** @throws {SourceError} `SOURCE_PROTOCOL` for a line that says neither */
export function parseFraming(line: string, where: string): Framing {
  const mark = /^\$EOF:(.*)$/s.exec(line)?.[1];
  if (mark !== undefined && mark.length === MARK_BYTES) return { mark: Buffer.from(mark, 'latin1') };
  const length = /^\$(\d{1,15})$/.exec(line)?.[1];
  if (length !== undefined) return { bytes: Number(length) };
  if (line.startsWith('-')) {
    throw new SourceError('SOURCE_SAVE_FAILED', `the source could not make an RDB. It said: ${line.slice(1)}`, {
      where,
      remedy: 'Its log says why: a fork needs memory, a file on its disk needs room.',
    });
  }
  throw new SourceError('SOURCE_PROTOCOL', `where the RDB should begin the source sent ${JSON.stringify(line)}.`, {
    where,
  });
}

/**
 * The RDB's bytes, in pieces as they arrive, each good until the next; what follows it is given back to `input`.
 *
 * @param whole asked where the mark stands: whether the RDB up to there has reached its end. The same bytes within the
 * data are data. By default the first mark is believed, as servers do.
 */
export async function* payload(
  input: Bytes,
  framing: Framing,
  whole: () => boolean = () => true,
): AsyncGenerator<Buffer, void, undefined> {
  if ('bytes' in framing) yield* counted(input, framing.bytes);
  else yield* marked(input, framing.mark, whole);
}

async function* counted(input: Bytes, bytes: number): AsyncGenerator<Buffer, void, undefined> {
  for (let left = bytes; left > 0; ) {
    const piece = await input.read();
    input.unread(piece.subarray(left));
    yield piece.subarray(0, left);
    left -= Math.min(left, piece.length);
  }
}

async function* marked(input: Bytes, mark: Buffer, whole: () => boolean): AsyncGenerator<Buffer, void, undefined> {
  /** What may be the beginning of the mark. */
  let begun = mark.subarray(0, 0);
  for (;;) {
    const piece = await input.read();
    const bytes = begun.length === 0 ? piece : Buffer.concat([begun, piece]);
    let from = 0;
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, from)) {
      if (at > from) yield bytes.subarray(from, at);
      if (whole()) {
        input.unread(bytes.subarray(at + mark.length));
        return;
      }
      // The mark may overlap itself.
      yield bytes.subarray(at, at + 1);
      from = at + 1;
    }
    const end = bytes.length - beginningAtEnd(bytes.subarray(from), mark);
    if (end > from) yield bytes.subarray(from, end);
    begun = Buffer.from(bytes.subarray(end));
  }
}

/** How many of the last bytes are the first ones of the mark; fewer than all of it. */
function beginningAtEnd(bytes: Buffer, mark: Buffer): number {
  let count = Math.min(bytes.length, mark.length - 1);
  while (count > 0 && bytes.compare(mark, 0, count, bytes.length - count) !== 0) count--;
  return count;
}
