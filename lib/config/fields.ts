// The kinds of values that several settings share: what is taken, what becomes of it, and what is said of anything else.
import * as z from 'zod';
import { DURATION_FORM, parseDuration, parseRate, parseSize, RATE_FORM, SIZE_FORM } from '../text/quantities.ts';

/** `on-conflict` in the file is `onConflict` in the code. */
type Camel<S extends string> = S extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;
type CamelKeys<T> = { [K in keyof T as K extends string ? Camel<K> : K]: T[K] };

/**
 * For `.transform` at the end of a table's schema: its keys as the code spells them.
 *
 * @example z.strictObject({ 'memory-mb': memory }).transform(camelKeys)
 */
export function camelKeys<T extends object>(table: T): CamelKeys<T> {
  const entries = Object.entries(table).map(([key, value]) => [
    key.replace(/-./g, (dash) => dash.slice(1).toUpperCase()),
    value,
  ]);
  return Object.fromEntries(entries) as CamelKeys<T>;
}

/** A size in bytes between two bounds, both included; plain bytes or with a unit. */
export function size(least: string, most: string) {
  const [low, high] = [parseSize(least) as number, parseSize(most) as number];
  const error = `this is no size from ${least} to ${most}. Write a number and its unit, or plain bytes: "8MiB", 65536`;
  return z
    .union([z.int({ error }).min(low, { error }).max(high, { error }), text(SIZE_FORM, error)], { error })
    .transform((value) => (typeof value === 'number' ? value : (parseSize(value) ?? Number.NaN)))
    .refine((bytes) => bytes >= low && bytes <= high, { error })
    .meta({ example: '8MiB' });
}

/** A duration between two bounds, both included; in the code ms. */
export function duration(least: string, most: string) {
  const [low, high] = [parseDuration(least) as number, parseDuration(most) as number];
  const error = `this is no duration from ${least} to ${most}. Write a number and its unit, ms, s, m, h or d: "90s", "1h30m"`;
  return text(DURATION_FORM, error)
    .transform((text) => parseDuration(text) ?? Number.NaN)
    .refine((ms) => ms >= low && ms <= high, { error })
    .meta({ example: '90s' });
}

/** At most so many bytes or keys a second. */
export function rate() {
  const error =
    'this is no rate. Write bytes a second, keys a second, or both: "50MB/s", "20000keys/s", "50MB/s,20000keys/s"';
  return text(RATE_FORM, error)
    .transform((text) => parseRate(text) ?? {})
    .refine((limit) => Object.keys(limit).length > 0, { error });
}

/** The ARN forms that settings name, each with the words for it. */
const ARNS = {
  secret: {
    form: /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+-[A-Za-z0-9]{6}$/,
    words: 'the whole ARN of a secret in Secrets Manager, with the six characters at its end',
    example: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:NAME-AbCdEf',
  },
  topic: {
    form: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/,
    words: 'the ARN of a standard SNS topic',
    example: 'arn:aws:sns:eu-central-1:123456789012:NAME',
  },
  key: {
    form: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/,
    words: 'the ARN of a KMS key (of the key, not of an alias)',
    example: 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  },
} as const;

export type ArnKind = keyof typeof ARNS;

export const arnForm = (kind: ArnKind): RegExp => ARNS[kind].form;
/** What belongs there, for the error. */
export const arnError = (kind: ArnKind): string =>
  `${ARNS[kind].words} belongs here. Its form is ${ARNS[kind].example}`;

export const arn = (kind: ArnKind) => text(ARNS[kind].form, arnError(kind));

/** Text of one form; where it has another, rules that would read it are not asked. */
export function text(form: RegExp, error: string) {
  return z.string({ error }).regex(form, { error, abort: true });
}

/**
 * A name that S3 prefixes, state machines and CloudFormation's ids can hold, and that a command line takes unquoted.
 */
export const name = text(
  /^(?=.{1,32}$)[a-z](?:-?[a-z0-9])*$/,
  'names have small letters, digits and single dashes between them, begin with a letter, and have at most 32 characters. For example: cache, orders-2',
);
