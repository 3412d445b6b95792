// The CDK CLI against a local AWS: bootstrap once, synthesise, deploy and destroy, as a person would.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalAws } from '../support/local-aws/local-aws.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CDK = join(ROOT, 'node_modules', '.bin', 'cdk');
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

/** A deploy that hangs is given up: a custom resource that never answers would take an hour. */
const PATIENCE_MS = 120_000;

/** What the CLI writes and reads between its calls. */
export class Cdk {
  readonly #aws: LocalAws;
  readonly #folder: string;

  /** @param folder an empty one */
  constructor(aws: LocalAws, folder: string) {
    this.#aws = aws;
    this.#folder = folder;
  }

  /** Prepares the account. From an empty folder: elsewhere it would synthesise the app there first. */
  async bootstrap(): Promise<void> {
    const empty = join(this.#folder, 'empty');
    mkdirSync(empty, { recursive: true });
    await this.#run(['bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', ''], empty);
  }

  /**
   * Synthesises an app; gives the folder of the assembly.
   *
   * @param app its path from the checkout on
   */
  async synth(config: string, app: string): Promise<string> {
    const assembly = join(this.#folder, 'assembly');
    const named = ['--app', `node ${app}`, '--context', `config=${config}`];
    await this.#run(['synth', '--quiet', '--output', assembly, ...named], ROOT);
    return assembly;
  }

  /** Deploys an assembly as it is; gives the stack's outputs. */
  async deploy(assembly: string, stack = 'Keyferry'): Promise<Record<string, string>> {
    const outputs = join(this.#folder, 'outputs.json');
    const quiet = ['--require-approval', 'never', '--outputs-file', outputs];
    await this.#run(['deploy', stack, '--app', assembly, ...quiet], ROOT);
    const all = JSON.parse(readFileSync(outputs, 'utf8')) as Record<string, Record<string, string>>;
    return all[stack] ?? {};
  }

  async destroy(assembly: string, stack = 'Keyferry'): Promise<void> {
    await this.#run(['destroy', stack, '--app', assembly, '--force'], ROOT);
  }

  /** @throws with all that the CLI said when it fails or takes too long */
  #run(args: string[], cwd: string): Promise<string> {
    const child = spawn(CDK, args, {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of this process's environment: proxies, certificates and credentials of the developer stay out.
      env: {
        HOME: this.#folder,
        TMPDIR: process.env.TMPDIR ?? '/tmp',
        PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
        ...this.#aws.environment,
        CDK_DEFAULT_ACCOUNT: ACCOUNT,
        CDK_DEFAULT_REGION: REGION,
        CDK_DISABLE_CLI_TELEMETRY: 'true',
        CI: 'true',
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data));
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), PATIENCE_MS);
    return new Promise((settle, fail) => {
      child.once('error', fail);
      child.once('close', (code) => {
        clearTimeout(timer);
        if (code === 0) settle(said);
        else fail(new Error(`cdk ${args[0]} ended with ${code ?? 'a signal'}:\n${said}`));
      });
    });
  }
}
