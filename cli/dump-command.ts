// `keyferry dump`: backs up a live server or cluster, and shows what is in the backup.
import { UsageError } from '../lib/errors.ts';
import { type DumpReport, dump } from '../lib/jobs/dump/dump.ts';
import { namesFile, type Packing } from '../lib/jobs/dump/place.ts';
import type { DumpWay } from '../lib/jobs/dump/shard-source.ts';
import type { Rate } from '../lib/redis/rate-limit.ts';
import type { PsyncNames } from '../lib/sources/replica/psync-names.ts';
import { version } from '../lib/version.ts';
import { renderBackup } from './backup-view.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { type TargetFlags, targetOf } from './restore-options.ts';
import { s3For } from './s3-for.ts';
import { styleFor } from './style.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them. */
export interface DumpFlags extends Omit<TargetFlags, 'to' | 'mode'> {
  from?: string;
  via?: DumpWay | 'auto';
  prefer?: 'master' | 'replica';
  psyncName?: PsyncNames;
  announce?: { host: string; port: number };
  accessTimes?: boolean;
  rate?: Rate;
  output?: string;
  name?: string;
  merge?: boolean;
  gzip?: boolean;
  zstd?: boolean;
  concurrency?: number;
  /** ms */
  retryFor?: number;
  /** ms */
  stall?: number;
  /** ms */
  replyTimeout?: number;
  json?: boolean;
  quiet?: boolean;
}

/** @throws {KeyferryError} whatever ends the dump: nothing that looks like a backup is left then */
export async function dumpCommand(words: readonly string[], flags: DumpFlags, io: Io): Promise<ExitCode> {
  const { from, output } = flags;
  const remedy = 'For example: keyferry dump --from redis://127.0.0.1:6379 -o backups';
  if (words.length > 0) {
    throw new UsageError('OPTIONS_CONFLICT', `dump takes options alone, not "${words[0]}".`, { remedy });
  }
  if (from === undefined) {
    throw new UsageError('FROM_MISSING', 'which server is to be backed up? --from URL names it.', { remedy });
  }
  if (output === undefined) {
    throw new UsageError('OUTPUT_MISSING', 'where should the backup go? -o PATH names the place.', { remedy });
  }
  const packing = packingOf(output, flags);
  // The same as for rump, which has a target beside it.
  const password = io.env.KEYFERRY_SOURCE_PASSWORD || io.env.KEYFERRY_PASSWORD;
  const source = targetOf(from, flags, { env: { ...io.env, KEYFERRY_PASSWORD: password } });
  const s3 = await s3For([output], io);
  const stopped = { message: 'the dump was told to stop.', remedy: 'Nothing of it is left.' };
  const report = await withDisplay(flags, io, stopped, (progress, signal) =>
    dump({
      source,
      output,
      packing,
      name: flags.name,
      merge: flags.merge,
      via: flags.via,
      prefer: flags.prefer,
      psyncNames: flags.psyncName,
      announce: flags.announce,
      addressMap: flags.addressMap,
      access: flags.accessTimes,
      rate: flags.rate,
      concurrency: flags.concurrency,
      patienceMs: flags.retryFor,
      stallMs: flags.stall,
      replyTimeoutMs: flags.replyTimeout,
      s3,
      version,
      progress,
      signal,
    }),
  );
  await show(report, flags, io);
  return EXIT.complete;
}

function packingOf(output: string, { gzip = false, zstd = false, name }: DumpFlags): Packing {
  const refused = (message: string, remedy: string) => new UsageError('OPTIONS_CONFLICT', message, { remedy });
  if (gzip && zstd) throw refused('--gzip and --zstd exclude each other.', 'Give one of the two.');
  if (namesFile(output) && (gzip || zstd || name !== undefined)) {
    throw refused('a file is packed as its name says, and needs no other name.', 'Name it FILE.rdb.gz or FILE.rdb.zst');
  }
  if (name !== undefined && !/^[^/\\]*[^/\\.][^/\\]*$/.test(name)) {
    throw refused('--name is the name of a folder, not a path.', 'The folder that it goes into is named by -o PATH.');
  }
  return gzip ? 'gzip' : zstd ? 'zstd' : 'none';
}

async function show({ manifest, manifestPath }: DumpReport, flags: DumpFlags, io: Io): Promise<void> {
  if (flags.json) await write(io.stdout, jsonLine({ ...manifest, manifest: manifestPath, exitCode: EXIT.complete }));
  else if (!flags.quiet) await write(io.stdout, renderBackup(manifest, manifestPath, styleFor(io.stdout, io.env)));
}
