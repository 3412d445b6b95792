// `keyferry backups`: lists the backups in a folder, and removes those that no rule keeps.
import type { S3Client } from '@aws-sdk/client-s3';
import { UsageError } from '../lib/errors.ts';
import { type Backup, choosePrunable, listBackups, removeBackup } from '../lib/jobs/backups.ts';
import { version } from '../lib/version.ts';
import { renderBackups } from './backup-view.ts';
import { errorJson } from './error-view.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { plural } from './format.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { s3For } from './s3-for.ts';
import { styleFor } from './style.ts';

/** The options as the parser leaves them. */
export interface BackupsFlags {
  keepLast?: number;
  keepDaily?: number;
  keepWeekly?: number;
  dryRun?: boolean;
  json?: boolean;
}

/** @throws {UsageError}; {InputError} where there is no such folder */
export async function backupsCommand(words: readonly string[], flags: BackupsFlags, io: Io): Promise<ExitCode> {
  const [action = '', folder, ...more] = words;
  if (!['list', 'prune'].includes(action) || folder === undefined || more.length > 0) {
    throw new UsageError('BACKUPS_ACTION', 'backups are listed or pruned, those of one folder.', {
      remedy: 'For example: keyferry backups list backups',
    });
  }
  const s3 = await s3For([folder], io);
  const backups = await listBackups(folder, s3);
  if (action === 'list') {
    if (flags.json) await write(io.stdout, jsonLine({ keyferry: version, backups: backups.map(backupJson) }));
    else await write(io.stdout, renderBackups(backups, styleFor(io.stdout, io.env)));
    return EXIT.complete;
  }
  await prune(backups, s3, flags, io);
  return EXIT.complete;
}

async function prune(backups: readonly Backup[], s3: S3Client | undefined, flags: BackupsFlags, io: Io): Promise<void> {
  const { keepLast, keepDaily, keepWeekly, dryRun = false } = flags;
  if (keepLast === undefined && keepDaily === undefined && keepWeekly === undefined) {
    throw new UsageError('KEEP_MISSING', 'nothing says which backups are to be kept.', {
      remedy: 'For example: --keep-last 3 --keep-daily 7 --keep-weekly 4',
    });
  }
  const old = choosePrunable(backups, { last: keepLast ?? 0, daily: keepDaily ?? 0, weekly: keepWeekly ?? 0 });
  if (!dryRun) for (const each of old) await removeBackup(each, s3);
  if (flags.json) {
    await write(io.stdout, jsonLine({ keyferry: version, dryRun, removed: old.map(backupJson) }));
    return;
  }
  const done = dryRun ? 'would go' : `${old.length === 1 ? 'was' : 'were'} removed`;
  if (old.length > 0) await write(io.stdout, renderBackups(old, styleFor(io.stdout, io.env)));
  await write(
    io.stdout,
    `${plural(old.length, 'backup')} ${done}, ${backups.length - old.length} ${dryRun ? 'would stay' : 'stay'}.\n`,
  );
}

/** Absent values are `null`. */
function backupJson({ name, manifestPath, manifest, problem }: Backup): object {
  return {
    name,
    manifest: manifestPath,
    source: manifest?.source ?? null,
    startedAt: manifest?.startedAt ?? null,
    keys: manifest?.keys ?? null,
    bytes: manifest?.bytes ?? null,
    files: manifest?.shards.length ?? null,
    problem: problem === undefined ? null : errorJson(problem),
  };
}
