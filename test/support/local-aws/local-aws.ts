// A local AWS for tests: one ministack process on a free loopback port, with all its data in memory, gone with the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { Certificates, type Pair, pem } from '../certificates.ts';
import { freePort } from '../server-process.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FOLDER = process.env.KEYFERRY_MINISTACK ?? join(ROOT, 'node_modules', '.cache', 'ministack');
const PYTHON = join(FOLDER, 'bin', 'python');
/** Corrects what ministack does unlike AWS, where it stands beside this checkout and `KEYFERRY_AWS` is not `stock`. */
const OVERLAY = join(ROOT, '..', 'shared', 'tools', 'emulator', 'ministack_overlay.py');
const REGION = 'us-east-1';
/** The root user, where policies are enforced; anything does where they are not. */
const USER = 'test';
const corrected = process.env.KEYFERRY_AWS !== 'stock' && existsSync(OVERLAY);

/** A note to append to the title of a test that is skipped, empty where the local AWS is there or could be installed. */
export const awsLacks = install();

function install(): string {
  if (existsSync(PYTHON)) return '';
  const { status, stderr } = spawnSync(join(ROOT, 'scripts', 'get-ministack'), { encoding: 'utf8' });
  return status === 0 ? '' : ` [skipped: no local AWS: ${stderr?.trim().split('\n').at(-1) ?? 'bash is missing'}]`;
}

export interface LocalAwsOptions {
  /** Policies are enforced, of callers and of functions' roles, and it speaks TLS alone, as policies ask for. */
  enforced?: boolean;
}

export interface LocalAws extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** What a program needs in its environment to use it: endpoint, region, credentials, and the CA where there is one. */
  readonly environment: Readonly<Record<string, string>>;
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
export async function startLocalAws(
  settings: Record<string, string> = {},
  { enforced = false }: LocalAwsOptions = {},
): Promise<LocalAws> {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-aws-'));
  const port = await freePort();
  const certificates = enforced ? new Certificates() : undefined;
  const pair = certificates?.selfSigned('aws', { subject: '/CN=127.0.0.1', names: 'IP:127.0.0.1,DNS:localhost' });
  const agent = pair === undefined ? undefined : new Agent({ ca: pem(pair.cert), keepAlive: true });
  const url = `${enforced ? 'https' : 'http'}://127.0.0.1:${port}`;
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
      MINISTACK_REGION: REGION,
      LAMBDA_EXECUTOR: 'local',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      SFN_WAIT_SCALE: '0.05',
      PYTHONDONTWRITEBYTECODE: '1',
      ...(pair === undefined ? {} : enforcing(pair)),
      ...settings,
    },
  });
  closeSync(log);
  watch(child, folder);
  const clients: { destroy(): void }[] = [];
  const stop = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    agent?.destroy();
    await end(child);
    certificates?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  const failure = await served(child, `${url}/_ministack/health`, agent);
  if (failure !== undefined) {
    const end = readFileSync(logFile, 'utf8').slice(-2000);
    await stop();
    throw new Error(`the local AWS did not start: ${failure}. Its log ends:\n${end}`);
  }
  const config = (endpoint = url) => ({
    endpoint,
    region: REGION,
    credentials: { accessKeyId: USER, secretAccessKey: USER },
    forcePathStyle: true,
    ...(agent === undefined ? {} : { requestHandler: { httpsAgent: agent } }),
  });
  const kept = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client);
    return client;
  };
  return {
    host: '127.0.0.1',
    port,
    url,
    environment: {
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: USER,
      AWS_SECRET_ACCESS_KEY: USER,
      AWS_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...(pair === undefined ? {} : trusting(pair)),
    },
    config,
    s3: (endpoint) => kept(new S3Client(config(endpoint))),
    dynamodb: (endpoint) => kept(new DynamoDBClient(config(endpoint))),
    log: () => readFileSync(logFile, 'utf8'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Programs of Node and the CDK CLI read the CA at different places. */
const trusting = ({ cert }: Pair) => ({ NODE_EXTRA_CA_CERTS: cert, AWS_CA_BUNDLE: cert });

/** Functions inherit the environment, and with it the CA. */
const enforcing = (pair: Pair) => ({
  AUTH: 'true',
  USE_SSL: '1',
  MINISTACK_SSL_CERT: pair.cert,
  MINISTACK_SSL_KEY: pair.key,
  NODE_EXTRA_CA_CERTS: pair.cert,
});

async function served(child: ChildProcess, health: string, agent: Agent | undefined): Promise<string | undefined> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return 'it ended';
    if (await (agent === undefined ? fetchable(health) : reachable(health, agent))) return undefined;
    await sleep(50);
  }
  return 'it does not answer';
}

const fetchable = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

/** `fetch` takes no CA. */
const reachable = (url: string, agent: Agent): Promise<boolean> =>
  new Promise((settle) => {
    get(url, { agent }, (answer) => settle(answer.resume().statusCode === 200)).once('error', () => settle(false));
  });

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
