// Compares a stream that the target holds with one that comes in parts.
//
// Compared is what commands can write (stream-commands.ts), but for delivery times, which XPENDING does not tell. What
// an older encoding, or the target, does not know is not compared.
import { NACKED_CONSUMER } from '../../rdb/reencode/stream.ts';
import type { PendingEntry, StreamEntry, StreamId } from '../../rdb/value.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { ControlReply } from '../../redis/control.ts';
import type { CommandSupport } from './command-support.ts';
import { type Check, type Comparison, type HeldKey, isBytes, nth, requests, strayPart, textOf } from './held-key.ts';

type Part<Kind> = Extract<ValuePart, { kind: Kind }>;

/** What XINFO says of a group, a consumer or the stream, by name; what is not a plain value is left out. */
type Facts = ReadonlyMap<string, string | undefined>;

/** A group of ours and what has come of it: how many entries are pending, in all and by consumer. */
interface Group {
  readonly part: Part<'stream-group'>;
  pending: number;
  readonly consumers: Map<string, number>;
}

const NO_ID = '0-0';

export class HeldStream implements Comparison {
  readonly #held: HeldKey;
  readonly #support: CommandSupport;
  #entries = 0;
  #groups = 0;
  /** The group whose consumers come. */
  #group: Group | undefined;
  #heldGroups: Promise<ReadonlyMap<string, Facts>> | undefined;

  constructor(held: HeldKey, support: CommandSupport) {
    this.#held = held;
    this.#support = support;
  }

  *checks(part: ValuePart): Generator<Check> {
    switch (part.kind) {
      case 'stream':
        for (const entries of requests(part.entries, entryBytes)) {
          this.#entries += entries.length;
          yield () => this.#sameEntries(entries);
        }
        break;
      case 'stream-group':
        yield* this.#endGroup();
        this.#groups++;
        this.#group = { part, pending: 0, consumers: new Map() };
        break;
      case 'stream-consumer':
        this.#owns(part.name, 0);
        break;
      case 'stream-pending': {
        const consumer = part.consumer ?? Buffer.from(NACKED_CONSUMER);
        this.#owns(consumer, part.entries.length);
        for (const entries of requests(part.entries, () => 0)) {
          yield () => this.#samePending(part.group, consumer, entries);
        }
        break;
      }
      case 'stream-state':
        yield* this.#endGroup();
        yield () => this.#sameState(part);
        break;
      default:
        throw strayPart(part, 'stream');
    }
  }

  async complete(): Promise<boolean> {
    const length = await this.#held.ask('XLEN', this.#held.key);
    return length === String(this.#entries) && (await this.#groupsOnTarget()).size === this.#groups;
  }

  async #sameEntries(entries: readonly StreamEntry[]): Promise<boolean> {
    const [from, to] = span(entries);
    // One more than ours would show that something stands between them.
    const reply = await this.#held.ask('XRANGE', this.#held.key, from, to, 'COUNT', entries.length + 1);
    return isOfLength(reply, entries.length) && entries.every((entry, i) => isEntry(nth(reply, i), entry));
  }

  async #samePending(group: Buffer, consumer: Buffer, entries: readonly PendingEntry[]): Promise<boolean> {
    const [from, to] = span(entries);
    const reply = await this.#held.ask('XPENDING', this.#held.key, group, from, to, entries.length + 1, consumer);
    return isOfLength(reply, entries.length) && entries.every((entry, i) => isPending(nth(reply, i), entry));
  }

  #owns(consumer: Buffer, pending: number): void {
    const group = this.#group;
    if (group === undefined) throw new Error('a consumer comes behind its group');
    const name = consumer.toString('latin1');
    group.pending += pending;
    group.consumers.set(name, (group.consumers.get(name) ?? 0) + pending);
  }

  *#endGroup(): Generator<Check> {
    const group = this.#group;
    this.#group = undefined;
    if (group !== undefined) yield () => this.#sameGroup(group);
  }

  async #sameGroup({ part, pending, consumers }: Group): Promise<boolean> {
    const { name, lastId, entriesRead } = part;
    const facts = (await this.#groupsOnTarget()).get(name.toString('latin1'));
    if (facts?.get('last-delivered-id') !== idText(lastId) || facts.get('pending') !== String(pending)) return false;
    const counted = this.#support.streamCounters && entriesRead !== undefined;
    // Not known is -1 to an RDB file, nil to XINFO.
    if (counted && (facts.get('entries-read') ?? '-1') !== String(entriesRead)) return false;
    const held = byName(await this.#held.ask('XINFO', 'CONSUMERS', this.#held.key, name));
    if (held.size !== consumers.size) return false;
    return [...consumers].every(([consumer, owned]) => held.get(consumer)?.get('pending') === String(owned));
  }

  async #sameState({ lastId, maxDeletedId, entriesAdded }: Part<'stream-state'>): Promise<boolean> {
    const facts = factsOf(await this.#held.ask('XINFO', 'STREAM', this.#held.key));
    if (facts.get('last-generated-id') !== idText(lastId)) return false;
    if (!this.#support.streamCounters) return true;
    if (entriesAdded !== undefined && facts.get('entries-added') !== String(entriesAdded)) return false;
    const deleted = facts.get('max-deleted-entry-id') ?? NO_ID;
    if (maxDeletedId === undefined || deleted === idText(maxDeletedId)) return true;
    return idText(maxDeletedId) === NO_ID && (await this.#isPending(deleted));
  }

  /** Where nothing was ever deleted, placeholders leave their id all the same: XSETID can't take it back. */
  async #isPending(id: string): Promise<boolean> {
    for (const name of (await this.#groupsOnTarget()).keys()) {
      const group = Buffer.from(name, 'latin1');
      if (!isOfLength(await this.#held.ask('XPENDING', this.#held.key, group, id, id, 1), 0)) return true;
    }
    return false;
  }

  #groupsOnTarget(): Promise<ReadonlyMap<string, Facts>> {
    this.#heldGroups ??= this.#held.ask('XINFO', 'GROUPS', this.#held.key).then(byName);
    return this.#heldGroups;
  }
}

function isEntry(reply: ControlReply | undefined, { id, fields }: StreamEntry): boolean {
  const held = nth(reply, 1);
  return (
    textOf(nth(reply, 0)) === idText(id) &&
    isOfLength(held, fields.length * 2) &&
    fields.every(({ field, value }, i) => isBytes(nth(held, i * 2), field) && isBytes(nth(held, i * 2 + 1), value))
  );
}

/** XPENDING's row: id, consumer, idle time, deliveries. */
function isPending(reply: ControlReply | undefined, { id, count }: PendingEntry): boolean {
  return textOf(nth(reply, 0)) === idText(id) && nth(reply, 3) === String(count);
}

function isOfLength(reply: ControlReply | undefined, length: number): boolean {
  return Array.isArray(reply) && reply.length === length;
}

function byName(reply: ControlReply): ReadonlyMap<string, Facts> {
  const all = Array.isArray(reply) ? reply.map(factsOf) : [];
  return new Map(all.map((facts) => [facts.get('name') ?? '', facts]));
}

function factsOf(reply: ControlReply): Facts {
  const facts = new Map<string, string | undefined>();
  const flat = Array.isArray(reply) ? reply : [];
  for (let i = 0; i < flat.length; i += 2) facts.set(textOf(flat[i]) ?? '', textOf(flat[i + 1]));
  return facts;
}

/** The first and the last id; servers keep both entries and pending ones by rising id. */
function span(entries: readonly { readonly id: StreamId }[]): [from: string, to: string] {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) throw new Error('a request asks for one element at least');
  return [idText(first.id), idText(last.id)];
}

const idText = ({ ms, seq }: StreamId): string => `${ms}-${seq}`;

function entryBytes({ fields }: StreamEntry): number {
  return fields.reduce((sum, { field, value }) => sum + field.length + value.length, 0);
}
