// Decodes for tests: the job's report, and its lines as they were written.
import { type DecodeOptions, type DecodeReport, decode } from '../../lib/jobs/decode.ts';
import type { Output } from '../../lib/storage/output.ts';

/** An output in memory that remembers how the job ended. */
export class MemoryOutput implements Output {
  readonly #pieces: Buffer[] = [];
  end: 'open' | 'committed' | 'left' = 'open';

  async write(bytes: Buffer): Promise<void> {
    this.#pieces.push(Buffer.from(bytes)); // the memory is the job's
  }

  async commit(): Promise<void> {
    this.end = 'committed';
  }

  async leave(): Promise<void> {
    this.end = 'left';
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

export interface DecodeRun {
  readonly report: DecodeReport;
  readonly text: Buffer;
  readonly end: MemoryOutput['end'];
}

export async function decodeFile(file: string, options: Partial<DecodeOptions> = {}): Promise<DecodeRun> {
  const output = new MemoryOutput();
  const report = await decode({ files: [file], output, ...options });
  return { report, text: output.bytes, end: output.end };
}

/** The lines of a file that is whole. @throws what stopped the job */
export async function decodedText(file: string, options: Partial<DecodeOptions> = {}): Promise<Buffer> {
  const { report, text } = await decodeFile(file, options);
  if (report.outcome !== 'complete') throw report.error ?? new Error(`${file}: ${report.outcome}`);
  return text;
}

/** What is in a line, as far as tests look into it. */
export interface Line {
  readonly type: string;
  readonly db?: number;
  readonly key?: unknown;
  readonly value?: unknown;
  readonly part?: number;
  readonly last?: boolean;
  readonly [name: string]: unknown;
}

/** @throws {SyntaxError} for what is no complete line */
export function parseLines(text: Buffer): Line[] {
  const lines = text.toString('utf8').split('\n');
  if (lines.pop() !== '') throw new SyntaxError('the last line has no end');
  return lines.map((line) => JSON.parse(line) as Line);
}
