// The largest of many, in the memory of those few: a heap whose root is the smallest that is still kept.

export class Largest<T> {
  readonly #most: number;
  readonly #heap: { value: number; item: T }[] = [];
  /** What is not larger is not kept: the root's value once the heap is full. */
  #floor = Number.NEGATIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a value of this size is to be kept as it stands. */
  takes(value: number): boolean {
    return value > this.#floor;
  }

  /** Of equal values the ones that came first stay. */
  add(value: number, item: T): void {
    if (!this.takes(value)) return;
    const heap = this.#heap;
    if (heap.length < this.#most) {
      heap.push({ value, item });
      this.#up(heap.length - 1);
    } else {
      heap[0] = { value, item };
      this.#down();
    }
    if (heap.length === this.#most) this.#floor = this.#value(0);
  }

  /** Largest first. */
  items(): T[] {
    return [...this.#heap].sort((a, b) => b.value - a.value).map(({ item }) => item);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#value(parent) <= this.#value(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(): void {
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (this.#value(child) < this.#value(least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #value(at: number): number {
    return this.#heap[at]?.value ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as { value: number; item: T }, heap[a] as { value: number; item: T }];
  }
}
