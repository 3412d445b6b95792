// Real servers for tests: each on a free loopback port with a folder of its own, none of them outliving the test.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import type { Argument } from './commands.ts';
import { binaryOf, type Features, featuresOf, lacks, type ServerName } from './server-binaries.ts';
import { freePort, launch, type Running, served } from './server-process.ts';

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
    if (failure === undefined) return attach(running, name, port, dir, owned, options.config ?? {});
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

async function attach(
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
