// A stream in parts as commands.
//
// A pending entry whose stream entry is gone can't be claimed, and XADD refuses ids below the last one. So the parts are
// read twice: first for the ids that are pending, then to write the entries with a placeholder wherever such an id has
// none. When all is claimed the placeholders go: those before the first entry by XTRIM, which, unlike XDEL, leaves
// max-deleted-id alone, as it did on the source.
import { NACKED_CONSUMER } from '../../rdb/reencode/stream.ts';
import { streamLosses } from '../../rdb/reencode/stream-losses.ts';
import type { PendingEntry, StreamEntry, StreamGroup, StreamId } from '../../rdb/value.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import type { Argument, Command } from '../../redis/command-pipe.ts';
import { compareIds, PackedIds } from './packed-ids.ts';
import type { ValueCommandsOptions, ValueFacts } from './value-commands.ts';
import { variadic } from './variadic.ts';

type StateOfStream = Extract<ValuePart, { kind: 'stream-state' }>;

/** What the first pass finds out. */
interface Survey {
  readonly pending: PackedIds;
  readonly state: StateOfStream;
}

/** The oldest encoding, and the newest one that has all that commands can write (rdb-format.md 1.6). */
const WITHOUT_COUNTERS = 1;
const WITH_COUNTERS = 3;

export async function* streamCommands(options: ValueCommandsOptions, facts: ValueFacts): AsyncGenerator<Command> {
  const survey = await surveyed(options, facts);
  const writer = new StreamWriter(options, facts, survey);
  yield* writer.create();
  for await (const part of options.parts()) yield* writer.commandsOf(part);
  yield* writer.complete();
}

async function surveyed({ parts, support }: ValueCommandsOptions, facts: ValueFacts): Promise<Survey> {
  const pending = new PackedIds();
  const groups: StreamGroup[] = [];
  const nacked: StreamId[] = [];
  let state: StateOfStream | undefined;
  for await (const part of parts()) {
    if (part.kind === 'stream-pending') {
      for (const { id } of part.entries) pending.add(id);
      if (part.consumer === undefined) nacked.push(...part.entries.slice(0, 1).map(({ id }) => id));
    } else if (part.kind === 'stream-group') {
      groups.push({ ...part, pel: [], consumers: [], nacked });
    } else if (part.kind === 'stream-state') {
      state = part;
    }
  }
  if (state === undefined) throw new Error('the parts of a stream end with its state');
  const like = support.streamCounters ? WITH_COUNTERS : WITHOUT_COUNTERS;
  for (const loss of streamLosses({ ...state, groups }, like)) facts.losses.add(loss);
  return { pending, state };
}

class StreamWriter {
  readonly #options: ValueCommandsOptions;
  readonly #facts: ValueFacts;
  readonly #state: StateOfStream;
  /** Pending ids that no entry has reached yet. */
  readonly #pending: Iterator<StreamId, undefined>;
  #nextPending: StreamId | undefined;
  /** Entries of the stream, and placeholders before the first of them. */
  #entries = 0;
  #leading = 0;
  /** Placeholders behind the first entry. */
  readonly #holes = new PackedIds();
  #inGroups = false;
  /** The consumer that came last has never got an entry, as far as is told. */
  #neverActive = false;

  constructor(options: ValueCommandsOptions, facts: ValueFacts, { pending, state }: Survey) {
    this.#options = options;
    this.#facts = facts;
    this.#state = state;
    this.#pending = pending.ascending();
    this.#nextPending = this.#pending.next().value;
  }

  /** The stream exists also when it has nothing. */
  *create(): Generator<Command> {
    const { key } = this.#options;
    yield ['XGROUP', 'CREATE', key, '0', '0', 'MKSTREAM'];
    yield ['XGROUP', 'DESTROY', key, '0'];
  }

  *commandsOf(part: ValuePart): Generator<Command> {
    if (part.kind === 'stream') {
      for (const entry of part.entries) yield* this.#entry(entry);
      return;
    }
    if (!this.#inGroups) {
      this.#inGroups = true;
      yield* this.#placeholders(undefined);
      yield* this.#counters();
    }
    if (part.kind === 'stream-group') yield this.#group(part.name, part.lastId, part.entriesRead);
    else if (part.kind === 'stream-consumer') yield this.#consumer(part);
    else if (part.kind === 'stream-pending') yield* this.#claims(part.group, part.consumer, part.entries);
  }

  /** Takes the placeholders out and says what the stream remembers of what is gone. */
  *complete(): Generator<Command> {
    const { key, limits, support } = this.#options;
    const { lastId, maxDeletedId, entriesAdded } = this.#state;
    const holes = this.#holes;
    if (this.#leading > 0) yield ['XTRIM', key, 'MAXLEN', String(this.#entries + holes.count)];
    yield* variadic(['XDEL', key], texts(holes.ascending()), limits);
    const command: Argument[] = ['XSETID', key, idText(lastId)];
    if (support.streamCounters) {
      command.push('ENTRIESADDED', String(entriesAdded ?? this.#entries));
      // XSETID takes 0-0 for not given.
      const told = maxDeletedId !== undefined && (maxDeletedId.ms > 0n || maxDeletedId.seq > 0n);
      if (told) command.push('MAXDELETEDID', idText(maxDeletedId));
      else if (maxDeletedId !== undefined && holes.count > 0) this.#facts.losses.add('stream-max-deleted-id');
    }
    yield command;
  }

  *#entry({ id, fields }: StreamEntry): Generator<Command> {
    yield* this.#placeholders(id);
    this.#entries++;
    yield ['XADD', this.#options.key, idText(id), ...fields.flatMap(({ field, value }) => [field, value])];
  }

  /** An entry for each pending id below `id` that has none; without `id`, for all that are left. */
  *#placeholders(id: StreamId | undefined): Generator<Command> {
    while (this.#nextPending !== undefined) {
      const order = id === undefined ? -1 : compareIds(this.#nextPending, id);
      if (order > 0) return;
      if (order < 0) {
        if (this.#entries === 0) this.#leading++;
        else this.#holes.add(this.#nextPending);
        yield ['XADD', this.#options.key, idText(this.#nextPending), '', ''];
      }
      this.#nextPending = this.#pending.next().value;
    }
  }

  /** A group has read no more entries than were ever added: the stream must know of them before. */
  *#counters(): Generator<Command> {
    const { key, support } = this.#options;
    const { lastId, entriesAdded = 0n } = this.#state;
    const length = BigInt(this.#entries + this.#leading + this.#holes.count);
    if (!support.streamCounters || entriesAdded <= length) return;
    yield ['XSETID', key, idText(lastId), 'ENTRIESADDED', String(entriesAdded)];
  }

  #group(name: Buffer, lastId: StreamId, entriesRead: bigint | undefined): Command {
    const command = ['XGROUP', 'CREATE', this.#options.key, name, idText(lastId)];
    const counted = this.#options.support.streamCounters && entriesRead !== undefined;
    return counted ? [...command, 'ENTRIESREAD', String(entriesRead)] : command;
  }

  #consumer({ group, name, activeAt }: Extract<ValuePart, { kind: 'stream-consumer' }>): Command {
    const { key, support } = this.#options;
    this.#facts.losses.add('stream-seen-time');
    this.#neverActive = activeAt === -1n;
    if (activeAt !== undefined && activeAt !== -1n) this.#facts.losses.add('stream-active-time');
    if (support.createConsumer) return ['XGROUP', 'CREATECONSUMER', key, group, name];
    // Who asks for the own pending entries is made known, though there are none yet.
    return ['XREADGROUP', 'GROUP', group, name, 'COUNT', '1', 'STREAMS', key, '0'];
  }

  /** @param consumer `undefined` for entries that no consumer owns; one of ours gets them, so that they are not lost */
  *#claims(group: Buffer, consumer: Buffer | undefined, entries: readonly PendingEntry[]): Generator<Command> {
    const { key, limits } = this.#options;
    if (this.#neverActive && consumer !== undefined && entries.length > 0) this.#facts.losses.add('stream-active-time');
    const head = ['XCLAIM', key, group, consumer ?? NACKED_CONSUMER, '0'];
    const now = BigInt(this.#options.now());
    for (let at = 0; at < entries.length; ) {
      const { deliveredAt, count } = entries[at] as PendingEntry;
      let end = at + 1;
      while (entries[end]?.deliveredAt === deliveredAt && entries[end]?.count === count) end++;
      if (deliveredAt > now || deliveredAt < 0n) this.#facts.losses.add('stream-delivery-time');
      const tail = ['TIME', String(deliveredAt), 'RETRYCOUNT', String(count), 'FORCE', 'JUSTID'];
      const ids = texts(entries.slice(at, end).map(({ id }) => id));
      for (const command of variadic(head, ids, limits, tail.length)) yield [...command, ...tail];
      at = end;
    }
  }
}

const idText = ({ ms, seq }: StreamId): string => `${ms}-${seq}`;

function* texts(ids: Iterable<StreamId>): Generator<[string]> {
  for (const id of ids) yield [idText(id)];
}
