// Takes a scanner past whole key records by a kernel: where nobody wants to look at each of them.
import { type BlockKernels, giveBackBlockKernels, takeBlockKernels } from '../bytes/kernels.ts';
import type { Dialect } from './dialect.ts';
import { type Layout, Op } from './layouts.ts';
import type { RdbScanner } from './scanner.ts';
import type { ValueType } from './types.ts';

/** What the kernel knows; of other records the scanner finds the end. */
const SIMPLE = new Set<number>([Op.DONE, Op.STRING, Op.LENGTH, Op.BYTES, Op.TEXT_DOUBLE, Op.LOOP, Op.END, Op.VALUE]);

export class RecordSkipper {
  readonly #kernels: BlockKernels = takeBlockKernels();
  #dialect: Dialect | undefined;

  /** Where the scanner's blocks have to lie: others are left to it. */
  get blocks(): Buffer {
    return this.#kernels.blocks;
  }

  /**
   * Goes past records of the block that the scanner stands in.
   *
   * @param until no record that begins at this offset or behind is gone past
   * @param end   no record that ends behind this offset
   * @returns the number of records
   */
  skip(scanner: RdbScanner, until: number, end = Number.POSITIVE_INFINITY): number {
    const { block } = scanner;
    if (!scanner.betweenRecords || block.buffer !== this.#kernels.blocks.buffer) return 0;
    if (scanner.dialect !== this.#dialect) this.#learn(scanner.dialect as Dialect);
    const base = block.byteOffset;
    const start = scanner.offsetOf(0);
    const to = this.#kernels.skipRecords(
      base + scanner.nextRecord,
      base + Math.min(scanner.blockEnd, end - start),
      base + Math.min(scanner.blockEnd, until - start),
    );
    const count = this.#kernels.skipAnswer[0] as number;
    if (count > 0) scanner.passTo(to - base);
    return count;
  }

  /** How many of the records of the last call had an expiry, an idle time, a frequency. */
  get last(): { readonly expires: number; readonly idle: number; readonly freq: number } {
    const [, expires = 0, idle = 0, freq = 0] = this.#kernels.skipAnswer;
    return { expires, idle, freq };
  }

  /** Of all calls: bytes of the largest record. */
  get largest(): number {
    return this.#kernels.skipAnswer[4] as number;
  }

  /** Of all calls: the types of the values, with the numbers of keys and the bytes of their records. */
  types(): { readonly type: ValueType; readonly keys: number; readonly bytes: number }[] {
    const { skippedKeys, skippedBytes } = this.#kernels;
    return (this.#dialect?.types ?? []).flatMap((type, code) => {
      const keys = Number(skippedKeys[code]);
      return type === undefined || keys === 0 ? [] : [{ type, keys, bytes: Number(skippedBytes[code]) }];
    });
  }

  /** Lets go of its memory: no read into {@link blocks} may be under way. */
  end(): void {
    giveBackBlockKernels(this.#kernels);
  }

  #learn(dialect: Dialect): void {
    this.#dialect = dialect;
    const { layoutTable, layouts } = this.#kernels;
    const places = new Map<Layout, number>();
    let free = 1; // 0 says that there is none
    layoutTable.fill(0);
    for (const [code, type] of dialect.types.entries()) {
      if (type === undefined || !isSimple(type.layout)) continue;
      let place = places.get(type.layout);
      if (place === undefined) {
        place = free;
        layouts.set(type.layout, place);
        places.set(type.layout, place);
        free += type.layout.length;
      }
      layoutTable[code] = place;
    }
  }
}

function isSimple(layout: Layout): boolean {
  for (let at = 0; at < layout.length; at += 2) if (!SIMPLE.has(layout[at] as number)) return false;
  return true;
}
