// One process that does a whole job as Lambda and Step Functions would: the real handlers from their bundles, in the order
// of the state machine. Writes what it did as JSON: `lambda-worker.ts TASK`, where TASK is a LambdaTask in JSON.
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { join } from 'node:path';

export const MODES = ['restore', 'decode', 'load'] as const;
export type Mode = (typeof MODES)[number];

export interface LambdaTask {
  readonly mode: Mode;
  /** Folder of the bundles. */
  readonly functions: string;
  /** What starts the execution. */
  readonly input: { readonly bucket: string; readonly key: string };
  readonly target: string;
  /** Where the result is written to. */
  readonly result: string;
}

export interface LambdaResult {
  /** Each call of a function, in their order. */
  readonly calls: readonly { readonly name: string; readonly ms: number }[];
  /** How long each function took to load, ms. */
  readonly loads: Readonly<Record<string, number>>;
  /** Requests to AWS by operation: of DynamoDB by name, of S3 by method. */
  readonly requests: Readonly<Record<string, number>>;
  readonly chunks: number;
}

/** The functions of each state machine (infra/states.ts). */
const MACHINES: Record<Mode, { before: readonly string[]; chunk: string; after: string }> = {
  restore: { before: ['claim', 'lease', 'plan', 'prepare'], chunk: 'restore-chunk', after: 'finish' },
  decode: { before: ['claim', 'plan'], chunk: 'decode-chunk', after: 'decode-finish' },
  load: { before: ['claim', 'lease', 'build', 'plan', 'prepare'], chunk: 'restore-chunk', after: 'finish' },
};

/** The functions that a job of this mode calls. */
export function functionsOf(mode: Mode): string[] {
  const { before, chunk, after } = MACHINES[mode];
  return [...before, chunk, after];
}

/** What a call of a function has at most, ms. */
const CALL_MS = 900_000;

type Answer = Record<string, unknown>;
type Handler = (event: unknown, context: object) => Promise<Answer>;

async function execute({ mode, functions, input, target }: LambdaTask): Promise<LambdaResult> {
  const calls: { name: string; ms: number }[] = [];
  const loads: Record<string, number> = {};
  const requests = countRequests();
  const handlers = new Map<string, Handler>();

  async function call(name: string, event: unknown): Promise<Answer> {
    const handler = handlers.get(name) ?? (await load(name));
    // What takes more than one call goes on where it was.
    for (;;) {
      const started = performance.now();
      const context = { getRemainingTimeInMillis: () => CALL_MS - (performance.now() - started) };
      const answer = await handler(event, context);
      calls.push({ name, ms: performance.now() - started });
      if (answer.ok === false) throw new Error(`${name}: ${JSON.stringify(answer)}`);
      if (answer.done !== false) return answer;
    }
  }

  async function load(name: string): Promise<Handler> {
    const started = performance.now();
    const { handler } = (await import(join(functions, name, 'index.mjs'))) as { handler: Handler };
    loads[name] = performance.now() - started;
    handlers.set(name, handler);
    return handler;
  }

  const { before, chunk, after } = MACHINES[mode];
  const state: Record<string, unknown> = { ...input };
  const envelope = { execution: 'bench', since: new Date().toISOString(), target, mode, state };
  for (const name of before) state[name] = await call(name, envelope);
  const { job } = state.claim as { job: unknown };
  const { lease } = (state.lease ?? {}) as { lease?: unknown };
  const { plan } = state.plan as { plan: { chunksBucket: string; chunksKey: string } };
  const index = await fetch(`${process.env.AWS_ENDPOINT_URL_S3}/${plan.chunksBucket}/${plan.chunksKey}`);
  const lines = (await index.text()).split('\n').slice(0, -1);
  for (const line of lines) await call(chunk, { job, lease, chunk: JSON.parse(line) });
  await call(after, envelope);
  return { calls, loads, requests, chunks: lines.length };
}

/** Counts what goes out over HTTP from now on. */
function countRequests(): Record<string, number> {
  const requests: Record<string, number> = {};
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { request: ClientRequest };
    const operation = String(request.getHeader('x-amz-target') ?? request.method).replace(/^.*\./, '');
    requests[operation] = (requests[operation] ?? 0) + 1;
  });
  return requests;
}

if (import.meta.main) {
  const task = JSON.parse(process.argv[2] ?? '') as LambdaTask;
  writeFileSync(task.result, JSON.stringify(await execute(task)));
  // Clients of AWS keep connections open.
  process.exit();
}
