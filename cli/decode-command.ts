// `keyferry decode`: RDB files as JSON Lines, on standard output or in a file.
import { stat } from 'node:fs/promises';
import { quoteKey, UsageError } from '../lib/errors.ts';
import { type DecodeReport, decode } from '../lib/jobs/decode.ts';
import { PartFiles } from '../lib/jobs/part-files.ts';
import type { ValueKind } from '../lib/rdb/types.ts';
import { type Output, openOutput, StreamOutput } from '../lib/storage/output.ts';
import { PrettyOutput } from '../lib/targets/json/pretty.ts';
import type { ShapeName } from '../lib/targets/json/shape.ts';
import { version } from '../lib/version.ts';
import { errorLook } from './display-options.ts';
import { errorJson, renderError } from './error-view.ts';
import { EXIT, type ExitCode, exitCodeOfError } from './exit-codes.ts';
import { formatBytes, formatSeconds, plural, printable } from './format.ts';
import { type Io, write } from './io.ts';
import { jsonLine, keyJson } from './key-json.ts';
import type { Packing } from './parse.ts';
import { checkFiles, filterOf } from './restore-options.ts';
import { styleFor } from './style.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them. */
export interface DecodeFlags {
  output?: string;
  onlyDb?: readonly number[];
  match?: readonly string[];
  type?: readonly ValueKind[];
  keysOnly?: boolean;
  /** False for `--no-value`. */
  value?: boolean;
  maxLine?: number;
  shape?: 'keyferry' | ShapeName;
  pretty?: boolean;
  split?: number;
  pack?: Packing;
  threads?: number;
  salvage?: boolean;
  workDir?: string;
  json?: boolean;
  quiet?: boolean;
}

const STDOUT = '-';
/** Damaged keys that are named on the screen. */
const NAMED_KEYS = 10;

/** @throws {UsageError} before the job begins; what happens later is told here, and by the exit code */
export async function decodeCommand(files: readonly string[], flags: DecodeFlags, io: Io): Promise<ExitCode> {
  checkFiles(files, 'decode', io);
  const path = flags.output ?? STDOUT;
  const output = prettied(await open(path, flags, io), flags);
  // Lines on the same terminal would be torn apart by a display.
  const shown = { ...flags, quiet: flags.quiet === true || (path === STDOUT && io.stdout.isTTY === true) };
  const stopped = { message: 'the job was told to stop.', remedy: 'The output is not whole.' };
  const report = await withDisplay(shown, io, stopped, (progress, signal) =>
    decode({
      files,
      output,
      filter: filterOf(flags),
      keysOnly: flags.keysOnly,
      noValue: flags.value === false,
      maxLineBytes: flags.maxLine,
      threads: flags.threads ?? 'auto',
      salvage: flags.salvage,
      shape: flags.shape === 'keyferry' ? undefined : flags.shape,
      workDir: flags.workDir,
      stdin: io.stdin,
      progress,
      signal,
    }),
  );
  return tell(report, path, flags, io);
}

async function open(path: string, flags: DecodeFlags, io: Io): Promise<Output | PartFiles> {
  const { split, pack } = flags;
  const folder = split !== undefined || path.endsWith('/') || (await isFolder(path));
  if (folder && path !== STDOUT) return PartFiles.open(path, { parts: split, packing: pack, shape: flags.shape });
  if (folder) {
    throw new UsageError('OPTIONS_CONFLICT', '--split makes files, and standard output is none.', {
      remedy: 'Name a folder: -o FOLDER',
    });
  }
  if (pack !== undefined) {
    throw new UsageError('OPTIONS_CONFLICT', '--pack is for the parts in a folder.', {
      remedy: 'A single file is packed as its name says: -o dump.jsonl.zst',
    });
  }
  return path === STDOUT ? new StreamOutput(io.stdout) : openOutput(path);
}

function prettied(output: Output | PartFiles, { pretty, shape }: DecodeFlags): Output | PartFiles {
  if (!pretty) return output;
  if (shape === 'rdbtools-csv' || output instanceof PartFiles) {
    const what = output instanceof PartFiles ? 'parts are lines for programs' : 'the shape rdbtools-csv is no JSON';
    throw new UsageError('OPTIONS_CONFLICT', `--pretty is for people: ${what}.`, { remedy: 'Leave out --pretty.' });
  }
  return new PrettyOutput(output);
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

async function tell(report: DecodeReport, path: string, flags: DecodeFlags, io: Io): Promise<ExitCode> {
  const exitCode = exitCodeOf(report);
  if (flags.json) {
    await write(io.stderr, jsonLine(reportJson(report, path, exitCode)));
    return exitCode;
  }
  if (report.error !== undefined) await write(io.stderr, renderError(report.error, errorLook(io)));
  const style = styleFor(io.stderr, io.env);
  const lines = report.warnings.map((warning) => `${style.yellow('warning')}: ${warning}`);
  for (const { db, key, code, message, offset } of report.damaged.slice(0, NAMED_KEYS)) {
    lines.push(
      `left out: db ${db}, key ${key === undefined ? 'not readable' : quoteKey(key)}: ${code} at byte ${offset}: ${message}`,
    );
  }
  const more = report.damaged.length - NAMED_KEYS;
  if (more > 0) lines.push(`left out: ${plural(more, 'key')} more; --json names them all`);
  if (report.outcome !== 'complete' && report.outcome !== 'partial' && path !== STDOUT && report.lines > 0) {
    lines.push(`What was decoded before stands in ${printable(path)}.partial.`);
  }
  if (!flags.quiet && path !== STDOUT && report.error === undefined) {
    const size = `${formatBytes(report.bytes)} of JSON`;
    lines.push(
      `Decoded ${plural(report.keys, 'key')} to ${printable(path)}: ${size} in ${formatSeconds(report.seconds)}.`,
    );
  }
  if (lines.length > 0) await write(io.stderr, `${lines.join('\n')}\n`);
  return exitCode;
}

function exitCodeOf({ outcome, error }: DecodeReport): ExitCode {
  if (error !== undefined) return exitCodeOfError(error);
  return outcome === 'partial' ? EXIT.partial : EXIT.complete;
}

/** On standard error: standard output may carry the lines. */
function reportJson(report: DecodeReport, path: string, exitCode: ExitCode): object {
  const { error, damaged, ...facts } = report;
  return {
    keyferry: version,
    exitCode,
    output: path,
    ...facts,
    error: error === undefined ? null : errorJson(error),
    damaged: damaged.map(({ key, ...damage }) => ({
      ...damage,
      ...(key === undefined ? { key: null } : keyJson(key)),
    })),
  };
}
