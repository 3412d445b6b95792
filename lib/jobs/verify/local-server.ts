// A throw-away server of this machine that loads an RDB: the last judge of whether it can be loaded.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { InputError } from '../../errors.ts';
import { NEWEST_SHARED_RDB } from '../../rdb/dialect.ts';
import { Control } from '../../redis/control.ts';
import { parseInfo, rdbVersionOf, type ServerInfo } from '../../redis/server-info.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { unpackStream } from '../../storage/unpack.ts';
import { systemClock } from '../../telemetry/clock.ts';
import type { BackupShard } from '../dump/manifest.ts';
import type { VerifyTask } from '../verify-backup.ts';
import { blocksOf, copies, quiet } from './check-bytes.ts';

/** Programs of that name on PATH are looked at. */
const PROGRAMS = ['valkey-server', 'redis-server'] as const;
/** How much of its log an error quotes; characters. */
const LOG_TAIL = 600;
const MOST_LOG = 64 * 1024;

export interface LocalProgram {
  readonly program: string;
  readonly engine: ServerInfo['engine'];
  readonly version: string;
}

/** A program of this machine that knows the RDB's version; `undefined` where there is none. */
export async function findProgram(rdb: BackupShard['rdb']): Promise<LocalProgram | undefined> {
  for (const program of PROGRAMS) {
    const said = await promisify(execFile)(program, ['--version']).catch(() => undefined);
    const version = /\bv=(\d+\.\d+\.\d+)/.exec(said?.stdout ?? '')?.[1];
    if (version === undefined) continue;
    const engine = program === 'valkey-server' ? 'valkey' : 'redis';
    if (loads(engine, version, rdb.version)) return { program, engine, version };
  }
  return undefined;
}

/** @param rdb dialect and version: `redis 11` */
export function loads(engine: ServerInfo['engine'], version: string, rdb: string): boolean {
  const [dialect, number] = rdb.split(' ');
  if (dialect === 'dragonfly' || (dialect === 'valkey' && engine !== 'valkey')) return false;
  const newest = rdbVersionOf(parseInfo(`${engine}_version:${version}`));
  if (dialect === 'redis' && engine === 'valkey') return Number(number) <= NEWEST_SHARED_RDB;
  return Number(number) <= newest;
}

export class LocalServer {
  readonly control: Control;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, control: Control) {
    this.#process = child;
    this.#folder = folder;
    this.control = control;
  }

  /**
   * Starts it with the file, reachable by a unix socket alone, and waits until it has loaded. It believes itself a replica,
   * so that it keeps keys whose time has passed.
   *
   * @throws {InputError} `BACKUP_NOT_LOADED` with the end of its log
   */
  static async start(
    { program }: LocalProgram,
    source: ByteSource,
    shard: BackupShard,
    task: VerifyTask,
  ): Promise<LocalServer> {
    const { workDir, signal } = task;
    const folder = await mkdtemp(join(workDir ?? tmpdir(), 'keyferry-server-'));
    const socket = join(folder, 's');
    let child: ChildProcess | undefined;
    try {
      const rdb = join(folder, 'dump.rdb');
      if (source.path !== undefined && shard.packing === 'none') await symlink(resolve(source.path), rdb);
      else await unpackStream(source.name, Readable.from(copies(blocksOf(source, quiet(task)))), rdb);
      const databases = Math.max(16, ...shard.databases.map(({ db }) => db + 1));
      child = spawn(program, configuration({ folder, socket, databases }), { stdio: ['ignore', 'pipe', 'pipe'] });
      await loaded(child, source.name, signal);
      const endpoint = { host: '', port: 0, path: socket, username: undefined, password: undefined };
      const control = new Control({ endpoint, clock: systemClock, patienceMs: 5000, replyTimeoutMs: 60_000, signal });
      return new LocalServer(child, folder, control);
    } catch (error) {
      child?.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async end(): Promise<void> {
    this.control.end();
    this.#process.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function configuration({ folder, socket, databases }: { folder: string; socket: string; databases: number }): string[] {
  return Object.entries({
    port: '0',
    unixsocket: socket,
    dir: folder,
    dbfilename: 'dump.rdb',
    save: '',
    appendonly: 'no',
    databases: String(databases),
    // Nobody listens there.
    replicaof: '127.0.0.1 1',
  }).flatMap(([name, value]) => [`--${name}`, ...(name === 'replicaof' ? value.split(' ') : [value])]);
}

/** Waits for the word that it serves. */
function loaded(child: ChildProcess, path: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    const stopped = () => reject(signal?.reason);
    signal?.addEventListener('abort', stopped, { once: true });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-MOST_LOG);
        if (/ready to accept connections/i.test(log)) resolve();
      });
    }
    const failed = (what: string) =>
      reject(
        new InputError(
          'BACKUP_NOT_LOADED',
          `a server does not load this file: ${what}. Its log ends:\n${log.slice(-LOG_TAIL)}`,
          {
            where: path,
          },
        ),
      );
    child.once('error', (error) => failed(error.message));
    child.once('close', (code, killed) => failed(`it ended with ${killed ?? code}`));
  });
}
