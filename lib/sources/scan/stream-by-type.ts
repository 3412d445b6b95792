// Reads a stream by XRANGE, XINFO and XPENDING: its entries, and what its groups have delivered.
import type {
  LoadedConsumer,
  LoadedGroup,
  LogicalValue,
  PendingEntry,
  StreamEntry,
  StreamId,
} from '../../rdb/value.ts';
import type { Reply } from '../../resp/reply-reader.ts';
import { type Ask, PAGE_ELEMENTS } from './value-by-type.ts';

const LARGEST = 2n ** 64n - 1n;

export async function readStream(ask: Ask, key: Buffer): Promise<LogicalValue | undefined> {
  const entries: StreamEntry[] = [];
  for await (const page of pages(ask, ['XRANGE', key])) {
    for (const [id, pairs] of page) entries.push({ id: idOf(id), fields: fieldsOf(pairs) });
  }
  // With one entry, and one of each list, but all groups and consumers.
  const info = fields(await ask('XINFO', 'STREAM', key, 'FULL', 'COUNT', '1'));
  const first = info.get('recorded-first-entry-id');
  const deleted = info.get('max-deleted-entry-id');
  const groups: LoadedGroup[] = [];
  for (const group of (info.get('groups') ?? []) as Reply[]) groups.push(await readGroup(ask, key, fields(group)));
  return {
    kind: 'stream',
    entries,
    length: BigInt(entries.length),
    lastId: idOf(info.get('last-generated-id')),
    firstId: first === undefined ? undefined : (entries[0]?.id ?? { ms: 0n, seq: 0n }),
    maxDeletedId: deleted === undefined ? undefined : idOf(deleted),
    entriesAdded: info.get('entries-added') as bigint | undefined,
    groups,
    idempotence: undefined,
  };
}

async function readGroup(ask: Ask, key: Buffer, info: ReadonlyMap<string, Reply>): Promise<LoadedGroup> {
  const name = Buffer.from(info.get('name') as Buffer);
  const pel: PendingEntry[] = [];
  const owned = new Map<string, StreamId[]>();
  for await (const page of pages(ask, ['XPENDING', key, name])) {
    const now = BigInt(Date.now());
    for (const [id, consumer, idle, count] of page) {
      const pending = idOf(id);
      pel.push({ id: pending, deliveredAt: now - (idle as bigint), count: count as bigint });
      const owner = (consumer as Buffer).toString('latin1');
      owned.set(owner, [...(owned.get(owner) ?? []), pending]);
    }
  }
  const consumers = ((info.get('consumers') ?? []) as Reply[]).map((each): LoadedConsumer => {
    const consumer = fields(each);
    const own = Buffer.from(consumer.get('name') as Buffer);
    return {
      name: own,
      seenAt: consumer.get('seen-time') as bigint,
      activeAt: consumer.get('active-time') as bigint | undefined,
      pel: owned.get(own.toString('latin1')) ?? [],
    };
  });
  const read = info.get('entries-read');
  return {
    name,
    lastId: idOf(info.get('last-delivered-id')),
    entriesRead: read === undefined ? undefined : ((read as bigint | null) ?? -1n),
    pel,
    consumers,
    nacked: [],
  };
}

/** Pages of a command that takes a range of ids and a count, each item beginning with its id. */
async function* pages(ask: Ask, [name, ...args]: [string, ...Buffer[]]): AsyncGenerator<Reply[][], void, undefined> {
  let from: string | undefined = '-';
  const counted = (count: string) => (name === 'XRANGE' ? ['COUNT', count] : [count]);
  while (from !== undefined) {
    const page = (await ask(name, ...args, from, '+', ...counted(String(PAGE_ELEMENTS)))) as Reply[][];
    if (page.length > 0) yield page;
    from = page.length < PAGE_ELEMENTS ? undefined : after(idOf((page.at(-1) as Reply[])[0]));
  }
}

/** The smallest id that is greater; servers before 6.2 know no open ranges. */
function after({ ms, seq }: StreamId): string | undefined {
  if (seq < LARGEST) return `${ms}-${seq + 1n}`;
  return ms < LARGEST ? `${ms + 1n}-0` : undefined;
}

function idOf(reply: Reply | undefined): StreamId {
  const [ms = '0', seq = '0'] = String(reply).split('-');
  return { ms: BigInt(ms), seq: BigInt(seq) };
}

function fieldsOf(pairs: Reply | undefined): StreamEntry['fields'] {
  const items = pairs as Buffer[];
  return Array.from({ length: items.length / 2 }, (_, i) => ({
    field: Buffer.from(items[2 * i] as Buffer),
    value: Buffer.from(items[2 * i + 1] as Buffer),
  }));
}

function fields(reply: Reply): Map<string, Reply> {
  const items = reply as Reply[];
  return new Map(Array.from({ length: items.length / 2 }, (_, i) => [String(items[2 * i]), items[2 * i + 1] as Reply]));
}
