// Compares two sequences element by element, in order.

/** True when both have equally many elements and `same` holds for each pair. Stops at the first difference. */
export function sameSequence<T>(
  ours: Iterable<T>,
  theirs: Iterable<T>,
  same: (ours: T, theirs: T) => boolean,
): boolean {
  const iterator = theirs[Symbol.iterator]();
  for (const element of ours) {
    const other = iterator.next();
    if (other.done === true || !same(element, other.value)) return false;
  }
  return iterator.next().done === true;
}
