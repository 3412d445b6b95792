// Reads keyferry.toml: all its mistakes in one error, its doubts beside what it says.
import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { UsageError } from '../errors.ts';
import { explain } from './explain.ts';
import { configJsonSchema } from './json-schema.ts';
import { ConfigError, configError, type Finding, type Remark, remarksOf, type Source } from './mistakes.ts';
import { findPlaces, type KeyPath } from './positions.ts';
import { type Config, resolveConfig } from './resolve.ts';
import { contradictions, doubts } from './rules.ts';
import { configSchema } from './schema.ts';
import { literalSecrets } from './secrets.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** What can be deployed, but will probably not do what is meant. In the order of the file. */
  readonly warnings: readonly Remark[];
}

/** Tables and lists in each other; the schema has no more than five. */
const MOST_NESTED = 32;

/**
 * Reads and checks a configuration.
 *
 * @param path of the file; what paths in it start from
 * @throws {UsageError} `CONFIG_NOT_FOUND`, `CONFIG_UNREADABLE`; {ConfigError} as parseConfig does
 */
export function readConfig(path: string): LoadedConfig {
  return parseConfig(readText(path), path);
}

/**
 * Checks the text of a configuration; reads the files that it names, and nothing else.
 *
 * @param file its path, for messages and for paths in it
 * @throws {ConfigError} `CONFIG_TOML` for what is no TOML, `CONFIG_SECRET` for passwords in it, `CONFIG_INVALID` for all
 * else. No message repeats a value of the file
 * @example
 * const { config, warnings } = parseConfig('[targets.cache]\nendpoint = "redis://10.0.0.7"', 'keyferry.toml');
 * config.targets.cache.onConflict; // 'panic'
 */
export function parseConfig(text: string, file: string): LoadedConfig {
  const raw = parseToml(text, file);
  const source: Source = { text, file, places: findPlaces(text) };
  const fail = (findings: readonly Finding[]): void => {
    if (findings.length > 0) throw configError(findings, source);
  };
  const secrets = literalSecrets(raw);
  const checked = configSchema.safeParse(raw);
  const schema = configJsonSchema();
  const issues = checked.success ? [] : checked.error.issues.flatMap((issue) => explain(issue, raw, schema));
  fail([...secrets, ...issues.filter(({ path }) => !secrets.some((secret) => isSame(secret.path, path)))]);
  const { config, findings } = resolveConfig(checked.data as NonNullable<typeof checked.data>, file);
  fail([...findings, ...contradictions(config)]);
  return { config, warnings: remarksOf([...doubts(config)], source) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      throw new UsageError('CONFIG_NOT_FOUND', 'there is no such file.', {
        where: path,
        remedy: 'Copy keyferry.toml from the package, or name another file: -c config=PATH',
      });
    }
    throw new UsageError('CONFIG_UNREADABLE', `the configuration cannot be read (${code}).`, {
      where: path,
      remedy: 'Check what it is, and who may read it.',
    });
  }
}

function parseToml(text: string, file: string): unknown {
  try {
    return parse(text, { maxDepth: MOST_NESTED, unsafeKeyBehaviour: 'throw' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Behind its first line the parser's message shows the text, in which there may be a password.
    const problem = (error.message.split('\n')[0] as string).replace(/^Invalid TOML document: |\.$/g, '');
    const { line, column } = error;
    const message = `this is no TOML: ${problem}. Text stands in quotes, each key in a line of its own, and no table or key twice`;
    throw new ConfigError([{ file, line, column, key: '', message }], 'CONFIG_TOML');
  }
}

const isSame = (one: KeyPath, other: KeyPath): boolean =>
  one.length === other.length && one.every((part, at) => part === other[at]);
