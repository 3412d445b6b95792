// A local AWS for tests: one ministack process on a free loopback port, with all its data in memory, gone with the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { freePort } from '../server-process.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FOLDER = process.env.KEYFERRY_MINISTACK ?? join(ROOT, 'node_modules', '.cache', 'ministack');
const PYTHON = join(FOLDER, 'bin', 'python');
/** Corrects what ministack does unlike AWS, where it stands beside this checkout and `KEYFERRY_AWS` is not `stock`. */
const OVERLAY = join(ROOT, '..', 'shared', 'tools', 'emulator', 'ministack_overlay.py');
const corrected = process.env.KEYFERRY_AWS !== 'stock' && existsSync(OVERLAY);

/** A note to append to the title of a test that is skipped, empty where the local AWS is there or could be installed. */
export const awsLacks = install();

function install(): string {
  if (existsSync(PYTHON)) return '';
  const { status, stderr } = spawnSync(join(ROOT, 'scripts', 'get-ministack'), { encoding: 'utf8' });
  return status === 0 ? '' : ` [skipped: no local AWS: ${stderr?.trim().split('\n').at(-1) ?? 'bash is missing'}]`;
}

export interface LocalAws extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** What clients of it are made with; `endpoint` leads to it, or to a proxy before it. */
  config(endpoint?: string): S3ClientConfig & DynamoDBClientConfig;
  s3(endpoint?: string): S3Client;
  dynamodb(endpoint?: string): DynamoDBClient;
  log(): string;
  stop(): Promise<void>;
}

/**
 * Starts a local AWS and waits until it answers.
 *
 * @param settings of ministack, as environment variables, beside those that keep it local
 * @throws when it does not start, with the end of its log
 */
export async function startLocalAws(settings: Record<string, string> = {}): Promise<LocalAws> {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-aws-'));
  const port = await freePort();
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const child = spawn(PYTHON, corrected ? [OVERLAY] : ['-m', 'ministack'], {
    cwd: folder,
    // A group of its own: what it starts in its turn goes with it.
    detached: true,
    stdio: ['ignore', log, log],
    // Nothing of this process's environment: certificates and proxies would reach it and its functions.
    env: {
      HOME: folder,
      TMPDIR: folder,
      PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_HOST: '127.0.0.1',
      MINISTACK_REGION: 'us-east-1',
      LAMBDA_EXECUTOR: 'local',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      SFN_WAIT_SCALE: '0.05',
      PYTHONDONTWRITEBYTECODE: '1',
      ...settings,
    },
  });
  closeSync(log);
  watch(child, folder);
  const clients: { destroy(): void }[] = [];
  const stop = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const failure = await served(child, port);
  if (failure !== undefined) {
    const end = readFileSync(logFile, 'utf8').slice(-2000);
    await stop();
    throw new Error(`the local AWS did not start: ${failure}. Its log ends:\n${end}`);
  }
  const config = (endpoint = `http://127.0.0.1:${port}`) => ({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
  const kept = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client);
    return client;
  };
  return {
    host: '127.0.0.1',
    port,
    config,
    s3: (endpoint) => kept(new S3Client(config(endpoint))),
    dynamodb: (endpoint) => kept(new DynamoDBClient(config(endpoint))),
    log: () => readFileSync(logFile, 'utf8'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function served(child: ChildProcess, port: number): Promise<string | undefined> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return 'it ended';
    const reply = await fetch(`http://127.0.0.1:${port}/_ministack/health`).catch(() => undefined);
    if (reply?.ok) return undefined;
    await sleep(50);
  }
  return 'it does not answer';
}

/** Kills the whole group; nothing in it is worth a farewell. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const exited = new Promise((settle) => child.once('exit', settle));
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
  await exited;
}

/**
 * The kernel closes the pipe when this process ends, even by SIGKILL; the shell reads that end, kills the group and
 * removes the folder. A line in the pipe means that it is gone already.
 */
function watch(child: ChildProcess, folder: string): void {
  if (child.pid === undefined) return;
  const script = 'read -r _ && exit; kill -9 "-$1"; sleep 0.1; rm -rf "$2"';
  const watchdog = spawn('sh', ['-c', script, 'watchdog', String(child.pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  child.unref();
  watchdog.stdin.on('error', () => {});
  child.once('exit', () => watchdog.stdin.end('gone\n'));
}
