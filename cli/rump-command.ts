// `keyferry rump`: copies a live server into another, shows it, tells how it went.
import { UsageError } from '../lib/errors.ts';
import { type RumpOptions, rump } from '../lib/jobs/rump.ts';
import type { ScanCloud } from '../lib/sources/scan/spelling.ts';
import { writeWhole } from '../lib/storage/work-files.ts';
import { version } from '../lib/version.ts';
import { errorLook } from './display-options.ts';
import { renderError } from './error-view.ts';
import { type ExitCode, exitCodeOfReport } from './exit-codes.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { checkReportPath } from './report-file.ts';
import { filterOf, type RestoreFlags, targetOf } from './restore-options.ts';
import { renderRump, rumpJson } from './rump-view.ts';
import { styleFor } from './style.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them. */
export interface RumpFlags
  extends Omit<RestoreFlags, 'dryRun' | 'ignoreTail' | 'strict' | 'chunkBytes' | 'passing' | 'concurrency'> {
  from?: string;
  fromTlsCa?: string;
  fromTlsCert?: string;
  fromTlsKey?: string;
  fromTlsServerName?: string;
  fromSentinelUser?: string;
  fromAddressMap?: ReadonlyMap<string, string>;
  fromConnections?: number;
  prefer?: 'master' | 'replica';
  cloud?: ScanCloud;
  keyFile?: string;
  accessTimes?: boolean;
  count?: number;
  dumpBytes?: number;
  passes?: number;
}

/** @throws {UsageError} before the job begins; what happens later is told here, and by the exit code */
export async function rumpCommand(words: readonly string[], flags: RumpFlags, io: Io): Promise<ExitCode> {
  const options = rumpOptions(words, flags, io);
  if (flags.report !== undefined) await checkReportPath(flags.report);
  // Told to stop, the job says in its report what it came to.
  const stopped = { message: 'the job was told to stop.', remedy: 'The same command again goes on from here.' };
  const report = await withDisplay(flags, io, stopped, (progress, signal) => rump({ ...options, progress, signal }));
  const exitCode = exitCodeOfReport(report);
  const json = () => jsonLine(rumpJson(report, { version, exitCode }));
  if (flags.report !== undefined) await writeWhole(flags.report, json());
  if (flags.json) {
    await write(io.stdout, json());
  } else if (!flags.quiet || exitCode !== 0) {
    await write(io.stdout, renderRump(report, styleFor(io.stdout, io.env)));
    if (report.error !== undefined) await write(io.stderr, renderError(report.error, errorLook(io)));
  }
  return exitCode;
}

function rumpOptions(words: readonly string[], flags: RumpFlags, io: Io): RumpOptions {
  const { from, to } = flags;
  const example = 'For example: keyferry rump --from redis://10.0.0.7 --to redis://10.0.0.8';
  if (words.length > 0) {
    throw new UsageError('OPTIONS_CONFLICT', `rump takes options alone, not "${words[0]}".`, { remedy: example });
  }
  if (from === undefined) {
    throw new UsageError('FROM_MISSING', 'which server is to be copied? --from URL names it.', { remedy: example });
  }
  if (to === undefined) {
    throw new UsageError('TO_MISSING', 'where should the keys go? --to URL names the target.', { remedy: example });
  }
  const drop = flags.expire === false;
  if (drop && flags.ttlShift !== undefined) {
    throw new UsageError('OPTIONS_CONFLICT', '--no-expire leaves no expiry for --ttl-shift to move.', {
      remedy: 'Give one of the two.',
    });
  }
  const source = targetOf(
    from,
    {
      ...(flags.fromTlsCa === undefined ? {} : { tlsCa: flags.fromTlsCa }),
      ...(flags.fromTlsCert === undefined ? {} : { tlsCert: flags.fromTlsCert }),
      ...(flags.fromTlsKey === undefined ? {} : { tlsKey: flags.fromTlsKey }),
      ...(flags.fromTlsServerName === undefined ? {} : { tlsServerName: flags.fromTlsServerName }),
      ...(flags.fromSentinelUser === undefined ? {} : { sentinelUser: flags.fromSentinelUser }),
    },
    { env: { ...io.env, KEYFERRY_PASSWORD: io.env.KEYFERRY_SOURCE_PASSWORD ?? '' } },
  );
  return {
    source,
    target: targetOf(to, flags, io),
    onConflict: flags.onConflict,
    expiry: { shiftMs: flags.ttlShift ?? 0, drop },
    filter: filterOf(flags),
    passes: flags.passes,
    access: flags.accessTimes,
    prefer: flags.prefer,
    cloud: flags.cloud,
    keyFile: flags.keyFile,
    mode: flags.mode,
    sourceAddressMap: flags.fromAddressMap,
    addressMap: flags.addressMap,
    dbMap: flags.dbMap,
    mergeDbs: flags.mergeDbs,
    connections: flags.connections,
    sourceConnections: flags.fromConnections,
    count: flags.count,
    rate: flags.rate,
    fresh: flags.fresh,
    force: flags.force,
    workDir: flags.workDir,
    dumpBytes: flags.dumpBytes,
    bigKeyBytes: flags.bigKeyBytes,
    patienceMs: flags.retryFor,
    replyTimeoutMs: flags.replyTimeout,
  };
}
