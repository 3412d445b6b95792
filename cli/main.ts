// The terminal tool: reads the command line, runs the command, turns whatever happens into text and an exit code.
import { CommanderError } from 'commander';
import { UsageError } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import { decodeCommand } from './decode-command.ts';
import { errorLook } from './display-options.ts';
import { doctorCommand } from './doctor-command.ts';
import { errorJson, renderError } from './error-view.ts';
import { EXIT, type ExitCode, exitCodeOfError } from './exit-codes.ts';
import { inspectCommand } from './inspect-command.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { loadCommand } from './load-command.ts';
import { planCommand } from './plan-command.ts';
import { buildProgram } from './program.ts';
import { restoreCommand } from './restore-command.ts';

/** Runs what the command line asks for. Never throws. */
export async function run(io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.complete;
  const program = buildProgram(
    {
      restore: async (files, flags) => {
        exitCode = await restoreCommand(files, flags, io);
      },
      plan: async (files, flags) => {
        exitCode = await planCommand(files, flags, io);
      },
      decode: async (files, flags) => {
        exitCode = await decodeCommand(files, flags, io);
      },
      load: async (files, flags) => {
        exitCode = await loadCommand(files, flags, io);
      },
      inspect: async (files, flags) => {
        exitCode = await inspectCommand(files, flags, io);
      },
      doctor: async (files, flags) => {
        exitCode = await doctorCommand(files, flags, io);
      },
      aws: async (command, words, flags) => {
        // With the SDK, which takes longer to load than all else together.
        const { awsCommand } = await import('./aws-command.ts');
        exitCode = await awsCommand(command, words, flags, io);
      },
      rump: async (words, flags) => {
        const { rumpCommand } = await import('./rump-command.ts');
        exitCode = await rumpCommand(words, flags, io);
      },
      dump: async (words, flags) => {
        const { dumpCommand } = await import('./dump-command.ts');
        exitCode = await dumpCommand(words, flags, io);
      },
      verify: async (paths, flags) => {
        const { verifyCommand } = await import('./verify-command.ts');
        exitCode = await verifyCommand(paths, flags, io);
      },
      backups: async (words, flags) => {
        const { backupsCommand } = await import('./backups-command.ts');
        exitCode = await backupsCommand(words, flags, io);
      },
    },
    io,
  );
  try {
    await program.parseAsync(io.argv);
    return exitCode;
  } catch (error) {
    return fail(error, io);
  }
}

/** Help and version end in an error too: they have been shown. */
const SHOWN: ReadonlySet<string> = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

async function fail(thrown: unknown, io: Io): Promise<ExitCode> {
  if (thrown instanceof CommanderError && SHOWN.has(thrown.code)) {
    return thrown.exitCode === 0 ? EXIT.complete : EXIT.usage;
  }
  const error = thrown instanceof CommanderError ? usageError(thrown, io.argv) : thrown;
  const exitCode = exitCodeOfError(error);
  const look = errorLook(io);
  const json = io.argv.includes('--json');
  if (json)
    await write(io.stdout, jsonLine({ keyferry: version, outcome: 'stopped', exitCode, error: errorJson(error) }));
  if (!json || look.debug) await write(io.stderr, renderError(error, look));
  return exitCode;
}

const COMMANDS: ReadonlySet<string | undefined> = new Set([
  'restore',
  'plan',
  'decode',
  'load',
  'inspect',
  'doctor',
  'aws',
  'dump',
  'verify',
  'backups',
]);

function usageError({ message }: CommanderError, [, , first, second]: readonly string[]): UsageError {
  const text = message
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .replaceAll('\n', ' ');
  const unknown = /^unknown command/.test(text);
  if (unknown && first !== undefined && /\.(rdb|aof|gz|zst)$/i.test(first)) {
    return new UsageError('USAGE', `${text}.`, { remedy: `To restore a file: keyferry restore ${first} --to URL` });
  }
  const word = [first, second].find((each) => COMMANDS.has(each)) ?? '';
  // Within aws there are commands again, whose options its help leads to.
  const command = unknown && word !== 'aws' ? '' : `${word} `;
  return new UsageError('USAGE', `${text}.`, { remedy: `What there is: keyferry ${command.trimStart()}--help` });
}

/** Runs as a process of its own and ends it. */
export async function runAsProcess(): Promise<void> {
  const { stdin, stdout, stderr, env, argv } = process;
  const io: Io = { stdin, stdout, stderr, env, argv };
  let lost: Error | undefined;
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever read has read enough.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') lost ??= error;
    });
  }
  // Not to be foreseen, and still no reason for a raw stack trace.
  process.on('uncaughtException', (error) => {
    stderr.write(renderError(error, errorLook(io)), () => process.exit(EXIT.defect));
  });
  const exitCode = await run(io);
  if (lost !== undefined && exitCode === EXIT.complete) {
    await write(stderr, `The output could not be written: ${lost.message}\n`);
    process.exit(EXIT.usage);
  }
  // A pipe or a socket that is still open must not hold the process.
  process.exit(exitCode);
}
