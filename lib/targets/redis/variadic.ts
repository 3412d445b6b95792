// Spreads elements over commands that take many of them.
import type { Argument, Command } from '../../redis/command-pipe.ts';

/** The most arguments of a command on ElastiCache Serverless, its name included. Servers of one's own take a million. */
const MOST_ARGUMENTS = 3999;

/**
 * Commands of a fixed beginning and as many elements as fit.
 *
 * @param elements  each of them some arguments that stay together
 * @param limits    bytes of elements in a command, as {@link costOf} counts; one that is larger goes alone
 * @param reserved  arguments that the caller adds to each command
 */
export function* variadic(
  head: Command,
  elements: Iterable<readonly Argument[]>,
  limits: { readonly bytes: number },
  reserved = 0,
): Generator<Command> {
  let command: Argument[] = [...head];
  let cost = 0;
  for (const element of elements) {
    const more = costOf(element);
    const full = command.length + element.length + reserved > MOST_ARGUMENTS || cost + more > limits.bytes;
    if (full && command.length > head.length) {
      yield command;
      command = [...head];
      cost = 0;
    }
    command.push(...element);
    cost += more;
  }
  if (command.length > head.length) yield command;
}

/** What arguments take on the wire, about; bytes. */
export function sizeOf(command: Command): number {
  let bytes = 0;
  for (const argument of command) bytes += argument.length + FRAMING_BYTES;
  return bytes;
}

/** What arguments count in limits: small ones take their time, here and on the server, by number and not by size; bytes. */
export function costOf(command: Command): number {
  let bytes = 0;
  for (const argument of command) bytes += argument.length + ARGUMENT_BYTES;
  return bytes;
}

/** `$`, some digits, and twice CR LF. */
const FRAMING_BYTES = 8;
/** As much as the object that a small argument is, here as on the server. */
const ARGUMENT_BYTES = 128;
