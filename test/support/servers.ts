// Real servers for tests: each on a free loopback port with a folder of its own, none of them outliving the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Argument } from './commands.ts';
import { binaryOf, type Features, featuresOf, lacks, type ServerName } from './server-binaries.ts';

export * from './server-binaries.ts';

export interface StartOptions {
  /** Lines of its configuration file: directive to value, several words as the file writes them, '' for none. */
  config?: Record<string, string>;
  /** An RDB file to load at the start. It is only read. */
  rdb?: string;
  /** Its working folder; without it a temporary one that goes with the server. */
  dir?: string;
  /** How long it may take until it serves, loading included. Default 30 s. */
  deadlineMs?: number;
}

/** As whom and where a connection begins. */
export interface Login {
  db?: number;
  username?: string;
  password?: string;
}

export interface Server extends AsyncDisposable {
  readonly name: ServerName;
  /** As the server states it, e.g. `7.0.15`. */
  readonly version: string;
  readonly features: Features;
  readonly host: string;
  readonly port: number;
  /** With the password, where `config` has a `requirepass`. */
  readonly url: string;
  readonly dir: string;
  /** The server itself, no wrapper: its pid can be signalled. */
  readonly process: ChildProcess;
  /** On db 0; connects at its first command. */
  readonly client: Redis;
  /**
   * When the data arrived, in ms: what idle times count from (see oracle.ts). Set to the moment the server served;
   * set it anew after filling or restoring.
   */
  loadedAt: number;
  /** One command on `client`, strings as text. */
  call(command: string, ...args: Argument[]): Promise<unknown>;
  /** One command on `client`, strings as bytes. */
  callBuffer(command: string, ...args: Argument[]): Promise<unknown>;
  /** Another connection; `stop` and `kill` close it too. */
  connect(as?: Login): Redis;
  /** What the server has logged so far. */
  log(): string;
  /** Ends the server and removes its temporary folder. */
  stop(): Promise<void>;
  /** Ends the server as a power cut would (SIGKILL); its folder stays until `stop`. */
  kill(): Promise<void>;
}

/**
 * Starts a server without persistence, open to DEBUG, and waits until it serves.
 *
 * @throws when this machine lacks it, or when it ends before it serves (a damaged RDB), with the end of its log
 */
export async function startServer(name: ServerName, options: StartOptions = {}): Promise<Server> {
  const binary = binaryOf(name);
  if (binary === undefined) throw new Error(`cannot start ${name}${lacks(name)}`);
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), `keyferry-${name}-`));
  const owned = options.dir === undefined;
  if (options.rdb !== undefined) {
    rmSync(join(dir, 'dump.rdb'), { force: true });
    symlinkSync(resolve(options.rdb), join(dir, 'dump.rdb'));
  }
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const running = launch(binary, name, port, dir, owned, options.config ?? {});
    const failure = await served(running, options.deadlineMs ?? 30_000);
    if (failure === undefined) return describe(running, name, port, dir, owned, options.config ?? {});
    running.process.kill('SIGKILL');
    await running.exited;
    // Between our look and the server's bind, another process may have taken the port.
    if (/Address already in use/.test(failure) && attempt < 5) continue;
    if (owned) rmSync(dir, { recursive: true, force: true });
    throw new Error(`${name} did not start: ${failure}`);
  }
}

/** Runs `use` with a server that is stopped afterwards, whatever happened. */
export async function withServer<T>(
  name: ServerName,
  options: StartOptions,
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const server = await startServer(name, options);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

interface Running {
  process: ChildProcess;
  logFile: string;
  exited: Promise<void>;
}

/** Spawns the server, and beside it a shell that kills it when this process goes without a word. */
function launch(
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
async function served({ process: server, logFile }: Running, deadlineMs: number): Promise<string | undefined> {
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

async function describe(
  running: Running,
  name: ServerName,
  port: number,
  dir: string,
  owned: boolean,
  config: Record<string, string>,
): Promise<Server> {
  const host = '127.0.0.1';
  const password = config.requirepass;
  const clients: Redis[] = [];
  const connect = (as: Login = {}): Redis => {
    const client = new Redis({
      host,
      port,
      lazyConnect: true,
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      // A server that a test has killed is gone: fail at once.
      retryStrategy: () => null,
      ...(password === undefined ? {} : { password }),
      ...as,
    });
    client.on('error', () => {});
    clients.push(client);
    return client;
  };
  const client = connect();
  const end = async (): Promise<void> => {
    for (const each of clients) each.disconnect();
    running.process.ref();
    running.process.kill('SIGKILL');
    await running.exited;
  };
  const stop = async (): Promise<void> => {
    await end();
    if (owned) rmSync(dir, { recursive: true, force: true });
  };
  const info = String(await client.call('INFO', 'server'));
  return {
    name,
    version: /valkey_version:(\S+)/.exec(info)?.[1] ?? /redis_version:(\S+)/.exec(info)?.[1] ?? '',
    features: featuresOf(name),
    host,
    port,
    url:
      password === undefined ? `redis://${host}:${port}` : `redis://:${encodeURIComponent(password)}@${host}:${port}`,
    dir,
    process: running.process,
    client,
    loadedAt: Date.now(),
    call: (command, ...args) => client.call(command, args),
    callBuffer: (command, ...args) => client.callBuffer(command, args),
    connect,
    log: () => readFileSync(running.logFile, 'utf8'),
    stop,
    kill: end,
    [Symbol.asyncDispose]: stop,
  };
}

/** A port that nobody listens on at this moment. */
function freePort(): Promise<number> {
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
