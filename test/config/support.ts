// What the configuration's tests share: texts with one thing changed, and what is said of them.
import { type Config, parseConfig, type Remark, showRemark } from '../../lib/config/index.ts';
import { KeyferryError } from '../../lib/errors.ts';

export const FILE = 'keyferry.toml';
export const SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:keyferry/cache-AbCdEf';

/** What a text is refused with: the code, and a line for each mistake without the file's name. */
export interface Refusal {
  readonly code: string;
  readonly lines: readonly string[];
}

/** The refusal of a text that must be refused; the error says the same in its message as in its parts. */
export function refusal(text: string, file = FILE): Refusal {
  try {
    parseConfig(text, file);
  } catch (error) {
    if (!(error instanceof KeyferryError) || !('mistakes' in error)) throw error;
    const mistakes = error.mistakes as readonly Remark[];
    const [, ...lines] = error.message.split('\n');
    if (lines.join('\n') !== mistakes.map(showRemark).join('\n'))
      throw new Error(`other lines than mistakes: ${error.message}`);
    return { code: error.code, lines: lines.map((line) => line.replace(`${file}:`, '')) };
  }
  throw new Error(`this should be refused:\n${text}`);
}

/** The lines of a text that is refused as invalid. */
export function mistakes(text: string): readonly string[] {
  const { code, lines } = refusal(text);
  if (code !== 'CONFIG_INVALID') throw new Error(`${code}\n${lines.join('\n')}`);
  return lines;
}

export const accepted = (text: string): Config => parseConfig(text, FILE).config;

export const warnings = (text: string): string[] =>
  parseConfig(text, FILE).warnings.map((warning) => showRemark(warning).replace(`${FILE}:`, ''));

/** A target named cache on lines 1 and 2, these lines from 3 on. */
export const target = (...lines: readonly string[]): string =>
  ['[targets.cache]', 'endpoint = "rediss://cache.example.com"', ...lines].join('\n');

/** A network named main on lines 1 to 4, these lines from 5 on. */
export const network = (...lines: readonly string[]): string =>
  [
    '[networks.main]',
    'vpc = "vpc-0123456789abcdef0"',
    'subnets = [{ id = "subnet-0123456789abcdef0", zone = "eu-central-1a" }]',
    'security-groups = ["sg-0123456789abcdef0"]',
    ...lines,
  ].join('\n');
