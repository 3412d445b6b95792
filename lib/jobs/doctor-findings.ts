// What the doctor has found out, in the order of its checks: one finding a check or, where there is more to say, several.
import { KeyferryError } from '../errors.ts';
import { formatCount } from '../text/count.ts';

/**
 * `warning`: a restore works, with something lost, slower or at a risk. `problem`: it would stop, or can't begin.
 * `unknown`: it could not be asked.
 */
export type Verdict = 'ok' | 'warning' | 'problem' | 'unknown';

export interface Finding {
  /** One or two words, the same in every run. */
  readonly check: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly what: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
  /** The code that a restore would end with. */
  readonly code?: string | undefined;
}

/** What errors of a job say, and the doctor's do not: here nothing goes on. */
const GOES_ON = /\s*(?:The same command again|Then run the same command again: it) goes on from here\.$/;

export class Findings {
  readonly list: Finding[] = [];

  add(check: string, verdict: Verdict, what: string, remedy?: string): void {
    this.list.push({ check, verdict, what, remedy });
  }

  problem(check: string, code: string, what: string, remedy: string | undefined): void {
    this.list.push({ check, verdict: 'problem', what, remedy, code });
  }

  /** The error that a restore would end with. */
  error(check: string, { code, message, remedy }: KeyferryError): void {
    this.problem(check, code, sentence(message), remedy?.replace(GOES_ON, '') || undefined);
  }

  /**
   * Runs a check that throws what a restore would end with.
   *
   * @param check its name; may depend on the error
   * @returns `undefined` where it threw
   */
  async attempt<T>(check: string | ((error: KeyferryError) => string), work: () => T | Promise<T>) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KeyferryError)) throw error;
      this.error(typeof check === 'string' ? check : check(error), error);
      return undefined;
    }
  }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Bytes in the units of a server's configuration, where `1mb` is 1 MiB. */
export function showBytes(bytes: number): string {
  if (bytes < 2 ** 10) return `${formatCount(bytes)} bytes`;
  if (bytes < 2 ** 20) return `${formatCount(Math.round(bytes / 2 ** 10))} KiB`;
  return `${formatCount(Math.round(bytes / 2 ** 20))} MiB`;
}
