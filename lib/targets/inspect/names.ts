// Names in a report: as they are, or as keyed hashes that say nothing but which of them are equal.
import { createHmac, randomBytes } from 'node:crypto';
import type { InspectName } from './report.ts';

/** Gives bytes of a file their name in a report. */
export type Namer = (bytes: Uint8Array) => InspectName;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const plainName: Namer = (bytes) => {
  try {
    return { text: utf8.decode(bytes) };
  } catch {
    let text = '';
    for (const byte of bytes) {
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
    }
    return { text, base64: Buffer.from(bytes).toString('base64') };
  }
};

/** Bytes of a hash in a name: enough that no two of a report are equal by chance. */
const HASH_BYTES = 8;

/**
 * Names of which every segment is a hash under a key that is drawn now and kept nowhere: equal segments have equal names
 * within a report, and nothing can be tried out against them. Separators stay.
 */
export function hashedNames(separators: Uint8Array): Namer {
  const secret = randomBytes(32);
  const hash = (segment: Uint8Array) =>
    `#${createHmac('sha256', secret)
      .update(segment)
      .digest('hex')
      .slice(0, 2 * HASH_BYTES)}`;
  return (bytes) => {
    let text = '';
    let start = 0;
    for (let at = 0; at <= bytes.length; at++) {
      const separator = at < bytes.length && separators.includes(bytes[at] as number);
      if (at < bytes.length && !separator) continue;
      if (at > start) text += hash(bytes.subarray(start, at));
      if (separator) text += String.fromCharCode(bytes[at] as number);
      start = at + 1;
    }
    return { text };
  };
}
