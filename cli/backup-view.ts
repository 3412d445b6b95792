// Backups as a person reads them: one that was made, those of a folder, and what verifying one has found.
import type { Backup } from '../lib/jobs/backups.ts';
import type { BackupManifest } from '../lib/jobs/dump/manifest.ts';
import type { VerifyReport } from '../lib/jobs/verify-backup.ts';
import { showSlots } from '../lib/sources/replica/shards.ts';
import { tableLines } from './columns.ts';
import { formatBytes, formatCount, formatSeconds, plural, printable } from './format.ts';
import type { Style } from './style.ts';

const INDENT = '  ';

const MOMENTS: Readonly<Record<BackupManifest['pointInTime'], string>> = {
  all: 'all of it is of one moment',
  shards: 'each shard is of a moment of its own',
  none: 'keys are of the time between begin and end, each of its own',
};

/** Shards that are in one file are of no one moment either, but their keys are of no more moments than there are shards. */
function momentsOf({ pointInTime, via }: BackupManifest): string {
  return MOMENTS[pointInTime === 'none' && via !== 'scan' ? 'shards' : pointInTime];
}

/** What was backed up; with the line end. */
export function renderBackup(manifest: BackupManifest, manifestPath: string, style: Style): string {
  const { source, shards, keys, bytes, startedAt, endedAt, via, warnings } = manifest;
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  const head = `${plural(keys, 'key')}, ${formatBytes(bytes)} from ${source} by ${via.toUpperCase()} in ${formatSeconds(seconds)}; ${momentsOf(manifest)}.`;
  const files = tableLines(
    shards.map((shard) => [
      INDENT + shard.file,
      formatCount(shard.keys),
      formatBytes(shard.bytes),
      shard.slots === null ? '' : `slots ${showSlots(shard.slots)}`,
      shard.replication === null ? '' : `offset ${shard.replication.offset}`,
    ]),
    ['left', 'right', 'right', 'left', 'left'],
  );
  return lines([
    style.bold(printable(manifestPath)),
    printable(head),
    ...files.map(printable),
    ...warnings.map((text) => `${style.yellow('warning:')} ${printable(text)}`),
  ]);
}

/** What each file was found to be; with the line end. */
export function renderVerified({ manifest, manifestPath, level, files, good }: VerifyReport, style: Style): string {
  const rows = files.map(({ file, passed, error }) => [
    `${INDENT}${error === undefined ? 'ok' : 'bad'}`,
    file,
    error === undefined ? passed.join(', ') : error.code,
  ]);
  const table = tableLines(
    rows.map((row) => row.map(printable)),
    ['left', 'left', 'left'],
    (cell, _, column) => (column > 0 ? cell : cell.trim() === 'ok' ? style.green(cell) : style.red(cell)),
  );
  const verdict = good
    ? `Good, as far as --level ${level} tells: ${plural(manifest.keys, 'key')} of ${manifest.startedAt}.`
    : `Not good: ${plural(files.filter(({ error }) => error !== undefined).length, 'file')} of ${files.length}.`;
  return lines([style.bold(printable(manifestPath)), ...table, verdict]);
}

/** One line a backup; with the line end. */
export function renderBackups(backups: readonly Backup[], style: Style): string {
  const rows = backups.map(({ name, manifest, problem }) => [
    manifest?.startedAt ?? 'unfinished',
    manifest === undefined ? '' : formatCount(manifest.keys),
    manifest === undefined ? '' : formatBytes(manifest.bytes),
    manifest === undefined ? '' : plural(manifest.shards.length, 'file'),
    problem === undefined ? 'ok' : problem.code,
    name,
  ]);
  if (rows.length === 0) return 'There is no backup.\n';
  const table = tableLines(
    rows.map((row) => row.map(printable)),
    ['left', 'right', 'right', 'right', 'left', 'left'],
    (cell, _, column) => (column !== 4 ? cell : cell === 'ok' ? style.green(cell) : style.red(cell)),
  );
  return lines(table);
}

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
