// Seeded randomness for tests: the same seed gives the same run, and a failure can say which one it was.

/**
 * How often a property or fault test repeats: `sample` times where `KEYFERRY_RUNS` is not set, which `npm test` can
 * afford; `full` times where it is `full`, as `npm run test:deep` sets it; else as many times as it says.
 */
export function runs(sample: number, full = sample): number {
  return process.env.KEYFERRY_RUNS === 'full' ? full : (fromEnvironment('KEYFERRY_RUNS') ?? sample);
}

/** The seed of a random test: the variable `KEYFERRY_SEED` where it is set, to run a reported failure again. */
export function seedOr(fixed: number): number {
  return fromEnvironment('KEYFERRY_SEED') ?? fixed;
}

function fromEnvironment(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is to be a whole number, not "${text}"`);
  return value;
}

/** A stream of pseudo-random numbers (sfc32: 128 bits of state, no correlation between neighbouring seeds). */
export class Random {
  readonly seed: number;
  #a: number;
  #b = 0x9e3779b9 | 0;
  #c = 0x243f6a88 | 0;
  #counter = 1;

  constructor(seed: number) {
    this.seed = seed;
    this.#a = seed | 0;
    this.#b ^= Math.floor(seed / 2 ** 32) | 0;
    for (let i = 0; i < 16; i++) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** At least 0, below 1, in steps of 2^-32. */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number from `lowest` to `highest`, both included; the two are less than 2^53 apart. */
  int(lowest: number, highest: number): number {
    const range = highest - lowest + 1;
    const upper = range > 2 ** 32 ? this.uint32() & 0x1fffff : 0;
    const wide = upper * 2 ** 32 + this.uint32();
    return lowest + (range > 2 ** 32 ? wide % range : Math.floor((wide / 2 ** 32) * range));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error('nothing to pick from');
    return choices[this.int(0, choices.length - 1)] as T;
  }

  /** Incompressible bytes. */
  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    for (; at + 4 <= length; at += 4) bytes.writeUInt32LE(this.uint32(), at);
    for (; at < length; at++) bytes[at] = this.uint32() & 0xff;
    return bytes;
  }

  /** Lower-case words of a small vocabulary, `length` characters: what LZF likes. */
  text(length: number): string {
    let text = '';
    while (text.length < length) text += `${this.pick(WORDS)} `;
    return text.slice(0, length);
  }

  /** The items in another order; the argument stays as it is. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }

  /** A stream of its own for a part of the work, so that more numbers drawn in one part leave the others as they were. */
  fork(label: string): Random {
    let hash = this.seed | 0;
    for (const character of label) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
    return new Random(hash >>> 0);
  }
}

const WORDS = 'anchor barge cargo dock ebb ferry gale harbour inlet jetty keel lantern mast net oar pier'.split(' ');
