// A zstd stream is cut where its frames end, however it arrives.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import { zstdFrames } from '../../lib/storage/zstd-frames.ts';
import { Random, runs, seedOr } from '../support/random.ts';

const SEED = seedOr(20261123);

/** The pieces that come out of these. */
async function cut(pieces: readonly Buffer[]): Promise<Buffer[]> {
  const source = async function* () {
    yield* pieces;
  };
  const result: Buffer[] = [];
  for await (const piece of zstdFrames('input', source())) result.push(piece);
  return result;
}

function randomFrame(random: Random): { frame: Buffer; content: Buffer | undefined } {
  if (random.chance(0.2)) {
    const skipped = random.bytes(random.int(0, 300));
    const head = Buffer.alloc(8);
    head.writeUInt32LE(0x184d2a50 + random.int(0, 15), 0);
    head.writeUInt32LE(skipped.length, 4);
    return { frame: Buffer.concat([head, skipped]), content: undefined };
  }
  // Stored, compressed and repeating blocks; of 128 KiB each, so that some frames have several.
  const size = Math.floor(400_000 ** random.fraction());
  const content = random.pick([
    () => random.bytes(size),
    () => Buffer.from(random.text(size)),
    () => Buffer.alloc(size, 7),
  ])();
  const params = {
    [constants.ZSTD_c_checksumFlag]: random.int(0, 1),
    [constants.ZSTD_c_contentSizeFlag]: random.int(0, 1),
    [constants.ZSTD_c_compressionLevel]: random.pick([-5, 1, 3]),
  };
  return { frame: zstdCompressSync(content, { params }), content };
}

test('every frame ends with a piece, however the input is cut', async () => {
  const random = new Random(SEED);
  for (let run = 0; run < runs(30, 500); run++) {
    const frames = Array.from({ length: random.int(1, 6) }, () => randomFrame(random));
    const whole = Buffer.concat(frames.map(({ frame }) => frame));
    const largest = random.pick([3, 100, 10_000, 1_000_000]);
    const pieces: Buffer[] = [];
    for (let at = 0; at < whole.length; ) {
      const size = random.int(1, largest);
      pieces.push(whole.subarray(at, at + size));
      at += size;
    }
    const given = await cut(pieces);
    const note = `seed ${SEED}, run ${run}`;
    expect(Buffer.concat(given).equals(whole), note).toBe(true);
    const ends = new Set<number>();
    let at = 0;
    for (const piece of given) {
      at += piece.length;
      ends.add(at);
    }
    let end = 0;
    for (const { frame, content } of frames) {
      const start = end;
      end += frame.length;
      expect(ends.has(end), `${note}: a piece ends at ${end}`).toBe(true);
      if (content !== undefined) expect(zstdDecompressSync(whole.subarray(start, end)).equals(content)).toBe(true);
    }
  }
});

test('what is no frame is refused, at the beginning and behind a frame', async () => {
  const frame = zstdCompressSync(Buffer.from('content'));
  for (const pieces of [
    [Buffer.from('nonsense')],
    [frame, Buffer.from('nonsense')],
    [Buffer.concat([frame, frame, Buffer.alloc(4)])],
  ]) {
    const error = await cut(pieces).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code: 'INPUT_COMPRESSION', where: 'input' });
  }
});

test('a frame that is cut off is passed on: the decompressor will tell', async () => {
  const frame = zstdCompressSync(Buffer.from('content '.repeat(50)));
  for (let end = 1; end < frame.length; end++) {
    expect(Buffer.concat(await cut([frame.subarray(0, end)])).equals(frame.subarray(0, end))).toBe(true);
  }
});
