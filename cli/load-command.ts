// `keyferry load`: JSON Lines into a live server, or into an RDB.
import { rm } from 'node:fs/promises';
import { UsageError } from '../lib/errors.ts';
import { jsonToRdb } from '../lib/jobs/load.ts';
import type { TypeSupport } from '../lib/rdb/reencode.ts';
import type { LineShape } from '../lib/sources/json/json-records.ts';
import { workPath } from '../lib/sources/rdb/input.ts';
import type { RdbSummary } from '../lib/targets/rdb/rdb-writer.ts';
import { version } from '../lib/version.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { formatBytes, plural, printable } from './format.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { restoreCommand } from './restore-command.ts';
import { checkFiles, type RestoreFlags, restoreOptions } from './restore-options.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them: those of a restore, and these. */
export interface LoadFlags extends RestoreFlags {
  shape?: LineShape;
  output?: string;
  rdbVersion?: TypeSupport;
}

/** @throws {UsageError} for a wrong choice of options; {InputError} for a line that is not in order: nothing was written */
export async function loadCommand(files: readonly string[], flags: LoadFlags, io: Io): Promise<ExitCode> {
  checkFiles(files, 'load', io);
  const { output, to, rdbVersion, shape: _, ...rest } = flags;
  if ((output === undefined) === (to === undefined)) {
    throw new UsageError('OPTIONS_CONFLICT', 'lines are loaded into a server or into an RDB.', {
      remedy: 'Give one of the two: --to URL, or -o FILE',
    });
  }
  if (output !== undefined) return toFile(files, output, rdbVersion, flags, io);
  const path = `${workPath(files[0] as string, flags.workDir)}.load.rdb`;
  // A wrong option is told before a long file is read.
  restoreOptions([path], { ...rest, to: to as string }, io);
  await convert(files, path, undefined, flags, io);
  let exitCode: ExitCode = EXIT.defect;
  try {
    exitCode = await restoreCommand([path], { ...rest, to: to as string, passing: true }, io);
    return exitCode;
  } finally {
    // A run that goes on makes the same RDB again.
    await rm(path, { force: true });
    if (exitCode === EXIT.complete) await Promise.all(PLAN_FILES.map((end) => rm(`${path}${end}`, { force: true })));
  }
}

const PLAN_FILES = ['.plan.json', '.chunks.jsonl'];

async function toFile(
  files: readonly string[],
  path: string,
  rdbVersion: TypeSupport | undefined,
  flags: LoadFlags,
  io: Io,
): Promise<ExitCode> {
  const summary = await convert(files, path, rdbVersion, flags, io);
  const { family, rdb } = summary.version;
  if (flags.json) {
    const { bytes, keys } = summary;
    await write(
      io.stdout,
      jsonLine({ keyferry: version, exitCode: EXIT.complete, output: path, family, rdb, bytes, keys }),
    );
  } else if (!flags.quiet) {
    const what = `${plural(summary.keys, 'key')}, ${formatBytes(summary.bytes)}`;
    await write(
      io.stderr,
      `Wrote ${printable(path)}: ${what}, ${family === 'valkey' ? 'Valkey' : 'Redis'} RDB version ${rdb}.\n`,
    );
  }
  return EXIT.complete;
}

/** Reads all lines; what stops it, stops it before anything is written to a server. */
function convert(
  files: readonly string[],
  path: string,
  rdbVersion: TypeSupport | undefined,
  flags: LoadFlags,
  io: Io,
): Promise<RdbSummary> {
  const stopped = { message: 'the reading was told to stop.', remedy: 'Nothing was written.' };
  return withDisplay(flags, io, stopped, (progress, signal) =>
    jsonToRdb({ files, path, version: rdbVersion, shape: flags.shape, stdin: io.stdin, progress, signal }),
  );
}
