// The file of `--report`: checked before the job begins, since hours later it is too late for another name.
import { access, constants, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LocalError, UsageError } from '../lib/errors.ts';

/**
 * Makes sure that a report can be written there without harm to another file.
 *
 * @throws {UsageError} `REPORT_OCCUPIED` where something stands that is no earlier report
 * @throws {LocalError} `LOCAL_NOT_WRITABLE`
 */
export async function checkReportPath(path: string): Promise<void> {
  if (await isOccupied(path)) {
    throw new UsageError('REPORT_OCCUPIED', 'something stands here that is no report, and a report would replace it.', {
      where: `--report ${path}`,
      remedy: 'Name a new file, or the report of an earlier run.',
    });
  }
  try {
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    throw new LocalError('LOCAL_NOT_WRITABLE', 'the report could not be written into this folder.', {
      where: dirname(path),
      remedy: 'Name a file in a folder that is there and can be written: --report FILE',
      cause,
    });
  }
}

/** A folder, a device, or a file with other content; an RDB after a mistyped option, for one. */
async function isOccupied(path: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined); // not there yet: as it should be
  if (there === undefined) return false;
  if (!there.isFile()) return true;
  const handle = await open(path).catch(() => undefined); // what cannot be read is not ours
  if (handle === undefined) return true;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead > 0 && buffer[0] !== 0x7b;
  } finally {
    await handle.close();
  }
}
