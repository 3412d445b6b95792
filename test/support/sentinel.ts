// A master, a replica and three sentinels on loopback, quick to fail over.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Pair, tlsConfig } from './certificates.ts';
import { freePort, launch } from './server-process.ts';
import { binaryOf, type Server, type ServerName, startServer } from './servers.ts';

export const MASTER = 'mymaster';

export interface WatchedOptions {
  /** Of master and replica, as `startServer` takes it. */
  config?: Record<string, string>;
  /** Of the sentinels: their own login, TLS. */
  sentinelConfig?: Record<string, string>;
  /** How sentinels and replica log in to the servers. */
  auth?: { user: string; password: string };
  /** TLS for all, with this certificate: they ask each other, and clients, for one of that CA. */
  tls?: { pair: Pair; authority: Pair };
}

export interface Watched extends AsyncDisposable {
  readonly master: Server;
  readonly replica: Server;
  /** Where clients reach the two: with TLS, another port than the `port` of the server. */
  readonly masterPort: number;
  readonly replicaPort: number;
  readonly sentinels: readonly Sentinel[];
  /** `host:port` of the sentinels, with commas between them. */
  readonly hosts: string;
  /** Until two sentinels name that port as the master's. */
  named(port: number): Promise<void>;
}

export interface Sentinel {
  /** The one for clients: with TLS, that of TLS. */
  readonly port: number;
  readonly client: Redis;
  stop(): Promise<void>;
}

/** How long a server is silent before a sentinel takes it for down, in ms. */
const DOWN_AFTER_MS = 500;

export async function startWatched(name: ServerName, options: WatchedOptions = {}): Promise<Watched> {
  const { config = {}, auth } = options;
  const login = auth === undefined ? {} : { masteruser: auth.user, masterauth: auth.password };
  const quick = { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0', ...login, ...config };
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0)) await stop();
  };
  try {
    const mine = await tlsFor(options);
    const master = await startServer(name, { config: { ...quick, ...mine.config } });
    const masterPort = mine.port ?? master.port;
    stops.unshift(() => master.stop());
    const its = await tlsFor(options);
    const replica = await startServer(name, {
      config: { ...quick, ...its.config, replicaof: `127.0.0.1 ${masterPort}` },
    });
    stops.unshift(() => replica.stop());
    await until(async () => /master_link_status:up/.test(String(await replica.call('INFO', 'replication'))));
    const sentinels: Sentinel[] = [];
    for (let index = 0; index < 3; index++) {
      const sentinel = await startSentinel(name, masterPort, options);
      stops.unshift(() => sentinel.stop());
      sentinels.push(sentinel);
    }
    const state = async ({ client }: Sentinel) => (await client.call('SENTINEL', 'MASTER', MASTER)) as string[];
    const field = (fields: string[], wanted: string) => fields[fields.indexOf(wanted) + 1];
    for (const sentinel of sentinels) {
      await until(async () => {
        const fields = await state(sentinel);
        return field(fields, 'num-other-sentinels') === '2' && field(fields, 'num-slaves') === '1';
      });
    }
    return {
      master,
      replica,
      masterPort,
      replicaPort: its.port ?? replica.port,
      sentinels,
      hosts: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
      named: async (port) => {
        const names = async ({ client }: Sentinel) =>
          ((await client.call('SENTINEL', 'get-master-addr-by-name', MASTER)) as string[])[1] === String(port);
        await until(async () => (await Promise.all(sentinels.map(names))).filter(Boolean).length >= 2);
      },
      [Symbol.asyncDispose]: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Lines of a configuration for TLS on a port of its own. */
async function tlsFor({ tls }: WatchedOptions): Promise<{ port?: number; config: Record<string, string> }> {
  if (tls === undefined) return { config: {} };
  const port = await freePort();
  return { port, config: { ...tlsConfig(tls.pair, port, tls.authority), 'tls-replication': 'yes' } };
}

async function startSentinel(name: ServerName, masterPort: number, options: WatchedOptions): Promise<Sentinel> {
  const { auth, sentinelConfig: config = {} } = options;
  const tls = await tlsFor(options);
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'keyferry-sentinel-'));
  // A sentinel is the server's program with one word more.
  const program = join(dir, 'sentinel');
  writeFileSync(program, `#!/bin/sh\nexec "${binaryOf(name)}" "$@" --sentinel\n`, { mode: 0o755 });
  const login = auth === undefined ? {} : { 'sentinel auth-user': `${MASTER} ${auth.user}` };
  const password = auth === undefined ? {} : { 'sentinel auth-pass': `${MASTER} ${auth.password}` };
  const running = launch(program, name, port, dir, true, {
    'sentinel monitor': `${MASTER} 127.0.0.1 ${masterPort} 2`,
    'sentinel down-after-milliseconds': `${MASTER} ${DOWN_AFTER_MS}`,
    'sentinel failover-timeout': `${MASTER} 4000`,
    ...login,
    ...password,
    ...tls.config,
    ...config,
  });
  const client = new Redis({
    host: '127.0.0.1',
    port,
    ...(config.requirepass === undefined ? {} : { password: config.requirepass }),
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    retryStrategy: () => 20,
  });
  client.on('error', () => {});
  const stop = async () => {
    client.disconnect();
    running.process.ref();
    running.process.kill('SIGKILL');
    await running.exited;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await until(async () => (await client.ping()) === 'PONG');
    return { port: tls.port ?? port, client, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until it is so; what throws is tried again. */
async function until(so: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const come = await so().catch(() => false);
    if (come) return;
    if (Date.now() > deadline) throw new Error(`it has not come within ${deadlineMs} ms: ${so}`);
    await sleep(20);
  }
}
