// Tells what an input is by its first bytes; names can lie.
import { InputError } from '../errors.ts';

export type InputFormat = 'rdb' | 'gzip' | 'zstd';

/** As many bytes as {@link detectFormat} looks at. */
export const FORMAT_HEAD_BYTES = 16;

/**
 * @param head the input's first {@link FORMAT_HEAD_BYTES} bytes, fewer where it is shorter
 * @throws {InputError} `INPUT_EMPTY`, `INPUT_LZ4`, `INPUT_AOF` or `INPUT_NOT_RDB`, saying what it looks like instead
 */
export function detectFormat(name: string, head: Buffer): InputFormat {
  if (head.length === 0) {
    throw new InputError('INPUT_EMPTY', 'the file is empty.', {
      where: name,
      remedy: 'The copy may have failed, or the server is still saving under another name: look at the source.',
    });
  }
  const text = head.toString('latin1');
  if (text.startsWith('REDIS') || text.startsWith('VALKEY')) return 'rdb';
  const packing = packingOf(head);
  if (packing !== undefined) return packing;
  if (text.startsWith('VKCS')) {
    throw new InputError('INPUT_LZ4', 'this RDB is wrapped in LZ4 by Valkey 9.2, which keyferry does not read.', {
      where: name,
      remedy: 'Save it with `CONFIG SET rdbcompression yes` instead of lz4.',
    });
  }
  // Since Redis 7.0 the commands may have times between them.
  if (text.startsWith('*') || text.startsWith('#TS:')) {
    throw new InputError('INPUT_AOF', 'this is an append-only file without an RDB preamble.', {
      where: name,
      remedy: 'Load it into a redis-server of your own, SAVE there, and restore that RDB.',
    });
  }
  throw new InputError('INPUT_NOT_RDB', `this is not an RDB file${looksLike(text)}.`, {
    where: name,
    remedy: 'An RDB begins with REDIS or VALKEY; .gz and .zst of one are taken as well.',
  });
}

/** How bytes that begin so are packed, whatever is in them; `undefined` where they are not. */
export function packingOf(head: Buffer): 'gzip' | 'zstd' | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  return head.length >= 4 && beginsZstd(head.readUInt32LE(0)) ? 'zstd' : undefined;
}

/** A frame, or a skippable one: pzstd begins with such (RFC 8878, 3.1). */
function beginsZstd(magic: number): boolean {
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) === 0x184d2a50;
}

function looksLike(text: string): string {
  if (/^\s*[[{]/.test(text)) return ': it looks like JSON';
  if (text.startsWith('PK')) return ': it looks like a ZIP archive';
  if (text.startsWith('BZh')) return ': it looks like bzip2';
  if (text.startsWith('\xfd7zXZ')) return ': it looks like xz';
  if (text.startsWith('$EOF:') || /^\$\d+\r\n/.test(text)) return ': it looks like a captured replication stream';
  return ` (it begins with ${JSON.stringify(text.slice(0, 9))})`;
}
