// Commands as plain values, sent to a server in pipelines, each reply checked.
import type { Redis } from 'ioredis';

export type Argument = string | Buffer | number;
/** A command's name and its arguments. */
export type Command = readonly [name: string, ...args: Argument[]];

/**
 * Sends the commands in order and gives their replies, strings as Buffers.
 *
 * @param client on a plain connection of its own where the commands SELECT
 * @throws the first error reply, with the command that met it
 */
export async function pipelined(client: Redis, commands: Iterable<Command>): Promise<unknown[]> {
  const replies: unknown[] = [];
  for (const batch of batches(commands)) {
    const pipeline = client.pipeline();
    for (const [name, ...args] of batch) pipeline.callBuffer(name, args);
    const answers = (await pipeline.exec()) ?? [];
    for (const [index, [error, reply]] of answers.entries()) {
      if (error !== null) throw new Error(`${showCommand(batch[index] as Command)}: ${error.message}`);
      replies.push(reply);
    }
  }
  return replies;
}

/** Pipelines of bounded size, so that neither side holds more than some megabytes of commands or replies. */
function* batches(commands: Iterable<Command>): Generator<Command[]> {
  let batch: Command[] = [];
  let bytes = 0;
  for (const command of commands) {
    batch.push(command);
    for (const argument of command) bytes += typeof argument === 'number' ? 8 : argument.length;
    if (batch.length >= 2000 || bytes >= 4 << 20) {
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/** Bytes as a person reads them: printable ASCII as it is, the rest as \xNN, cut after some 60 characters. */
export function show(bytes: Buffer | string): string {
  let text = '';
  for (const byte of typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes) {
    if (text.length > 60) return `"${text}…"`;
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `"${text}"`;
}

function showCommand(command: Command): string {
  const shown = command.slice(0, 8).map((part) => (typeof part === 'number' ? String(part) : show(part)));
  return command.length > 8 ? `${shown.join(' ')} … (${command.length} parts)` : shown.join(' ');
}
