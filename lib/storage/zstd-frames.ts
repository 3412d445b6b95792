// Cuts a zstd stream where its frames end: Node's decompressor drops what follows a frame in the same piece.
//
// Files of several frames are common: pzstd writes them, and so does `cat a.zst b.zst`. Only frame and block headers are
// looked at here; whether what is in them is sound is for the decompressor to say.
import { InputError } from '../errors.ts';

/** First four bytes, little endian, of a frame, and of a skippable one but for its lowest four bits (RFC 8878, 3.1). */
const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const RLE_BLOCK = 1;
const CHECKSUM_BYTES = 4;

/** Bytes of the dictionary id and of the content size, by their flags (RFC 8878, 3.1.1.1). */
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

/** What the header that is being read belongs to. */
type Part = 'frame' | 'descriptor' | 'skippable' | 'block';

const HEADER_BYTES: Readonly<Record<Part, number>> = { frame: 4, descriptor: 1, skippable: 4, block: 3 };

/**
 * Gives the bytes of the input in pieces none of which goes beyond the end of a frame.
 *
 * @param name what people call the input
 * @throws {InputError} `INPUT_COMPRESSION` where a frame should begin and none does
 */
export async function* zstdFrames(name: string, input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const walk = new FrameWalk(name);
  for await (const piece of input) {
    let from = 0;
    while (from < piece.length) {
      const to = walk.toFrameEnd(piece, from);
      yield piece.subarray(from, to);
      from = to;
    }
  }
}

/** Where in which frame the stream is; it may be cut at any byte. */
class FrameWalk {
  readonly #name: string;
  #part: Part = 'frame';
  /** The header so far, as a number, little endian. */
  #header = 0;
  #headerBytes = 0;
  /** Bytes up to the next header. */
  #skip = 0;
  #checksum = false;
  /** The frame ends behind #skip. */
  #last = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** Goes on from `from`; gives where the frame ends, or the piece. */
  toFrameEnd(piece: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const skipped = Math.min(this.#skip, piece.length - at);
      at += skipped;
      this.#skip -= skipped;
      if (this.#skip > 0) return at;
      if (this.#last) {
        this.#last = false;
        return at;
      }
      while (this.#headerBytes < HEADER_BYTES[this.#part]) {
        if (at === piece.length) return at;
        this.#header += (piece[at++] as number) * 2 ** (8 * this.#headerBytes++);
      }
      this.#take(this.#header);
      this.#header = 0;
      this.#headerBytes = 0;
    }
  }

  #take(header: number): void {
    switch (this.#part) {
      case 'frame':
        if (header === FRAME) this.#part = 'descriptor';
        else if ((header & 0xfffffff0) === SKIPPABLE) this.#part = 'skippable';
        else {
          throw new InputError('INPUT_COMPRESSION', 'the compressed data is followed by something else, or damaged.', {
            where: this.#name,
            remedy: 'Compare the size with the source and fetch it again. Nothing was written to the target.',
          });
        }
        return;
      case 'skippable':
        this.#part = 'frame';
        this.#skip = header;
        this.#last = true;
        return;
      case 'descriptor': {
        const single = (header & 0x20) !== 0;
        const sizeFlag = header >> 6;
        const windowBytes = single ? 0 : 1;
        const sizeBytes = single && sizeFlag === 0 ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] as number);
        this.#part = 'block';
        this.#skip = windowBytes + (DICTIONARY_BYTES[header & 3] as number) + sizeBytes;
        this.#checksum = (header & 0x04) !== 0;
        return;
      }
      case 'block':
        this.#skip = ((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3;
        if ((header & 1) === 0) return;
        this.#skip += this.#checksum ? CHECKSUM_BYTES : 0;
        this.#part = 'frame';
        this.#last = true;
    }
  }
}
