// How a command shows itself: chosen from its flags, its streams and the environment.
import type { ErrorLook } from './error-view.ts';
import type { Io } from './io.ts';
import type { DisplayMode } from './progress-display.ts';
import type { Look } from './progress-view.ts';
import { styleFor } from './style.ts';

export function displayMode(flags: { json?: boolean; quiet?: boolean }, { stderr, env }: Io): DisplayMode {
  if (flags.quiet) return 'none';
  if (flags.json) return 'json';
  return stderr.isTTY === true && env.TERM !== 'dumb' ? 'live' : 'lines';
}

export function displayLook({ stderr, env }: Io): Look {
  return { style: styleFor(stderr, env), unicode: showsUnicode(env) };
}

/** How errors look on standard error. */
export function errorLook({ stderr, env }: Io): ErrorLook {
  return { style: styleFor(stderr, env), debug: env.KEYFERRY_DEBUG === '1' };
}

/** Whether characters beyond ASCII can be trusted to show: as the locale says, and as is usual where there is none. */
export function showsUnicode(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  return locale ? /utf-?8/i.test(locale) : platform === 'darwin' || platform === 'win32';
}
