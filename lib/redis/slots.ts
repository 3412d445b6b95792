// Slots of a cluster: the one that a key belongs to, and for each a tag that puts other keys there too.
import { crc16, crc16Step } from '../bytes/crc16.ts';

/** Slots of every cluster (cluster specification). */
export const SLOTS = 16_384;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * The slot of the key `bytes[start, end)`: of what stands between its first `{` and the next `}` where that is not empty,
 * else of all of it.
 *
 * @see https://valkey.io/topics/cluster-spec/ (hash tags)
 */
export function keySlot(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const open = find(OPEN, bytes, start, end);
  const close = find(CLOSE, bytes, open + 1, end);
  const tagged = close < end && close > open + 1;
  return crc16(bytes, tagged ? open + 1 : start, tagged ? close : end) % SLOTS;
}

/** Where the byte is in `bytes[start, end)`, `end` for nowhere. Keys are short: a loop beats a call of `indexOf`. */
function find(byte: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== byte) at++;
  return Math.min(at, end);
}

let tags: string[] | undefined;

/** One to three letters and digits whose slot is this one: `{tag}` at the beginning of a key puts it there. */
export function slotTag(slot: number): string {
  tags ??= findTags();
  return tags[slot] as string;
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The first tag of each slot, in the order of length and alphabet; those of three characters reach the last slot. */
function findTags(): string[] {
  const found = new Array<string>(SLOTS).fill('');
  let left = SLOTS;
  const extend = (tag: string, crc: number, characters: number): void => {
    for (let i = 0; i < LETTERS.length && left > 0; i++) {
      const next = crc16Step(crc, LETTERS.charCodeAt(i));
      if (characters > 1) {
        extend(tag + LETTERS[i], next, characters - 1);
      } else if (found[next % SLOTS] === '') {
        found[next % SLOTS] = tag + LETTERS[i];
        left--;
      }
    }
  };
  for (let characters = 1; left > 0; characters++) extend('', 0, characters);
  return found;
}
