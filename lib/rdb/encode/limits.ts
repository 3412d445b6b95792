// Up to where collections are written in one packed block: below what servers keep packed unless configured otherwise.
//
// A server that is configured otherwise takes both forms, and chooses its own encoding as it loads them.

/** Members of a set or sorted set, fields of a hash. Hashes would be kept packed up to 512. */
const MOST_ENTRIES = 128;
/** Bytes of a member, field or value. */
const LONGEST_ENTRY = 64;

/** True for a collection that is packed: of few elements, each of them short. An empty one is not. */
export function isSmall<T>(elements: readonly T[], isShortElement: (element: T) => boolean): boolean {
  return elements.length > 0 && elements.length <= MOST_ENTRIES && elements.every(isShortElement);
}

export function isShort(bytes: Uint8Array): boolean {
  return bytes.length <= LONGEST_ENTRY;
}
