// Reads in a rump's ledger where each stream stands: its units are noted in their order.
import type { CheckpointStore } from '../checkpoint/store.ts';
import { addTally, newTally, type Tally } from '../targets/redis/tally.ts';

export interface Begun {
  /** The pass that is under way, from 1 on. */
  readonly pass: number;
  /** Of that pass, by stream: the cursor to go on from. */
  readonly places: ReadonlyMap<string, string>;
  /** What earlier runs did that need not be done again. */
  readonly tally: Tally;
  /** Units whose writes the target may have lost since. */
  readonly lost: number;
}

/** @param holds true when the servers that took a unit's writes still have them */
export function readLedger({ units }: CheckpointStore, holds: (servers: string) => boolean): Begun {
  const done = [...units].flatMap(([name, state]) => {
    const [pass, stream, n, from, to] = name.split(' ') as [string, string, string, string, string];
    return state.state === 'done' ? [{ pass: Number(pass), stream, n: Number(n), from, to, result: state.result }] : [];
  });
  const pass = Math.max(1, ...done.map((unit) => unit.pass));
  const places = new Map<string, string>();
  const tally = newTally();
  const broken = new Set<string>();
  let lost = 0;
  for (const unit of done) {
    if (unit.pass === pass && broken.has(unit.stream)) continue;
    const { server, ...counts } = unit.result;
    if (unit.pass === pass && !holds(server)) {
      lost++;
      broken.add(unit.stream);
      places.set(unit.stream, unit.from);
      continue;
    }
    addTally(tally, { ...counts, failed: [] });
    if (unit.pass === pass) places.set(unit.stream, unit.to);
  }
  return { pass, places, tally, lost };
}
