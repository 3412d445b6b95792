// What is wrong with a line, told by code that does not know which line it reads; `jsonRecords` adds the place.

export type ProblemCode = 'JSON_SYNTAX' | 'JSON_RECORD' | 'JSON_PARTS' | 'JSON_LINE_TOO_LONG' | 'JSON_TOO_LARGE';

export class LineProblem extends Error {
  readonly code: ProblemCode;
  /** Byte of the line, from 1 on, where that is known. */
  readonly column: number | undefined;
  /** What to do, where it is not what the code alone tells. */
  readonly remedy: string | undefined;

  constructor(code: ProblemCode, message: string, details: { column?: number; remedy?: string } = {}) {
    super(message);
    this.code = code;
    this.column = details.column;
    this.remedy = details.remedy;
  }
}

/** A line that is JSON, but not what docs/json-format.md has. */
export function misshapen(message: string, remedy?: string): LineProblem {
  return new LineProblem('JSON_RECORD', message, remedy === undefined ? {} : { remedy });
}
