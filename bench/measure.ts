// Runs commands and says what they cost: wall time, CPU time and the peak of their memory. Linux only: it reads /proc.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A command as it is spawned, without a shell. */
export interface Command {
  /** What tables call it. */
  readonly label: string;
  readonly program: string;
  readonly args: readonly string[];
  /** A file to read as standard input; nothing without it. */
  readonly stdin?: string | undefined;
}

/** What one run cost. */
export interface Cost {
  readonly wallSeconds: number;
  /** User and system time of the command and of the processes that it started and waited for. */
  readonly cpuSeconds: number;
  /** The largest resident set of the command's process. */
  readonly peakRssBytes: number;
  /** What it printed, both streams. */
  readonly output: string;
}

const POLL_MS = 10;
/** A bench never waits longer for one command. */
const DEADLINE_MS = 15 * 60_000;
/** Linux counts CPU in these for user space, on every architecture that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100;

/**
 * Runs a command to its end. One at a time: CPU is what the kernel adds to this process's own account of children
 * (cutime, cstime) when the command is reaped, exact to 10 ms; getrusage gives no more here, since Node does not show
 * RUSAGE_CHILDREN. The memory peak is VmHWM, read every 10 ms: the kernel keeps the maximum, so only growth within the
 * last 10 ms can be missed. (ru_maxrss, which `time -v` prints, would count what the parent held before exec.)
 *
 * @throws when the command cannot be spawned, fails, is killed, or runs longer than 15 minutes
 */
export async function run(command: Command): Promise<Cost> {
  const stdin = command.stdin === undefined ? 'ignore' : openSync(command.stdin, 'r');
  const cpuBefore = childrenCpuSeconds();
  const started = performance.now();
  const child = spawn(command.program, command.args, { stdio: [stdin, 'pipe', 'pipe'] });
  if (stdin !== 'ignore') closeSync(stdin);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let peakRssBytes = 0;
  const poll = setInterval(() => {
    if (child.pid !== undefined) peakRssBytes = Math.max(peakRssBytes, peakRss(child.pid));
  }, POLL_MS);
  const deadline = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  try {
    let wallSeconds = 0;
    child.once('exit', () => {
      wallSeconds = (performance.now() - started) / 1000;
    });
    // 'close' comes after 'exit', when the output is complete too
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((settle, fail) => {
      child.once('error', fail);
      child.once('close', (...ending) => settle(ending));
    });
    if (code !== 0) throw new Error(`${show(command)}: ended with ${signal ?? code}\n${output.slice(-2000)}`);
    return { wallSeconds, cpuSeconds: childrenCpuSeconds() - cpuBefore, peakRssBytes, output };
  } finally {
    clearInterval(poll);
    clearTimeout(deadline);
    process.removeListener('exit', killWithUs);
  }
}

/** CPU of all children of this process that have ended and been waited for. @see proc(5), /proc/pid/stat */
function childrenCpuSeconds(): number {
  return cpuFields('self', 16, 17);
}

/** CPU that a living process has used so far, all its threads. */
export function processCpuSeconds(pid: number): number {
  return cpuFields(String(pid), 14, 15);
}

function cpuFields(pid: string, user: number, system: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // the second field is the program's name, which may hold anything but ends at the last parenthesis
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[user - 3]) + Number(fields[system - 3])) / TICKS_PER_SECOND;
}

function peakRss(pid: number): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    // it has ended since the last look
    return 0;
  }
}

/** The command as a person would type it. */
export function show({ program, args, stdin }: Command): string {
  const words = [program, ...args].map((word) => (/^[\w./:=,@-]+$/.test(word) ? word : `'${word}'`));
  return stdin === undefined ? words.join(' ') : `${words.join(' ')} < ${stdin}`;
}
