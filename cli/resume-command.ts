// The command that goes on with a job: what the user typed, quoted anew for a POSIX shell, without secrets.
import { basename, relative } from 'node:path';

export interface ResumeCommand {
  /** One line for a POSIX shell. */
  readonly command: string;
  /** A password stood in a URL and was left out. */
  readonly passwordLeftOut: boolean;
}

/**
 * @param argv  as `process.argv`: Node, the script, what the user wrote
 * @param without options that the resuming command must not have, such as `--fresh`
 */
export function resumeCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  without: readonly string[] = ['--fresh'],
): ResumeCommand {
  const [, script = 'keyferry', ...words] = argv;
  let passwordLeftOut = false;
  const kept: string[] = [];
  let literal = false;
  for (const word of words) {
    if (!literal && without.includes(word)) continue;
    if (word === '--') literal = true;
    const shown = withoutPassword(word);
    if (shown !== word) passwordLeftOut = true;
    kept.push(shown);
  }
  return { command: [...program(script, env), ...kept].map(quoteWord).join(' '), passwordLeftOut };
}

/** The words that start the tool as it was started now. */
function program(script: string, env: NodeJS.ProcessEnv): string[] {
  if (basename(script) === 'keyferry') return env.npm_lifecycle_event === 'npx' ? ['npx', 'keyferry'] : ['keyferry'];
  const near = relative(process.cwd(), script);
  return ['node', near.startsWith('..') ? script : near];
}

/** A word of a command line, `--option=URL` included, whose URL has lost its password. */
function withoutPassword(word: string): string {
  const match = /^((?:--[a-z-]+=)?[a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(word);
  const [, start = '', rest = ''] = match ?? [];
  const at = rest.lastIndexOf('@');
  const colon = rest.indexOf(':');
  if (match === null || at < 0 || colon < 0 || colon > at) return word;
  const user = rest.slice(0, colon);
  return `${start}${user === '' ? '' : `${user}@`}${rest.slice(at + 1)}`;
}

/** A word as a POSIX shell reads it back: in single quotes unless it is plain. */
export function quoteWord(word: string): string {
  // `=` is not plain at the beginning: zsh looks up a command by it.
  if (/^[\w@%+:,./-][\w@%+=:,./-]*$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
