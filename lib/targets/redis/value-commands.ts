// A value in parts as commands that add to a key, each bounded in bytes and arguments.
import type { Loss } from '../../rdb/reencode.ts';
import type { HashField } from '../../rdb/value.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { Argument, Command } from '../../redis/command-pipe.ts';
import type { CommandSupport } from './command-support.ts';
import { streamCommands } from './stream-commands.ts';
import { variadic } from './variadic.ts';

/** What may be lost when a value is written by commands. */
export type CommandLoss = Loss | 'idle-time' | 'frequency' | 'stream-seen-time' | 'stream-delivery-time';

/** The kinds that only commands lose, in words that follow “what is lost: ”. */
export const COMMAND_LOSSES: Readonly<Record<Exclude<CommandLoss, Loss>, string>> = {
  'idle-time': 'how long a key was not used',
  frequency: 'how often a key was used',
  'stream-seen-time': 'when a consumer last tried to get an entry: now counts instead',
  'stream-delivery-time':
    'delivery times of pending entries that lie in the future, or before 1970: now counts instead',
};

export interface ValueCommandsOptions {
  /** What the commands write to; it must not exist. */
  readonly key: Buffer;
  /** The value from its beginning; called again for another pass, which streams need. */
  parts(): AsyncIterable<ValuePart>;
  /** Bytes of a string, where that is known. */
  readonly stringBytes?: number | undefined;
  readonly support: CommandSupport;
  /**
   * Looked at for each command: how many bytes of elements it may carry, 128 for each argument included. One element may
   * be more.
   */
  readonly limits: { readonly bytes: number };
  /** ms since the epoch. */
  now(): number;
}

/** What became of the value beside the commands. Complete when the commands are. */
export interface ValueFacts {
  readonly losses: Set<CommandLoss>;
  /** Hash fields whose time had come: they were left out. */
  expiredFields: number;
}

/** A string of more bytes gets its memory at once: one that grows is moved again and again, which holds the server up. */
const GROWN_BYTES = 1024 * 1024;

/**
 * The commands that make the value, in the order in which they must be run. Arguments are views of the parts.
 *
 * @param facts is added to
 */
export async function* valueCommands(options: ValueCommandsOptions, facts: ValueFacts): AsyncGenerator<Command> {
  const { key, stringBytes = 0 } = options;
  let written = 0;
  const placed = stringBytes > GROWN_BYTES;
  if (placed) yield ['SETRANGE', key, String(stringBytes - 1), '\0'];
  for await (const part of options.parts()) {
    switch (part.kind) {
      case 'string':
        yield* stretch(options, part.bytes, written, placed);
        written += part.bytes.length;
        break;
      case 'list':
        yield* variadic(['RPUSH', key], single(part.items), options.limits);
        break;
      case 'set':
        yield* variadic(['SADD', key], single(part.members), options.limits);
        break;
      case 'zset':
        yield* variadic(['ZADD', key], scored(part.entries), options.limits);
        break;
      case 'hash':
        yield* hash(options, facts, part.fields);
        break;
      default:
        yield* streamCommands(options, facts);
        return;
    }
  }
}

/** @param start where in the string the bytes belong */
function* stretch(
  { key, limits }: ValueCommandsOptions,
  bytes: Buffer,
  start: number,
  exists: boolean,
): Generator<Command> {
  // Of an empty string, too, there must be one.
  let at = 0;
  do {
    const end = at + limits.bytes;
    const piece = bytes.subarray(at, end);
    const creates = start + at === 0 && !exists;
    // SET finds the encoding of a short string, and takes an empty one.
    yield creates ? ['SET', key, piece] : ['SETRANGE', key, String(start + at), piece];
    at = end;
  } while (at < bytes.length);
}

function* hash(options: ValueCommandsOptions, facts: ValueFacts, fields: readonly HashField[]): Generator<Command> {
  const { key, limits, support } = options;
  const now = BigInt(options.now());
  const living = fields.filter(({ expireAt }) => expireAt === undefined || expireAt > now);
  facts.expiredFields += fields.length - living.length;
  yield* variadic(['HSET', key], pairs(living), limits);
  const byTime = new Map<bigint, Buffer[]>();
  for (const { field, expireAt } of living) {
    if (expireAt === undefined) continue;
    const together = byTime.get(expireAt);
    if (together === undefined) byTime.set(expireAt, [field]);
    else together.push(field);
  }
  if (byTime.size === 0) return;
  const latest = support.latestFieldExpiry;
  if (latest === undefined) {
    facts.losses.add('field-ttl');
    return;
  }
  for (const [time, together] of byTime) {
    const capped = time > latest;
    if (capped) facts.losses.add('field-ttl-capped');
    const head = ['HPEXPIREAT', key, String(capped ? latest : time), 'FIELDS'];
    // FIELDS wants to know how many there are.
    for (const [, , , , ...some] of variadic(head, single(together), limits, 1)) {
      yield [...head, String(some.length), ...some];
    }
  }
}

function* single(items: Iterable<Buffer>): Generator<[Buffer]> {
  for (const item of items) yield [item];
}

function* pairs(fields: Iterable<HashField>): Generator<[Buffer, Buffer]> {
  for (const { field, value } of fields) yield [field, value];
}

function* scored(entries: Iterable<{ member: Buffer; score: number }>): Generator<[Argument, Buffer]> {
  for (const { member, score } of entries) yield [scoreText(score), member];
}

/** A score as text that a server reads back as the same number: the shortest such, 17 digits at most. */
export function scoreText(score: number): string {
  if (score === Number.POSITIVE_INFINITY) return 'inf';
  if (score === Number.NEGATIVE_INFINITY) return '-inf';
  return Object.is(score, -0) ? '-0' : String(score);
}
