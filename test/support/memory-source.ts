// Bytes in memory as a source, for tests of what reads one.
import type { ByteSource } from '../../lib/storage/byte-source.ts';

export interface MemorySource extends ByteSource {
  /** Each range that was read, in order. */
  readonly reads: (readonly [start: number, end: number])[];
  closed: boolean;
}

export function memorySource(bytes: Buffer): MemorySource {
  const reads: [number, number][] = [];
  return {
    name: 'memory',
    size: bytes.length,
    pin: { size: bytes.length },
    reads,
    closed: false,
    async read(start, end, into = Buffer.alloc(end - start)) {
      reads.push([start, end]);
      bytes.copy(into, 0, start, end);
      return into;
    },
    async close() {
      this.closed = true;
    },
  };
}
