// `keyferry verify`: proves backups, and says what is wrong with them.
import { UsageError } from '../lib/errors.ts';
import { type VerifyLevel, type VerifyReport, verifyBackup } from '../lib/jobs/verify-backup.ts';
import { version } from '../lib/version.ts';
import { renderVerified } from './backup-view.ts';
import { errorLook } from './display-options.ts';
import { errorJson, renderError } from './error-view.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { s3For } from './s3-for.ts';
import { styleFor } from './style.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them. */
export interface VerifyFlags {
  level?: VerifyLevel;
  workDir?: string;
  json?: boolean;
  quiet?: boolean;
}

/** @throws {KeyferryError} at the first backup whose manifest is not to be believed; those before it have been shown */
export async function verifyCommand(paths: readonly string[], flags: VerifyFlags, io: Io): Promise<ExitCode> {
  if (paths.length === 0) {
    throw new UsageError('FILES_MISSING', 'there is no backup to verify.', {
      remedy: 'For example: keyferry verify backups/127.0.0.1-6379-20261123T204200Z',
    });
  }
  const stopped = { message: 'the verification was told to stop.', remedy: 'The backup is as it was.' };
  const reports: VerifyReport[] = [];
  const s3 = await s3For(paths, io);
  for (const path of paths) {
    const { level, workDir } = flags;
    const report = await withDisplay(flags, io, stopped, (progress, signal) =>
      verifyBackup({ path, level, workDir, s3, progress, signal }),
    );
    reports.push(report);
    if (!flags.json) await show(report, flags, io);
  }
  const exitCode = reports.every(({ good }) => good) ? EXIT.complete : EXIT.input;
  if (flags.json) {
    await write(io.stdout, jsonLine({ keyferry: version, exitCode, backups: reports.map(verifiedJson) }));
  }
  return exitCode;
}

async function show(report: VerifyReport, flags: VerifyFlags, io: Io): Promise<void> {
  if (!flags.quiet) await write(io.stdout, renderVerified(report, styleFor(io.stdout, io.env)));
  for (const { error } of report.files) {
    if (error !== undefined) await write(io.stderr, renderError(error, errorLook(io)));
  }
}

function verifiedJson({ manifestPath, manifest, level, files, good }: VerifyReport): object {
  return {
    manifest: manifestPath,
    source: manifest.source,
    startedAt: manifest.startedAt,
    keys: manifest.keys,
    level,
    good,
    files: files.map(({ file, passed, error }) => ({
      file,
      passed,
      error: error === undefined ? null : errorJson(error),
    })),
  };
}
