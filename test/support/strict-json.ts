// What python3's JSON parser, made strict, says of lines: a second opinion in another language.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('strict-json.py', import.meta.url));

/** A note to append to the title of a test that is skipped, empty where there is a python3. */
export const pythonLacks = spawnSync('python3', ['--version']).status === 0 ? '' : ' [skipped: no python3 here]';

/**
 * How many lines there are: each UTF-8, one object, no name twice in it, no NaN or Infinity, no half surrogate pairs, no
 * whole number beyond ±(2^53 − 1).
 *
 * @throws {Error} what is wrong, with the number of the line
 */
export function strictLines(text: Uint8Array): number {
  const { status, stdout, stderr } = spawnSync('python3', [SCRIPT], { input: text, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.trim());
  return Number(stdout);
}
