// Numbers the scans of a cluster's nodes. A node that got slots since its scan began is scanned anew, since their keys may
// stand behind its cursor; also when that is found by a later run, which knows of it by the places of the one before.
import { SLOTS } from '../../redis/slots.ts';
import { SCANNED } from './database-scan.ts';
import type { ScanPage } from './scan-entry.ts';

/** A node's scan. */
export interface NodeRound {
  /** What its streams begin with: the node's id, with a number from the second scan on. */
  readonly name: string;
  /** How often it was begun. */
  readonly n: number;
  /** Says which slots the node has at its beginning; `undefined` where an earlier run has said it. */
  readonly begins: ScanPage | undefined;
}

export class NodeRounds {
  readonly #places: ReadonlyMap<string, string>;
  /** Numbers of the scans of this run, by the node's id. */
  readonly #numbers = new Map<string, number>();

  /** @param places where earlier runs came to */
  constructor(places: ReadonlyMap<string, string>) {
    this.#places = places;
  }

  /** @param slots of the node, as they are now: 1 for each that it has */
  begin(id: string, slots: Uint8Array): NodeRound {
    const before = this.#numbers.get(id);
    const last = before ?? this.#lastOf(id);
    const began = before === undefined ? this.#slotsOf(nameOf(id, last)) : undefined;
    const goesOn = began !== undefined && slots.every((here, slot) => here <= (began[slot] as number));
    const isFirst = before === undefined && began === undefined;
    const n = goesOn || isFirst ? last : last + 1;
    this.#numbers.set(id, n);
    const name = nameOf(id, n);
    return { name, n, begins: goesOn ? undefined : beginning(name, slots) };
  }

  #lastOf(id: string): number {
    const numbers = [...this.#places.keys()].map((stream) =>
      stream.startsWith(`${id}@`) ? Number.parseInt(stream.slice(id.length + 1), 10) : 1,
    );
    return Math.max(1, ...numbers);
  }

  #slotsOf(name: string): Uint8Array | undefined {
    const mark = `${name}${SLOTS_MARK}`;
    const stream = [...this.#places.keys()].find((each) => each.startsWith(mark));
    return stream === undefined ? undefined : parseSlots(stream.slice(mark.length));
  }
}

/** How many processes of a node earlier runs have met: each had an order of keys of its own. */
export function countProcesses(places: ReadonlyMap<string, string>, name: string): number {
  const streams = [...places.keys()].filter((stream) => stream.startsWith(`${name}/`) && !isSlots(stream));
  return new Set(streams.map((stream) => stream.slice(0, stream.lastIndexOf('/')))).size;
}

/** Behind the name of a scan: a stream without keys, which ends at once and names the slots. */
const SLOTS_MARK = '/slots=';

const isSlots = (stream: string): boolean => stream.includes(SLOTS_MARK);
const nameOf = (id: string, n: number): string => (n === 1 ? id : `${id}@${n}`);

const beginning = (name: string, slots: Uint8Array): ScanPage => ({
  stream: `${name}${SLOTS_MARK}${showSlots(slots)}`,
  ...{ from: '0', to: SCANNED, db: 0, entries: [], unread: [], filtered: 0 },
});

/** `0-5460,5462-5462`. */
function showSlots(slots: Uint8Array): string {
  const ranges: string[] = [];
  for (let from = slots.indexOf(1); from >= 0; ) {
    const gap = slots.indexOf(0, from);
    const end = gap < 0 ? slots.length : gap;
    ranges.push(`${from}-${end - 1}`);
    from = slots.indexOf(1, end);
  }
  return ranges.join(',');
}

function parseSlots(text: string): Uint8Array {
  const slots = new Uint8Array(SLOTS);
  for (const [, from, to] of text.matchAll(/(\d+)-(\d+)/g)) slots.fill(1, Number(from), Number(to) + 1);
  return slots;
}
