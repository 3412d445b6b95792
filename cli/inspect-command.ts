// `keyferry inspect`: what fills the memory, on the terminal, as JSON, as CSV, and as a page.
import { resolve } from 'node:path';
import { type KeyferryError, UsageError } from '../lib/errors.ts';
import { inspect } from '../lib/jobs/inspect.ts';
import type { ValueKind } from '../lib/rdb/types.ts';
import { openOutput } from '../lib/storage/output.ts';
import type { AllocatorName } from '../lib/targets/inspect/allocator.ts';
import type { InspectReport } from '../lib/targets/inspect/report.ts';
import type { ModelledServer } from '../lib/targets/inspect/servers.ts';
import { version } from '../lib/version.ts';
import { errorLook, showsUnicode } from './display-options.ts';
import { errorJson, renderError } from './error-view.ts';
import { EXIT, type ExitCode, exitCodeOfError } from './exit-codes.ts';
import { inspectCsv } from './inspect-csv.ts';
import { renderInspection } from './inspect-view.ts';
import { columnsOfStream, type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { checkReportPath } from './report-file.ts';
import { checkFiles, filterOf } from './restore-options.ts';
import { styleFor } from './style.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them. */
export interface InspectFlags {
  html?: string;
  csv?: string;
  report?: string;
  json?: boolean;
  quiet?: boolean;
  top?: number;
  separator?: string;
  depth?: number;
  shards?: number;
  /** ms since 1970 */
  now?: number;
  hashKeys?: boolean;
  memoryOf?: ModelledServer;
  allocator?: AllocatorName;
  onlyDb?: readonly number[];
  match?: readonly string[];
  type?: readonly ValueKind[];
  workDir?: string;
}

/** @throws {UsageError} before the job begins; what happens later is told here, and by the exit code */
export async function inspectCommand(files: readonly string[], flags: InspectFlags, io: Io): Promise<ExitCode> {
  checkFiles(files, 'inspect', io);
  if (flags.report !== undefined) await checkReportPath(flags.report);
  checkOutputs(files, [flags.html, flags.csv]);
  const stopped = { message: 'the job was told to stop.', remedy: 'Nothing was written.' };
  const { report, error } = await withDisplay(flags, io, stopped, (progress, signal) =>
    inspect({
      files,
      filter: filterOf(flags),
      memoryOf: flags.memoryOf,
      allocator: flags.allocator,
      nowMs: flags.now,
      top: flags.top,
      separators: flags.separator,
      depth: flags.depth,
      shards: flags.shards,
      hashKeys: flags.hashKeys,
      workDir: flags.workDir,
      version,
      stdin: io.stdin,
      progress,
      signal,
    }),
  );
  await writeFiles(report, error, flags);
  await show(report, error, flags, io);
  return error === undefined ? EXIT.complete : exitCodeOfError(error);
}

/** @throws {UsageError} `OUTPUT_IS_INPUT` where a file would be written over what is to be read */
function checkOutputs(files: readonly string[], outputs: readonly (string | undefined)[]): void {
  for (const path of outputs) {
    if (path === undefined || !files.some((file) => resolve(file) === resolve(path))) continue;
    throw new UsageError('OUTPUT_IS_INPUT', 'this file is to be read: it is not written over.', {
      where: path,
      remedy: 'Give the output another name.',
    });
  }
}

/** @throws {LocalError} where one of them cannot be written */
async function writeFiles(report: InspectReport, error: KeyferryError | undefined, flags: InspectFlags): Promise<void> {
  if (flags.html !== undefined) {
    // Only who asks for a page pays for loading what draws it.
    const { renderHtml } = await import('./inspect-html.ts');
    await writeFile(flags.html, await renderHtml(report));
  }
  if (flags.csv !== undefined) await writeFile(flags.csv, inspectCsv(report));
  if (flags.report !== undefined) await writeFile(flags.report, jsonLine(inspectJson(report, error)));
}

async function writeFile(path: string, text: string): Promise<void> {
  const output = await openOutput(path);
  try {
    await output.write(Buffer.from(text));
    await output.commit();
  } catch (error) {
    await output.leave();
    throw error;
  }
}

async function show(
  report: InspectReport,
  error: KeyferryError | undefined,
  flags: InspectFlags,
  io: Io,
): Promise<void> {
  if (flags.json) {
    await write(io.stdout, jsonLine(inspectJson(report, error)));
    return;
  }
  // A file that could not even be begun has nothing to show.
  if (!flags.quiet && (error === undefined || report.totals.keys > 0)) {
    const look = { style: styleFor(io.stdout, io.env), unicode: showsUnicode(io.env) };
    await write(io.stdout, renderInspection(report, columnsOfStream(io.stdout), look));
  }
  if (error !== undefined) await write(io.stderr, renderError(error, errorLook(io)));
}

/** The report, with the error and the exit code in the form that all commands have. */
function inspectJson(report: InspectReport, error: KeyferryError | undefined): object {
  return {
    ...report,
    exitCode: error === undefined ? EXIT.complete : exitCodeOfError(error),
    error: error === undefined ? null : errorJson(error),
  };
}
