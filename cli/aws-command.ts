// `keyferry aws …`: finds the deployment, and does with it what the command says.
import { InterruptedError, KeyferryError, UsageError } from '../lib/errors.ts';
import type { AwsMode } from '../lib/jobs/aws/job.ts';
import { parseRunOptions } from '../lib/jobs/aws/run-options.ts';
import { type Deployment, doorOf, findDeployment } from '../lib/jobs/aws-client/deployment.ts';
import { dropFile } from '../lib/jobs/aws-client/drop.ts';
import { doctorsOf, examineTargets } from '../lib/jobs/aws-client/examine.ts';
import { type Followed, type FollowedEnd, follow, glance } from '../lib/jobs/aws-client/follow.ts';
import { findJob, type JobStory, newestJobs, retryJob, storyOf } from '../lib/jobs/aws-client/jobs.ts';
import { Progress } from '../lib/telemetry/progress.ts';
import { version } from '../lib/version.ts';
import { openAccount } from './aws-account.ts';
import { type AwsCommand, type AwsFlags, optionsBeside } from './aws-flags.ts';
import { awsErrorOf, exitCodeOfStory, jobJson, renderJobs, renderStory, storyJson } from './aws-view.ts';
import { DEFAULT_JOBS, DEFAULT_STACK } from './define-aws.ts';
import { errorLook } from './display-options.ts';
import { doctorColumns, exitCodeOfDoctor, findingsJson } from './doctor-command.ts';
import { renderDoctor } from './doctor-view.ts';
import { renderError } from './error-view.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { type Io, write } from './io.ts';
import { jsonLine } from './key-json.ts';
import { logLine } from './progress-view.ts';
import { quoteWord } from './resume-command.ts';
import { styleFor } from './style.ts';
import type { WatchedProgress } from './watched-progress.ts';
import { withDisplay } from './with-display.ts';

/** @throws {UsageError} for what is missing on the command line, and for a deployment that is not found */
export async function awsCommand(command: AwsCommand, words: string[], flags: AwsFlags, io: Io): Promise<ExitCode> {
  const [word] = words;
  const { region, profile, stack = io.env.KEYFERRY_STACK || DEFAULT_STACK } = flags;
  const options = optionsBeside(flags);
  const open = async () => {
    const choice = { ...(region === undefined ? {} : { region }), ...(profile === undefined ? {} : { profile }) };
    return findDeployment(await openAccount(choice, io.env), stack);
  };
  switch (command) {
    case 'restore':
    case 'decode':
    case 'load': {
      const file = given(word, 'FILES_MISSING', `there is no file to ${command}.`, `keyferry aws ${command} dump.rdb`);
      parseRunOptions(command, options, 'the command line');
      return ferry(await open(), command, file, options, flags, io);
    }
    case 'jobs':
      return listJobs(await open(), flags, io);
    case 'job': {
      const id = given(word, 'JOB_MISSING', 'which job? Its id is missing.', 'keyferry aws job 3f9a');
      return showJob(await open(), id, flags, io);
    }
    case 'retry': {
      const id = given(word, 'JOB_MISSING', 'which job? Its id is missing.', 'keyferry aws retry 3f9a');
      return retry(await open(), id, flags, io);
    }
    case 'doctor':
      return examine(await open(), word, flags, io);
  }
}

function given(word: string | undefined, code: string, message: string, example: string): string {
  if (word !== undefined) return word;
  throw new UsageError(code, message, { remedy: `For example: ${example}` });
}

async function ferry(
  deployment: Deployment,
  mode: AwsMode,
  file: string,
  options: Record<string, unknown>,
  flags: AwsFlags,
  io: Io,
): Promise<ExitCode> {
  const door = doorOf(deployment, mode, flags.target);
  const stopped = { message: 'the upload was told to stop.', remedy: 'The file is not at its door.' };
  let id = '';
  const end = await withDisplay(flags, io, stopped, async (progress, signal) => {
    const dropped = await dropFile(deployment, door, { file, name: flags.name, options }, progress, signal);
    id = dropped.id;
    return goOn(deployment, dropped, stopped, flags, progress, signal);
  });
  return end === undefined ? leave(id, flags, io) : tell(deployment, id, end, flags, io);
}

async function retry(deployment: Deployment, prefix: string, flags: AwsFlags, io: Io): Promise<ExitCode> {
  const job = await findJob(deployment, prefix);
  const owner = await retryJob(deployment, job);
  const stopped = { message: '', remedy: '' };
  const end = await withDisplay(flags, io, stopped, (progress, signal) =>
    goOn(deployment, { id: job.id, owner }, stopped, flags, progress, signal),
  );
  return end === undefined ? leave(job.id, flags, io) : tell(deployment, job.id, end, flags, io);
}

/** Follows a job that is on its way; `undefined` where nobody wants that. */
async function goOn(
  deployment: Deployment,
  followed: Followed,
  stopped: { message: string; remedy: string },
  flags: AwsFlags,
  progress: WatchedProgress,
  signal: AbortSignal,
): Promise<FollowedEnd | undefined> {
  stopped.message = `the job goes on on AWS; only its display has ended.`;
  stopped.remedy = `To see it again: ${again('job', followed.id, flags)}`;
  return flags.wait === false ? undefined : follow(deployment, followed, progress, signal);
}

async function leave(id: string, flags: AwsFlags, io: Io): Promise<ExitCode> {
  const text = flags.json ? jsonLine({ keyferry: version, exitCode: EXIT.complete, job: { id } }) : `${id}\n`;
  await write(io.stdout, text);
  if (!flags.json && !flags.quiet) await write(io.stderr, `To see how it goes: ${again('job', id, flags)}\n`);
  return EXIT.complete;
}

/** @throws {KeyferryError} where its execution ended without a word in its record */
async function tell(
  deployment: Deployment,
  id: string,
  { job, stopped }: FollowedEnd,
  flags: AwsFlags,
  io: Io,
): Promise<ExitCode> {
  if (stopped === undefined) return tellStory(deployment, await storyOf(deployment, job), flags, io);
  const { status, error, cause } = stopped;
  if (status === 'SUCCEEDED') {
    throw new UsageError('AWS_JOB_TAKEN', 'the execution had nothing to do: another one has the job.', {
      where: `job ${id}`,
      remedy: `Look at it: ${again('job', id, flags)}`,
    });
  }
  const said = [error, cause].filter((part) => part !== '').join(': ');
  throw new KeyferryError('AWS_EXECUTION', `its execution ended without a report (${status})${said && `: ${said}`}`, {
    where: `job ${id}`,
    remedy: `When the reason is gone: ${again('retry', id, flags)}`,
  });
}

async function tellStory(deployment: Deployment, story: JobStory, flags: AwsFlags, io: Io): Promise<ExitCode> {
  const exitCode = exitCodeOfStory(story);
  if (flags.json) {
    await write(io.stdout, jsonLine({ keyferry: version, exitCode, ...storyJson(story, deployment) }));
    return exitCode;
  }
  await write(io.stdout, renderStory(story, deployment, styleFor(io.stdout, io.env)));
  const error = awsErrorOf(story, again('retry', story.job.id, flags));
  if (error !== undefined) await write(io.stderr, (io.stderr.isTTY ? '\n' : '') + renderError(error, errorLook(io)));
  return exitCode;
}

async function listJobs(deployment: Deployment, flags: AwsFlags, io: Io): Promise<ExitCode> {
  const jobs = await newestJobs(deployment, flags.limit ?? DEFAULT_JOBS, flags.state);
  const text = flags.json
    ? jsonLine({ keyferry: version, exitCode: EXIT.complete, jobs: jobs.map(jobJson) })
    : renderJobs(jobs, deployment.clock.now(), styleFor(io.stdout, io.env));
  await write(io.stdout, text);
  return EXIT.complete;
}

async function showJob(deployment: Deployment, prefix: string, flags: AwsFlags, io: Io): Promise<ExitCode> {
  const job = await findJob(deployment, prefix);
  if (job.state !== 'running') return tellStory(deployment, await storyOf(deployment, job), flags, io);
  const progress = new Progress();
  await glance(deployment, job, progress);
  const story = await storyOf(deployment, job);
  if (flags.json) {
    const { phase, bytes, bytesTotal = null, keys, keysTotal = null } = progress;
    const shown = { ...storyJson(story, deployment), progress: { phase, bytes, bytesTotal, keys, keysTotal } };
    await write(io.stdout, jsonLine({ keyferry: version, exitCode: EXIT.complete, ...shown }));
  } else {
    const { phase, file, bytes, bytesTotal, keys, keysTotal, failed } = progress;
    const line = logLine({
      phase,
      file,
      bytes,
      bytesTotal,
      keys,
      keysTotal,
      failed,
      rates: undefined,
      stopping: false,
    });
    await write(io.stdout, `${renderStory(story, deployment, styleFor(io.stdout, io.env))}  ${line}\n`);
  }
  return EXIT.complete;
}

async function examine(deployment: Deployment, target: string | undefined, flags: AwsFlags, io: Io): Promise<ExitCode> {
  const doctors = doctorsOf(deployment, target);
  const stopped = { message: 'the checks were told to stop.', remedy: 'Nothing was written.' };
  const examined = await withDisplay(flags, io, stopped, (progress, signal) => {
    progress.begin('checking');
    return Promise.race([examineTargets(deployment, doctors), aborted(signal)]);
  });
  const exitCode = Math.max(...examined.map(({ report }) => exitCodeOfDoctor(report))) as ExitCode;
  if (flags.json) {
    const targets = examined.map(({ name, report }) => ({ name, ...findingsJson(report) }));
    await write(io.stdout, jsonLine({ keyferry: version, exitCode, targets }));
    return exitCode;
  }
  const texts = examined.map(({ name, report }) => {
    const named = { ...report, target: name === report.target ? name : `${name}: ${report.target}` };
    return renderDoctor(named, styleFor(io.stdout, io.env), doctorColumns(io));
  });
  await write(io.stdout, texts.join('\n'));
  return exitCode;
}

/** Rejects as soon as the signal aborts. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new InterruptedError('INTERRUPTED', 'told to stop.')), {
      once: true,
    });
  });

/** A command about the same deployment. */
function again(command: AwsCommand, id: string, { stack, region, profile }: AwsFlags): string {
  const place = Object.entries({ stack, region, profile }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, quoteWord(value)],
  );
  return ['keyferry aws', command, id, ...place].join(' ');
}
