// Function libraries, and the scripts that servers before 7.0 kept in their files: what an RDB holds besides keys.
import { KeyferryError, TargetError } from '../../errors.ts';
import type { Control, ControlReply } from '../../redis/control.ts';
import { refusal, stopsTheJob } from '../../redis/refusals.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { ConflictPolicy } from './policy.ts';

export type FunctionOutcome = 'written' | 'already' | 'skipped' | { readonly failed: string };

/** The library's name, which its first line gives: `#!lua name=mylib`. */
export function libraryName(code: Buffer): string {
  return /^#![^\n]*\bname=([^\s]+)/.exec(code.toString('latin1'))?.[1] ?? '?';
}

/**
 * Loads one library.
 *
 * @throws {TargetError} `TARGET_FUNCTION_EXISTS` under `panic` when the target has another library of that name
 */
export async function loadFunction(control: Control, code: Buffer, policy: ConflictPolicy): Promise<FunctionOutcome> {
  const replace = policy === 'rewrite' ? ['REPLACE'] : [];
  const reply = await control.answer(0, 'FUNCTION', 'LOAD', ...replace, code);
  if (!(reply instanceof ErrorReply)) return 'written';
  const name = libraryName(code);
  if (/already exists/i.test(reply.text)) {
    if (await holdsLibrary(control, name, code)) return 'already';
    if (policy === 'skip') return 'skipped';
    throw new TargetError(
      'TARGET_FUNCTION_EXISTS',
      `the target has a library or a function of that name: ${reply.text}`,
      {
        where: `${control.name}, function library ${name}`,
        remedy: 'It was left as it is. Choose --on-conflict rewrite or skip, or remove it with FUNCTION DELETE.',
      },
    );
  }
  if (stopsTheJob(reply)) throw refusal(reply, { where: `${control.name}, function library ${name}` });
  return { failed: reply.text };
}

async function holdsLibrary(control: Control, name: string, code: Buffer): Promise<boolean> {
  const libraries = (await control.call(0, 'FUNCTION', 'LIST', 'LIBRARYNAME', name, 'WITHCODE')) as ControlReply[];
  return libraries.some((library) => fieldOf(library as ControlReply[], 'library_code')?.equals(code));
}

function fieldOf(pairs: ControlReply[], name: string): Buffer | undefined {
  const at = pairs.findIndex((item, i) => i % 2 === 0 && String(item) === name);
  const value = at < 0 ? undefined : pairs[at + 1];
  return Buffer.isBuffer(value) ? value : undefined;
}

/** Puts a script into the target's script cache. It is a cache: a refusal costs nothing but a warning. */
export async function loadScript(control: Control, script: Buffer): Promise<string | undefined> {
  try {
    await control.call(0, 'SCRIPT', 'LOAD', script);
    return undefined;
  } catch (error) {
    if (error instanceof KeyferryError) return error.message;
    throw error;
  }
}
