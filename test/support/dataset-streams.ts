// Test data: streams in every state: emptied, holed, with groups, pending entries and consumers of every kind.
import type { Argument, Command } from './commands.ts';
import { BINARY, INTEGERS } from './dataset-strings.ts';
import type { Random } from './random.ts';
import type { Features } from './server-binaries.ts';

const START = 1_700_000_000_000;
const LAST_ID = '18446744073709551615';

/** `count` entries with ids that grow by some ms, or by a sequence within the same ms. */
function* entries(
  random: Random,
  key: string,
  ids: string[],
  count: number,
  fields: () => Argument[],
): Generator<Command> {
  let ms = START;
  let sequence = 0;
  for (let i = 0; i < count; i++) {
    const step = random.int(0, 2) === 0 ? 0 : random.int(1, 5000);
    sequence = step === 0 ? sequence + 1 : 0;
    ms += step;
    ids.push(`${ms}-${sequence}`);
    yield ['XADD', key, `${ms}-${sequence}`, ...fields()];
  }
}

export function* streams(random: Random, features: Features): Generator<Command> {
  const same = (): Argument[] => ['user', random.int(0, 9999), 'event', random.text(random.int(0, 40))];
  const differing = (): Argument[] => Array.from({ length: 2 * random.int(1, 5) }, () => random.text(random.int(0, 9)));
  const part = (): Argument => random.pick<Argument>([...INTEGERS, ...BINARY, '', random.bytes(300)]);

  yield ['XADD', 'stream:one', '0-1', '', ''];
  yield* entries(random, 'stream:same-fields', [], 20, same);
  yield* entries(random, 'stream:differing-fields', [], 50, differing);
  yield* entries(random, 'stream:mixed', [], 60, () => [part(), part(), 'f', part()]);
  yield* entries(random, 'stream:nodes', [], 1500, same);
  yield ['XADD', 'stream:last-ids', `${LAST_ID}-0`, 'f', 'v'];
  yield ['XADD', 'stream:last-ids', `${LAST_ID}-${LAST_ID}`, 'f', 'v'];

  const emptied: string[] = [];
  yield* entries(random, 'stream:emptied', emptied, 5, same);
  yield ['XDEL', 'stream:emptied', ...emptied];
  const holed: string[] = [];
  yield* entries(random, 'stream:holed', holed, 400, same);
  yield ['XDEL', 'stream:holed', ...random.shuffle(holed).slice(0, 150)];
  yield* entries(random, 'stream:trimmed', [], 300, differing);
  yield ['XTRIM', 'stream:trimmed', 'MAXLEN', 130];
  if (features.seven) {
    yield ['XADD', 'stream:told', '5-5', 'f', 'v'];
    yield ['XSETID', 'stream:told', '9-9', 'ENTRIESADDED', 77, 'MAXDELETEDID', '8-0'];
  } else {
    yield ['XADD', 'stream:told', '5-5', 'f', 'v'];
    yield ['XSETID', 'stream:told', '9-9'];
  }
  yield* groups(random, features);
}

function* groups(random: Random, features: Features): Generator<Command> {
  const read = (key: string, group: Argument, consumer: Argument, count: number): Command => {
    return ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', key, '>'];
  };
  const idle = (key: string, group: Argument, consumer: Argument): Generator<Command> =>
    consumerWithoutEntries(features, key, group, consumer);

  // A group before there is an entry, and one whose entries are all gone.
  yield ['XGROUP', 'CREATE', 'stream:group:only', 'g', '$', 'MKSTREAM'];
  yield ['XGROUP', 'CREATE', 'stream:group:emptied', 'g', '0', 'MKSTREAM'];
  const gone: string[] = [];
  yield* entries(random, 'stream:group:emptied', gone, 6, () => ['f', 'v']);
  yield read('stream:group:emptied', 'g', 'c', 4);
  yield ['XDEL', 'stream:group:emptied', ...gone];

  const key = 'stream:groups';
  const ids: string[] = [];
  yield* entries(random, key, ids, 250, () => ['f', random.text(10)]);
  yield ['XGROUP', 'CREATE', key, 'from-start', '0'];
  yield ['XGROUP', 'CREATE', key, 'from-end', '$'];
  // In the middle of the stream: how many entries it has read is unknown.
  yield ['XGROUP', 'CREATE', key, 'from-middle', ids[100] as string];
  yield ['XGROUP', 'CREATE', key, BINARY[2] as Buffer, '0'];
  yield ['XGROUP', 'CREATE', key, '123', '0-0'];
  yield ['XGROUP', 'CREATE', key, '', '0'];
  if (features.seven) yield ['XGROUP', 'SETID', key, 'from-end', ids[200] as string, 'ENTRIESREAD', 201];

  yield read(key, 'from-start', 'alice', 60);
  yield read(key, 'from-start', 'bob', 30);
  yield ['XACK', key, 'from-start', ...random.shuffle(ids.slice(0, 90)).slice(0, 40)];
  // Deleted entries that stay pending.
  yield ['XDEL', key, ...random.shuffle(ids.slice(0, 120)).slice(0, 30)];
  yield ['XCLAIM', key, 'from-start', 'carol', 0, ...ids.slice(10, 30), 'TIME', START + 1, 'RETRYCOUNT', 17, 'JUSTID'];
  yield ['XCLAIM', key, 'from-start', 'carol', 0, ...ids.slice(30, 40), 'IDLE', 5000];
  yield* idle(key, 'from-start', 'dave');
  yield* idle(key, 'from-end', 'erin');
  yield* idle(key, 'from-end', '456');
  yield read(key, 'from-middle', BINARY[1] as Buffer, 20);
  yield read(key, BINARY[2] as Buffer, 'x'.repeat(200), 120);
  yield read(key, '123', '-1', 5);
  yield read(key, '123', '', 5);
  yield ['XACK', key, '123', ...ids];
  // The reader's last entry is deleted behind it.
  yield ['XTRIM', key, 'MAXLEN', 200];
}

/** A consumer with an empty PEL; 6.0 makes one only by letting it claim something that isn't pending. */
function* consumerWithoutEntries(features: Features, key: string, group: Argument, name: Argument): Generator<Command> {
  if (features.createConsumer) yield ['XGROUP', 'CREATECONSUMER', key, group, name];
  else yield ['XCLAIM', key, group, name, 0, '1-1'];
}

/** A stream in one node of more listpack entries than a listpack can count; for raised limits only. */
export function* bigStream(random: Random): Generator<Command> {
  const ids: string[] = [];
  yield* entries(random, 'big:stream', ids, 15_000, () => ['f', random.int(0, 999), 'g', random.text(5)]);
  yield ['XDEL', 'big:stream', ...random.shuffle(ids).slice(0, 40)];
}
