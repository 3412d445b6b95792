// How many bytes an allocator takes for a request: allocators hand out sizes of a few classes only.

/**
 * `jemalloc`: as Redis and Valkey bring it along (official images, builds from source), with classes 8 bytes apart.
 * `jemalloc-16`: as Debian and Ubuntu package it, 16 bytes apart. `libc`: glibc's malloc.
 */
export type AllocatorName = 'jemalloc' | 'jemalloc-16' | 'libc';

export const ALLOCATORS: readonly AllocatorName[] = ['jemalloc', 'jemalloc-16', 'libc'];

/** The usable bytes behind a request of so many, as `malloc_usable_size` has them. */
export type Allocate = (bytes: number) => number;

/** Requests below are answered from a table. */
const TABLE_BYTES = 1024;

export function allocatorOf(name: AllocatorName): Allocate {
  const classOf = CLASSES[name];
  const table = Int32Array.from({ length: TABLE_BYTES }, (_, bytes) => classOf(bytes));
  return (bytes) => (bytes < TABLE_BYTES ? (table[bytes] as number) : classOf(bytes));
}

const CLASSES: Readonly<Record<AllocatorName, Allocate>> = {
  jemalloc: (bytes) => jemallocClass(bytes, 8),
  'jemalloc-16': (bytes) => jemallocClass(bytes, 16),
  // A chunk has a header of 8 bytes, is a multiple of 16, and of 32 at least.
  libc: (bytes) => Math.max(32, Math.ceil((bytes + 8) / 16) * 16) - 8,
};

/** Four classes between two powers of two, none closer than the quantum (jemalloc's size_classes). */
function jemallocClass(bytes: number, quantum: number): number {
  if (bytes <= 8) return 8;
  const step = Math.max(quantum, 2 ** (Math.ceil(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}
