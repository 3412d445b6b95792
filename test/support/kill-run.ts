// Runs restores in processes of their own, and has them killed at points that a seed chooses.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { RestoreOptions } from '../../lib/jobs/restore.ts';
import type { Random } from './random.ts';

export type KillKind = 'step' | 'socket' | 'file';
export type KillMode = 'before' | 'half' | 'after';

export interface RunRequest {
  url: string;
  files: string[];
  /** Only what survives JSON. */
  options: Partial<Pick<RestoreOptions, 'onConflict' | 'workDir' | 'chunkBytes' | 'concurrency' | 'connections'>>;
}

export interface RunResult {
  outcome: string;
  resumed: boolean;
  error?: { code: string; where: string; text: string } | undefined;
  keys: Record<'written' | 'already' | 'skipped' | 'expired' | 'filtered' | 'failed', number>;
}

/** How many points of each kind an unkilled run has. */
export type KillCounts = Record<KillKind, number>;

/** Restores in child processes from one bundle, which starts in a fraction of the time that many files take. */
export class RestoreProcesses {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param folder to put the bundle into */
  static async create(folder: string): Promise<RestoreProcesses> {
    const here = fileURLToPath(new URL('.', import.meta.url));
    await build({
      entryPoints: [join(here, 'restore-runner.ts'), join(here, 'kill-preload.ts')],
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      target: 'node22',
      format: 'esm',
      // ioredis is CommonJS and requires Node's own modules at run time.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
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
    const args = [...preload, join(this.#folder, 'restore-runner.mjs'), JSON.stringify(request)];
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
        else if (code === 0 && errors === '') settle(JSON.parse(output) as RunResult);
        else fail(new Error(`the runner ended with ${code ?? signal}: ${errors}`));
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
