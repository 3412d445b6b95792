// An error as a person reads it: what happened in the first line, what to do in the next, never a stack trace.
import { KeyferryError, RdbError } from '../lib/errors.ts';
import { printable } from './format.ts';
import { keyJson } from './key-json.ts';
import type { Style } from './style.ts';

export interface ErrorLook {
  readonly style: Style;
  /** Shows where a defect came from. */
  readonly debug: boolean;
}

/** Text for standard error, with its line end. */
export function renderError(error: unknown, { style, debug }: ErrorLook): string {
  if (error instanceof KeyferryError) {
    const [head = '', ...remedy] = printable(error.describe()).split('\n');
    const [code = '', rest = ''] = [head.slice(0, error.code.length), head.slice(error.code.length)];
    return `${style.red(style.bold(code))}${rest}\n${remedy.map((line) => `${line}\n`).join('')}`;
  }
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  const trace = debug && stack !== undefined ? `${printable(stack)}\n` : '';
  const hint = debug ? '' : ' KEYFERRY_DEBUG=1 shows where it came from.';
  return `${style.red(style.bold('DEFECT'))}: ${printable(message)}\nThis is a defect in keyferry; please report it.${hint}\n${trace}`;
}

/** The error for machines. */
export function errorJson(error: unknown): object {
  if (!(error instanceof KeyferryError)) {
    return {
      code: 'DEFECT',
      message: error instanceof Error ? error.message : String(error),
      where: null,
      remedy: null,
    };
  }
  const { code, message, where = null, remedy = null } = error;
  if (!(error instanceof RdbError)) return { code, message, where, remedy };
  const place = { offset: error.offset, db: error.db ?? null, ...(error.key === undefined ? {} : keyJson(error.key)) };
  return { code, message, where, remedy, ...place };
}
