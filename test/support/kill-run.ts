// Runs the terminal tool in processes of its own, and has it killed at points that a seed chooses.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ConflictPolicy } from '../../lib/targets/redis/policy.ts';
import type { Random } from './random.ts';

export type KillKind = 'step' | 'socket' | 'file';
export type KillMode = 'before' | 'half' | 'after';

/** One `keyferry restore`, or `keyferry rump`. */
export interface RunRequest {
  url: string;
  /** What is restored. */
  file?: string;
  /** What is copied, instead of a file. */
  from?: string;
  workDir: string;
  /** Of a restore. */
  chunkBytes?: number;
  onConflict?: ConflictPolicy;
  /** Default: that of the tool. */
  bigKeyBytes?: number;
}

/** What it prints with `--json`, as far as the tests look at it. */
export interface RunResult {
  outcome: string;
  exitCode: number;
  resumed: boolean;
  error: { code: string; where: string; message: string } | null;
  keys: Record<'written' | 'already' | 'skipped' | 'expired' | 'filtered', number> & {
    failed: unknown[];
    losses: object;
  };
}

/** How many points of each kind an unkilled run has. */
export type KillCounts = Record<KillKind, number>;

/** The tool in child processes, from one bundle, which starts in a fraction of the time that many files take. */
export class RestoreProcesses {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param folder to put the bundle into */
  static async create(folder: string): Promise<RestoreProcesses> {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    await build({
      entryPoints: {
        keyferry: join(root, 'cli', 'keyferry.ts'),
        'kill-preload': join(root, 'test', 'support', 'kill-preload.ts'),
      },
      outdir: folder,
      define: { KEYFERRY_VERSION: '"test"' },
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      target: 'node22',
      format: 'esm',
      // ioredis is CommonJS and requires Node's own modules at run time.
      banner: {
        js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
      },
      logLevel: 'warning',
    });
    return new RestoreProcesses(folder);
  }

  /** Runs to the end. */
  async run(request: RunRequest): Promise<RunResult> {
    return (await this.#spawn(request, {})) as RunResult;
  }

  /** Runs to the end and counts the points at which it could have been killed. */
  async count(request: RunRequest): Promise<KillCounts> {
    const path = join(this.#folder, 'counts.json');
    await this.#spawn(request, { KEYFERRY_KILL_COUNTS: path });
    const counts = JSON.parse(readFileSync(path, 'utf8')) as KillCounts;
    rmSync(path);
    return counts;
  }

  /** Runs until the point is reached: `undefined` when it was, the result when the run was over before. */
  kill(request: RunRequest, point: string): Promise<RunResult | undefined> {
    return this.#spawn(request, { KEYFERRY_KILL: point });
  }

  #spawn(request: RunRequest, env: Record<string, string>): Promise<RunResult | undefined> {
    const preload = Object.keys(env).length === 0 ? [] : ['--import', join(this.#folder, 'kill-preload.mjs')];
    const { url, file, from, workDir, chunkBytes, onConflict = 'panic', bigKeyBytes } = request;
    const options = {
      to: url,
      'work-dir': workDir,
      ...(chunkBytes === undefined ? {} : { 'chunk-bytes': chunkBytes }),
      'on-conflict': onConflict,
      ...(bigKeyBytes === undefined ? {} : { 'big-key-bytes': bigKeyBytes }),
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const command = from === undefined ? ['restore', file as string] : ['rump', '--from', from];
    const args = [...preload, join(this.#folder, 'keyferry.mjs'), ...command, '--json', ...flags];
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (piece) => {
      output += piece;
    });
    child.stderr.on('data', (piece) => {
      errors += piece;
    });
    return new Promise((settle, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) => {
        if (signal === 'SIGKILL') settle(undefined);
        else if (output !== '') settle(JSON.parse(output) as RunResult);
        else fail(new Error(`keyferry ended with ${code ?? signal}: ${errors}`));
      });
    });
  }
}

/** A point drawn from those of an unkilled run: half of them awaited steps, half of them writes. */
export function drawPoint(random: Random, counts: KillCounts): string {
  const kind = random.pick<KillKind>(['step', 'step', 'socket', 'file']);
  const mode = kind === 'step' ? 'before' : random.pick<KillMode>(['before', 'half', 'after']);
  return `${kind}:${random.int(1, counts[kind])}:${mode}`;
}
