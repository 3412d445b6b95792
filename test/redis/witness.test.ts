import { describe, expect, test } from 'vitest';
import { type Endpoint, showEndpoint } from '../../lib/redis/endpoint.ts';
import type { Fleet } from '../../lib/redis/fleet.ts';
import { Witness } from '../../lib/redis/witness.ts';
import { systemClock } from '../../lib/telemetry/clock.ts';

/** Masters by id with the run ids of their processes; a master's port is its place in the alphabet. */
class Masters {
  runs: Record<string, string>;

  constructor(runs: Record<string, string>) {
    this.runs = runs;
  }

  get fleet(): Fleet {
    const self = this;
    return {
      refresh: async () => undefined,
      get masters() {
        return Object.keys(self.runs).map((id) => ({ id, endpoint: at(id), replicas: 1 }));
      },
      control: ({ port }: Endpoint) => ({
        once: async () => Buffer.from(`run_id:${self.runs[String.fromCharCode(port)]}\r\n`),
      }),
    } as unknown as Fleet;
  }
}

const at = (id: string): Endpoint => ({ host: 'h', port: id.charCodeAt(0), username: undefined, password: undefined });
const witnessOf = ({ fleet }: Masters): Witness => new Witness({ fleet, clock: systemClock, patienceMs: 1000 });
const name = (id: string): string => showEndpoint(at(id));

async function noted(masters: Masters, sentTo: string[], confirmed: string[]): Promise<[Witness, string]> {
  const witness = witnessOf(masters);
  await witness.look();
  return [witness, await witness.note(sentTo.map(name), new Set(confirmed.map(name)))];
}

describe('what servers confirmed', () => {
  test('holds while their processes live, whoever is asked', async () => {
    const masters = new Masters({ a: 'run-a', b: 'run-b' });
    const [, note] = await noted(masters, ['a', 'b'], []);
    const later = witnessOf(masters);
    await later.look();
    expect(later.holds(note)).toBe(true);
    expect(later.holds('')).toBe(true);
  });

  test('may be lost by a process that was started anew, replica or not', async () => {
    const masters = new Masters({ a: 'run-a', b: 'run-b' });
    const [witness, note] = await noted(masters, ['a', 'b'], ['a', 'b']);
    masters.runs = { a: 'another', b: 'run-b' };
    await witness.look();
    expect(witness.holds(note)).toBe(false);
  });

  test('is lost with a master that another one replaced, unless a replica had it', async () => {
    for (const [confirmed, holds] of [
      [['a'], true],
      [['b'], false],
    ] as const) {
      const masters = new Masters({ a: 'run-a', b: 'run-b' });
      const [witness, note] = await noted(masters, ['a', 'b'], [...confirmed]);
      masters.runs = { c: 'run-c', b: 'run-b' };
      await witness.look();
      expect(witness.holds(note)).toBe(holds);
    }
  });

  test('by a master that joined meanwhile is told of by its own process', async () => {
    const masters = new Masters({ a: 'run-a' });
    const witness = witnessOf(masters);
    await witness.look();
    masters.runs = { b: 'run-b' };
    const note = await witness.note([name('b')], new Set());
    await witness.look();
    expect(witness.holds(note)).toBe(true);
    masters.runs = { b: 'another' };
    await witness.look();
    expect(witness.holds(note)).toBe(false);
  });
});
