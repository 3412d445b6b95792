// What a command talks to: the process's streams and environment, or a test's.
import type { Readable, Writable } from 'node:stream';

export interface Output extends Writable {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

export interface Io {
  readonly stdin: Readable & { isTTY?: boolean | undefined };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  /** As `process.argv`: Node, the script, what the user wrote. */
  readonly argv: readonly string[];
}

/** Columns of a terminal whose width is not told. */
const DEFAULT_COLUMNS = 80;

export const columnsOfStream = (stream: Output): number => stream.columns || DEFAULT_COLUMNS;

/** Writes text; resolves when it is on its way. A reader who has gone (EPIPE) is nothing to fail for. */
export function write(stream: Output, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
