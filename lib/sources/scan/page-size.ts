// How many names a page should have: as many as the server finds in a moment.

const FIRST_KEYS = 512;
const FEWEST_KEYS = 16;
const MOST_KEYS = 4096;
/** A server that looks for names answers nobody else meanwhile. */
const LONGEST_MS = 25;
const SHORTEST_MS = 10;

/** SCAN's COUNT, adapted to how long the last pages took. */
export class PageSize {
  #keys: number;
  readonly #most: number;

  /** @param most names a page at most */
  constructor(most = MOST_KEYS) {
    this.#most = most;
    this.#keys = Math.min(FIRST_KEYS, most);
  }

  get count(): number {
    return this.#keys;
  }

  /** Learns how long a page took, in ms. */
  learn(ms: number): void {
    if (ms > LONGEST_MS) this.#keys = Math.max(Math.min(FEWEST_KEYS, this.#most), this.#keys >> 1);
    else if (ms < SHORTEST_MS) this.#keys = Math.min(this.#most, this.#keys * 2);
  }
}
