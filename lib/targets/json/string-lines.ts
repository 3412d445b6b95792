// Lines of plain strings by a kernel: most keys of most files, at a fraction of what the general way costs.
import type { BlockKernels } from '../../bytes/kernels.ts';
import type { RdbScanner } from '../../rdb/scanner.ts';
import type { JsonBuffer } from './json-buffer.ts';
import { TAIL_BYTES } from './json-lines.ts';

const STRING = 0;
const EXPIRE_MS = 0xfc;
/** The brace and the line feed. */
const LINE_END_BYTES = 2;
/** The opcode and the time. */
const EXPIRY_BYTES = 9;

export class StringLines {
  readonly #kernels: BlockKernels;
  readonly #out: JsonBuffer;
  readonly #limit: number;
  #db = -1;
  #headLength = 0;

  /** @param out its home has to be `kernels.lines` */
  constructor(kernels: BlockKernels, out: JsonBuffer, maxLineBytes: number) {
    this.#kernels = kernels;
    this.#out = out;
    // What is too long the general way is too long here.
    this.#limit = maxLineBytes - TAIL_BYTES + LINE_END_BYTES;
  }

  /**
   * Writes the lines of the strings that come next, and takes the scanner past them; it stops at whatever is not a plain
   * string that the block holds whole, and where the room ends.
   *
   * @param until no record that begins at this offset or behind is written
   * @returns the number of lines
   */
  write(scanner: RdbScanner, until: number): number {
    const { lines, answer } = this.#kernels;
    const out = this.#out;
    if (out.bytes !== lines || !stringNext(scanner, this.#kernels)) return 0;
    if (scanner.db !== this.#db) this.#takeDb(scanner.db);
    const { blockEnd, nextRecord } = scanner;
    const base = scanner.block.byteOffset;
    const stopped = this.#kernels.writeStrings(
      base + nextRecord,
      base + blockEnd,
      base + stopIndex(scanner, until),
      lines.byteOffset + out.at,
      lines.byteOffset + lines.length,
      this.#headLength,
      this.#limit,
    );
    const count = answer[2] as number;
    if (count === 0) return 0;
    out.at = (answer[1] as number) - lines.byteOffset;
    scanner.passTo(stopped - base);
    return count;
  }

  #takeDb(db: number): void {
    this.#db = db;
    this.#headLength = this.#kernels.head.write(`{"db":${db},"key":`, 'latin1');
  }
}

/** Whether a record that may be a string's begins where the scanner stands, in the kernel's memory. */
function stringNext(scanner: RdbScanner, kernels: BlockKernels): boolean {
  const { block, nextRecord: at } = scanner;
  if (!scanner.betweenRecords || block.buffer !== kernels.blocks.buffer) return false;
  const first = block[at];
  return first === STRING || (first === EXPIRE_MS && block[at + EXPIRY_BYTES] === STRING);
}

function stopIndex(scanner: RdbScanner, until: number): number {
  return Math.min(scanner.blockEnd, until - scanner.offsetOf(0));
}
