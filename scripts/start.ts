// The main job on sample data: a throw-away redis-server on loopback, a sample RDB restored into it by the terminal tool,
// a few keys read back, and what to try next. Needs no account and leaves nothing behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { ensureRedis } from './ensure-redis.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tool = join(root, 'dist', 'keyferry.mjs');
const sample = join(root, 'test', 'fixtures', 'sample.rdb');

/** How to read a key of each type back. */
const READERS: Record<string, (key: string) => string[]> = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  list: (key) => ['LRANGE', key, '0', '2'],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '2', 'WITHSCORES'],
  stream: (key) => ['XRANGE', key, '-', '+', 'COUNT', '1'],
};

if (!ensureRedis()) process.exit(1);
const folder = await mkdtemp(join(tmpdir(), 'keyferry-demo-'));
let server: ChildProcess | undefined;
try {
  const port = await freePort();
  server = startServer(port);
  const file = 'sample.rdb';
  await copyFile(sample, join(folder, file));
  const url = `redis://127.0.0.1:${port}`;
  say(`A throw-away redis-server listens on ${url}. The sample file holds every core type.`);
  await waitUntilUp(port);
  await run('plan', file);
  await run('restore', file, '--to', url);
  await readBack(port);
  tellWhatNext();
} finally {
  server?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
}

function startServer(port: number): ChildProcess {
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      child.kill('SIGKILL');
      process.exit(130);
    });
  }
  return child;
}

/** Runs the terminal tool as a person would, its output on the screen. */
async function run(...args: string[]): Promise<void> {
  say(`$ npx keyferry ${args.join(' ')}`);
  const child = spawn(process.execPath, [tool, ...args], { stdio: 'inherit', cwd: folder });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`keyferry ended with exit code ${code}`);
}

/** Shows a few keys of different types as the server now has them. */
async function readBack(port: number): Promise<void> {
  say('Read back from the server:');
  const redis = new Redis({ host: '127.0.0.1', port });
  const show = (command: string, reply: unknown) => console.log(`  ${command.padEnd(42)} ${short(reply)}`);
  const seen = new Set<string>();
  for await (const keys of redis.scanStream({ count: 1000 })) {
    for (const key of keys as string[]) {
      const type = await redis.type(key);
      const read = READERS[type];
      if (seen.has(type) || read === undefined) continue;
      seen.add(type);
      const command = read(key);
      show(command.join(' '), await redis.call(...(command as [string, ...string[]])));
    }
    if (seen.size === Object.keys(READERS).length) break;
  }
  const databases = (await redis.info('keyspace')).match(/^db\d+:keys=\d+/gm) ?? [];
  show('INFO keyspace', databases.map((line) => line.replace(':', ' ')).join(', '));
  redis.disconnect();
}

function short(reply: unknown): string {
  const text = typeof reply === 'string' ? JSON.stringify(reply) : JSON.stringify(reply).replaceAll('","', '", "');
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}

function tellWhatNext(): void {
  say('Try next, with a server and a dump of your own:');
  for (const line of [
    'npx keyferry plan dump.rdb                                        what is in it',
    'npx keyferry restore dump.rdb --to redis://HOST:6379 --dry-run    check, write nothing',
    'npx keyferry restore dump.rdb --to redis://HOST:6379              do it; the same again resumes',
    'npx keyferry restore --help                                       conflicts, filters, rates',
  ]) {
    console.log(`  ${line}`);
  }
}

function say(text: string): void {
  console.log(`\n${text}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

async function waitUntilUp(port: number): Promise<void> {
  const redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, maxRetriesPerRequest: 200 });
  redis.on('error', () => undefined); // refused until it is up
  await redis.ping();
  redis.disconnect();
}
