// Whether bytes are those that were written: by their SHA-256.
import { InputError } from '../../errors.ts';

/** @throws {InputError} `BACKUP_FILE_CHANGED` */
export function checkSha256(where: string, found: string, expected: string): void {
  if (found !== expected) {
    throw changedFile(where, `its SHA-256 is ${found}, that of what was written ${expected}`);
  }
}

export const changedFile = (where: string, what: string): InputError =>
  new InputError('BACKUP_FILE_CHANGED', `this is not the file that was written: ${what}.`, {
    where,
    remedy: 'A byte of it has changed, or it is another file under this name. Fetch it again, or take another backup.',
  });
