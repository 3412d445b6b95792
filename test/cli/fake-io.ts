// Streams and environment of a command, for tests: what it writes is kept.
import { PassThrough, Readable, Writable } from 'node:stream';
import type { Io, Output } from '../../cli/io.ts';

export interface FakeIo extends Io {
  /** What was written to standard output and to standard error. */
  out(): string;
  err(): string;
}

export class FakeOutput extends Writable implements Output {
  isTTY: boolean | undefined;
  columns: number | undefined;
  text = '';

  constructor({ isTTY, columns }: { isTTY?: boolean; columns?: number } = {}) {
    super();
    this.isTTY = isTTY;
    this.columns = columns;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export function fakeIo(
  words: readonly string[],
  { env = {}, tty = false, stdin }: { env?: NodeJS.ProcessEnv; tty?: boolean; stdin?: Buffer } = {},
): FakeIo {
  const stdout = new FakeOutput(tty ? { isTTY: true, columns: 80 } : {});
  const stderr = new FakeOutput(tty ? { isTTY: true, columns: 80 } : {});
  const input: Io['stdin'] = stdin === undefined ? new PassThrough() : Readable.from([stdin]);
  input.isTTY = tty;
  return {
    stdin: input,
    stdout,
    stderr,
    env,
    argv: ['/usr/bin/node', '/usr/bin/keyferry', ...words],
    out: () => stdout.text,
    err: () => stderr.text,
  };
}
