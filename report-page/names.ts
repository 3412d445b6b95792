// Names of keys, prefixes and files as text that is safe to look at: what is invisible or turns the text around is escaped.
import type { InspectName } from '../lib/targets/inspect/report.ts';

/** Characters of a name that are shown; what is longer keeps its beginning and its end. */
export const LONGEST_NAME = 400;
const KEPT_END = 80;

const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/** Text in which control and direction characters, line ends among them, are escapes: `a\x0ab`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** {@link visible}, and without its middle where it is longer than `longest` characters. */
export function shown(text: string, longest = LONGEST_NAME): string {
  // A character takes at most two units and no name needs more than its ends: a megabyte is not to be split.
  if (text.length <= longest) return visible(text);
  const end = Math.min(KEPT_END, Math.floor(longest / 4));
  const head = [...text.slice(0, 2 * longest)].slice(0, longest - end - 1).join('');
  const tail = [...text.slice(-2 * end)].slice(-end).join('');
  return visible(head.length + tail.length >= text.length ? text : `${head}…${tail}`);
}

/** What stands for a name with nothing in it. */
export function nameText(name: InspectName, empty: string): string {
  return name.text === '' ? empty : shown(name.text);
}
