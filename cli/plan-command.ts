// `keyferry plan`: reads files from end to end and shows what they hold.
import { openRdb, STDIN } from '../lib/sources/rdb/input.ts';
import { version } from '../lib/version.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { planJson } from './plan-json.ts';
import { type PlannedFile, renderPlan } from './plan-view.ts';
import { checkFiles } from './restore-options.ts';
import { styleFor } from './style.ts';
import type { WatchedProgress } from './watched-progress.ts';
import { withDisplay } from './with-display.ts';

/** The options as the parser leaves them. */
export interface PlanFlags {
  workDir?: string;
  chunkBytes?: number;
  /** False for `--no-write`. */
  write?: boolean;
  fresh?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** @throws {KeyferryError} at the first file that cannot be planned; the files before it have been shown */
export async function planCommand(files: readonly string[], flags: PlanFlags, io: Io): Promise<ExitCode> {
  checkFiles(files, 'plan', io);
  const planned: PlannedFile[] = [];
  const stopped = { message: 'the reading was told to stop.', remedy: 'No plan was written.' };
  for (const name of files) {
    const file = await withDisplay(flags, io, stopped, (progress, signal) =>
      planFile(name, flags, io, progress, signal),
    );
    if (!flags.json) {
      const gap = planned.length === 0 ? '' : '\n';
      await write(io.stdout, gap + renderPlan(file, styleFor(io.stdout, io.env)));
    }
    planned.push(file);
  }
  if (flags.json) await write(io.stdout, jsonLine(planJson(planned, version)));
  return EXIT.complete;
}

async function planFile(
  name: string,
  flags: PlanFlags,
  { stdin }: Io,
  progress: WatchedProgress,
  signal: AbortSignal,
): Promise<PlannedFile> {
  // A plan of standard input is of no use later: what comes through it next is another stream.
  const noWrite = flags.write === false || name === STDIN;
  const { workDir, chunkBytes } = flags;
  // Without a plan to make, what is left to do is to read the file and prove it.
  const fresh = flags.fresh === true || noWrite;
  const input = await openRdb(name, { workDir, chunkBytes, fresh, noWrite, stdin, progress, signal });
  await input.close(noWrite);
  const { plan, planPath, reused, source } = input;
  const unpackedPath = source.name === name ? undefined : source.name;
  return {
    name: input.name,
    plan,
    reused,
    planPath: noWrite ? undefined : planPath,
    unpackedPath: noWrite ? undefined : unpackedPath,
  };
}
