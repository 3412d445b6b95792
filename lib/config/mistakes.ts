// What is wrong in a configuration, or doubtful: each with file, line, column and key, all of it in one error.
import { quoteKey, UsageError } from '../errors.ts';
import { type KeyPath, lineAndColumn, type Place, placeOf } from './positions.ts';

/** Something to say about a setting. Never with a value of the file: it could be a password in the wrong place. */
export interface Finding {
  readonly path: KeyPath;
  /** What is wrong, and the mend. */
  readonly message: string;
  /** The key is meant, not its value. */
  readonly ofKey?: boolean;
  /** A password, or something that looks like one. */
  readonly secret?: boolean;
}

/** A finding with its place. */
export interface Remark {
  readonly file: string;
  /** From 1 on. */
  readonly line: number;
  /** In characters, from 1 on. */
  readonly column: number;
  /** The key with the tables around it: `targets.cache.rate`. */
  readonly key: string;
  readonly message: string;
}

/** The text of a configuration, and where things stand in it. */
export interface Source {
  readonly text: string;
  /** As people know it. */
  readonly file: string;
  readonly places: Place;
}

/** A configuration that cannot be used; its message has a line for each mistake. */
export class ConfigError extends UsageError {
  readonly mistakes: readonly Remark[];

  constructor(mistakes: readonly Remark[], code: string) {
    const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
    super(code, [`${count} in the configuration.`, ...mistakes.map(showRemark)].join('\n'), {
      where: mistakes[0]?.file,
    });
    this.mistakes = mistakes;
  }
}

/** `CONFIG_SECRET` when one of them is a secret, else `CONFIG_INVALID`; in the order of the file. */
export function configError(findings: readonly Finding[], source: Source): ConfigError {
  const code = findings.some(({ secret }) => secret) ? 'CONFIG_SECRET' : 'CONFIG_INVALID';
  return new ConfigError(remarksOf(findings, source), code);
}

/** Findings with their places, in the order of the file. */
export function remarksOf(findings: readonly Finding[], { text, file, places }: Source): Remark[] {
  return findings
    .map(({ path, message, ofKey }) => {
      const place = placeOf(places, path);
      const { start } = ofKey ? place.key : place.value;
      return { start, remark: { file, ...lineAndColumn(text, start), key: showPath(path), message } };
    })
    .sort((a, b) => a.start - b.start)
    .map(({ remark }) => remark);
}

/** One line: `keyferry.toml:12:8: targets.cache.rate: this is no rate. …` */
export function showRemark({ file, line, column, key, message }: Remark): string {
  return `${file}:${line}:${column}: ${key === '' ? '' : `${key}: `}${message}`;
}

function showPath(path: KeyPath): string {
  let shown = '';
  for (const part of path) {
    if (typeof part === 'number') shown += `[${part}]`;
    else shown += `${shown === '' ? '' : '.'}${showKey(String(part))}`;
  }
  return shown;
}

/** As it is written in TOML; what would break a line is escaped. */
export function showKey(key: string): string {
  return /^[\w-]+$/.test(key) ? key : quoteKey(Buffer.from(key));
}
