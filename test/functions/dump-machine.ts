// The state machine of backups by hand: calls the real handlers in its order, as Step Functions would.

import type { NamedSource, ScanLimits } from '../../lib/jobs/aws/backup/run.ts';
import type { End } from '../../lib/jobs/aws/conclude.ts';
import './machine.ts';

const { handler: discover } = await import('../../functions/dump-discover.ts');
const { handler: dumpShard } = await import('../../functions/dump-shard.ts');
const { handler: fail } = await import('../../functions/dump-fail.ts');
const { handler: finish } = await import('../../functions/dump-finish.ts');

type Answer = Record<string, unknown>;
type Handler = (event: unknown, call: { getRemainingTimeInMillis(): number }) => Promise<object>;

/** Sets what the functions of backups are told. */
export function configureDump(endpoint: string, settings: Partial<NamedSource> = {}, limits?: ScanLimits): void {
  const source = {
    ...{ name: 'cache', endpoint, timeZone: 'UTC', via: 'auto', prefer: 'master', pack: 'none', sizeChange: 50 },
    ...settings,
  };
  process.env.KEYFERRY_CONFIG = JSON.stringify({ redactKeys: false, source, limits });
}

export interface DumpRun {
  readonly execution?: string;
  /** When it begins, ISO 8601. */
  readonly since: string;
  /** Its name. Default `cache`. */
  readonly source?: string;
  /** Time that each call has, ms. Default 30 s. */
  readonly ms?: number;
  /** Tries of each call; what the last one throws is caught. Default 2. */
  readonly tries?: number;
  /** Runs each call of a function; what it throws, the call has thrown. */
  readonly around?: (name: string, run: () => Promise<object>) => Promise<object>;
}

/** What an execution came to. */
export interface Dumped {
  readonly status: 'SUCCEEDED' | 'FAILED';
  readonly discover: Answer;
  readonly end: End | undefined;
}

let executions = 0;

/** Runs an execution to its end. */
export async function executeDump({
  execution = `dump-${++executions}`,
  since,
  source = 'cache',
  ms = 30_000,
  tries = 2,
  around,
}: DumpRun): Promise<Dumped> {
  const call = async (name: string, handler: Handler, state: object): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      const end = Date.now() + ms;
      const event = { execution, since, target: source, mode: 'dump', state };
      const run = () => handler(event, { getRemainingTimeInMillis: () => end - Date.now() });
      try {
        return (await (around?.(name, run) ?? run())) as Answer;
      } catch (error) {
        if (attempt === tries) throw error;
      }
    }
  };
  const state: Record<string, unknown> = {};
  const failure = async (): Promise<Dumped> => {
    const end = await call('fail', fail, state);
    return { status: 'FAILED', discover: state.discover as Answer, end: end as unknown as End };
  };
  const backup = async (): Promise<Dumped> => {
    const found = await call('discover', discover, state);
    state.discover = found;
    if (!found.proceed) return found.ok ? { status: 'SUCCEEDED', discover: found, end: undefined } : await failure();
    for (const index of found.shards as number[]) {
      const item: Record<string, unknown> = { index };
      try {
        do {
          item.run = await call('dump-shard', dumpShard, item);
        } while ((item.run as Answer).ok && (item.run as Answer).again);
      } catch (error) {
        item.caught = caughtOf(error);
      }
      if (item.caught !== undefined || !(item.run as Answer).ok) await call('fail', fail, item);
    }
    const end = await call('finish', finish, state);
    state.end = end;
    if (end.again) return backup();
    if (!end.done) return await failure();
    return { status: 'SUCCEEDED', discover: found, end: end as unknown as End };
  };
  try {
    return await backup();
  } catch (error) {
    state.caught = caughtOf(error);
    return failure();
  }
}

/** An error as Catch hands it over. */
function caughtOf(error: unknown) {
  const { name, message } = error as Error;
  return { Error: name, Cause: JSON.stringify({ errorType: name, errorMessage: message }) };
}
