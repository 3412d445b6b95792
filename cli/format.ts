// Numbers and names as people read them on a screen.
import { formatCount } from '../lib/text/count.ts';

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const COUNT_UNITS = ['', 'k', 'M', 'G'];

/** Bytes with three digits and a decimal unit: `170 MB`, `1.20 GB`, `94 B`. */
export function formatBytes(bytes: number): string {
  const [digits, unit] = scaled(bytes, BYTE_UNITS);
  return `${digits} ${unit}`;
}

export { formatCount };

/** A number with three digits for places where a rough one will do: `462k`, `1.20M`, `999`. */
export function formatRough(value: number): string {
  return scaled(value, COUNT_UNITS).join('');
}

function scaled(value: number, units: readonly string[]): [digits: string, unit: string] {
  let rest = value;
  let unit = 0;
  // 999.5 would be shown as 1000: it belongs to the next unit.
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const decimals = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return [rest.toFixed(decimals), units[unit] as string];
}

/** Seconds in words: `0.4 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `1 d 3 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Seconds as a clock, for a place where the width must not jump: `0:42`, `3:20`, `2:05:00`. */
export function formatClock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `1 key`, `2 keys`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text from a file or a server without what would steer a terminal: control and direction characters are escaped. Line
 * ends stay.
 */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{3ffff}]/u;

/** Columns that text takes on a terminal, near enough: East Asian and pictorial characters take two. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/** Text in at most so many columns: what is too long loses its middle. */
export function shorten(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 2) return '';
  const characters = [...text];
  const front = Math.ceil((columns - 1) / 2);
  let head = '';
  for (const character of characters) {
    if (columnsOf(head + character) > front) break;
    head += character;
  }
  let tail = '';
  for (const character of characters.reverse()) {
    if (columnsOf(head) + 1 + columnsOf(character + tail) > columns) break;
    tail = character + tail;
  }
  return `${head}…${tail}`;
}
