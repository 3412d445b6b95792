// Keys as accumulators take them, made for tests.
import type { InspectedKey } from '../../../lib/targets/inspect/counts.ts';

export function inspectedKey(name: string | Buffer, rest: Partial<InspectedKey> = {}): InspectedKey {
  const bytes = Buffer.from(name as string);
  return {
    db: 0,
    type: 'string',
    encoding: 'raw',
    bytes,
    start: 0,
    end: bytes.length,
    recordBytes: 10,
    valueBytes: 5,
    memory: 100,
    elements: 1,
    expireAt: Number.NaN,
    idle: -1,
    freq: -1,
    ...rest,
  };
}
