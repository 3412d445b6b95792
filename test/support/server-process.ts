// A server as a process: launched with its configuration, watched until it serves, and bound to this process's life.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { featuresOf, type ServerName } from './server-binaries.ts';

/** A server's process, and what belongs to it. */
export interface Running {
  process: ChildProcess;
  logFile: string;
  exited: Promise<void>;
}

/** Spawns the server, and beside it a shell that kills it when this process goes without a word. */
export function launch(
  binary: string,
  name: ServerName,
  port: number,
  dir: string,
  owned: boolean,
  config: Record<string, string>,
): Running {
  const directives: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: `"${dir}"`,
    save: '',
    appendonly: 'no',
    ...(featuresOf(name).seven ? { 'enable-debug-command': 'yes' } : {}),
    ...config,
  };
  const lines = Object.entries(directives).map(([directive, value]) => `${directive} ${value === '' ? '""' : value}`);
  writeFileSync(join(dir, 'server.conf'), `${lines.join('\n')}\n`);
  const logFile = join(dir, 'server.log');
  const log = openSync(logFile, 'w');
  const server = spawn(binary, [join(dir, 'server.conf')], { cwd: dir, stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = new Promise<void>((settle) => {
    server.once('exit', () => settle());
    server.once('error', () => settle());
  });
  watch(server, owned ? dir : '');
  server.unref();
  return { process: server, logFile, exited };
}

/**
 * The kernel closes the pipe when this process ends, even by SIGKILL; the shell reads that end, kills the server and
 * removes its folder. A line in the pipe means that the server is gone already. The shell leads a process group of its
 * own, so a Ctrl-C at the terminal doesn't end it first.
 */
function watch(server: ChildProcess, ownedDir: string): void {
  if (server.pid === undefined) return;
  const script = 'read -r _ && exit; kill -9 "$1"; [ -z "$2" ] || { sleep 0.1; rm -rf "$2"; }';
  const watchdog = spawn('sh', ['-c', script, 'watchdog', String(server.pid), ownedDir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  watchdog.on('error', () => server.kill('SIGKILL'));
  // EPIPE when somebody has ended the shell: then there is nothing left to tell it.
  watchdog.stdin.on('error', () => {});
  server.once('exit', () => watchdog.stdin.end('gone\n'));
}

/** Waits until the server says that it serves; gives what went wrong when it doesn't. */
export async function served({ process: server, logFile }: Running, deadlineMs: number): Promise<string | undefined> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const ended = server.exitCode !== null || server.signalCode !== null || server.pid === undefined;
    const log = readFileSync(logFile, 'utf8');
    // The line comes after loading, and from our own process: a PING might be answered by a stranger on the port.
    if (log.includes('Ready to accept connections')) return undefined;
    if (ended) return `it ended with ${server.exitCode ?? server.signalCode}. Its log ends:\n${log.slice(-2000)}`;
    if (Date.now() > deadline) return `it does not serve after ${deadlineMs} ms. Its log ends:\n${log.slice(-2000)}`;
    await sleep(5);
  }
}

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => settle(port));
    });
  });
}
