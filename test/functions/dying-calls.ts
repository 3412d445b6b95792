// Functions that die at a certain call to AWS, as their own code would never see it: no later call of theirs gets through.
import { AsyncLocalStorage } from 'node:async_hooks';
import { openCloud } from '../../functions/environment.ts';

/** The life of one call of a function. */
interface Life {
  calls: number;
  /** The call to AWS at which it dies; 1 is the first. */
  readonly last: number;
  /** That call is still carried out. */
  readonly reached: boolean;
}

/** A function that died has no answer. */
export class Died extends Error {}

const lives = new AsyncLocalStorage<Life>();
let watched = false;

/**
 * Runs a call of a function that dies at its n-th call to AWS.
 *
 * @param reached that call is still carried out, and its answer lost
 * @throws {Died} unless it had ended before
 */
export async function dieAt(last: number, reached: boolean, run: () => Promise<object>): Promise<object> {
  watch();
  const life: Life = { calls: 0, last, reached };
  return lives.run(life, async () => {
    try {
      const answer = await run();
      if (life.calls < last) return answer;
    } catch (error) {
      if (life.calls < last) throw error;
    }
    throw new Died(`at call ${last}`);
  });
}

/** How many calls to AWS a call of a function makes. */
export async function countCalls(run: () => Promise<object>): Promise<{ calls: number; answer: object }> {
  watch();
  const life: Life = { calls: 0, last: Number.POSITIVE_INFINITY, reached: false };
  const answer = await lives.run(life, run);
  return { calls: life.calls, answer };
}

/** The clients are shared by all functions of this process: whose call it is, the context knows. */
function watch(): void {
  if (watched) return;
  watched = true;
  const { s3, table } = openCloud();
  const guard = <T extends object, N extends keyof T>(on: T, name: N) => {
    const original = on[name] as (...args: unknown[]) => Promise<unknown>;
    const guarded = async (...args: unknown[]) => {
      const life = lives.getStore();
      if (life === undefined) return original.apply(on, args);
      const call = ++life.calls;
      if (call === life.last && life.reached) await original.apply(on, args);
      if (call >= life.last) throw new Died(`at call ${call}`);
      return original.apply(on, args);
    };
    Object.assign(on, { [name]: guarded });
  };
  guard(s3, 'send');
  for (const name of ['get', 'write', 'writeAll'] as const) guard(table, name);
}
