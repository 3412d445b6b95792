// Values that servers have written: their parts are what decoding the whole gives.
import { expect, test } from 'vitest';
import { decodeValue } from '../../../lib/rdb/decode.ts';
import { hasParts } from '../../../lib/rdb/read-parts.ts';
import { parseDumpPayload } from '../../../lib/rdb/same-value.ts';
import { redisTypes, type ValueType, valkeyTypes } from '../../../lib/rdb/types.ts';
import { pipelined } from '../../support/commands.ts';
import { corpusFiles, corpusLacks, readContent, readCorpus } from '../../support/corpus.ts';
import { fill } from '../../support/dataset.ts';
import { plain, text } from '../../support/decoded.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { availableServers, withServer } from '../../support/servers.ts';
import { every, join, partsOf, piecesOf } from './pieces.ts';

const SEED = seedOr(20261201);
const random = new Random(SEED);
/** Files that are made to be refused. */
const REFUSED = ['librdb/future_v19.rdb', 'librdb/invalid_chksum_v8.rdb'];

async function compare(label: string, type: ValueType, value: Buffer): Promise<void> {
  const partBytes = 10 ** random.int(1, 6);
  const pieces = piecesOf(value, every(random.int(1 + (value.length >> 10), 5000 + value.length), value));
  const parts = await partsOf(type, pieces, { partBytes });
  expect(plain(join(type, parts)), `seed ${SEED}, ${label}, a ${type.name}`).toEqual(plain(decodeValue(type, value)));
}

test(`every value of the corpus${corpusLacks}`, async () => {
  for (const file of corpusFiles().filter((each) => !REFUSED.includes(each))) {
    const bytes = readCorpus(file);
    const types = bytes.toString('latin1', 0, 6) === 'VALKEY' ? valkeyTypes : redisTypes;
    for (const { key, span } of readContent(bytes).keys) {
      const type = types[span[0] as number] as ValueType;
      if (hasParts(type)) await compare(`${file}, ${text(key)}`, type, span.subarray(1));
    }
  }
});

/** The newest server has most types; deep runs ask all. */
const servers = availableServers().slice(-runs(1, 9));

test.each(servers)('every value of %s', async (name) => {
  const types = name.startsWith('valkey') ? valkeyTypes : redisTypes;
  await withServer(name, {}, async (server) => {
    await fill(server, { seed: SEED, scale: 0.1 });
    const keys = (await server.callBuffer('KEYS', '*')) as Buffer[];
    const payloads = await pipelined(
      server.client,
      keys.map((key) => ['DUMP', key] as const),
    );
    const seen = new Set<string>();
    for (const [i, key] of keys.entries()) {
      const payload = payloads[i] as Buffer | null;
      const dumped = payload === null ? undefined : parseDumpPayload(payload, types);
      if (dumped === undefined || !hasParts(dumped.type)) continue;
      await compare(text(key), dumped.type, dumped.value);
      seen.add(dumped.type.kind);
    }
    expect([...seen].sort()).toEqual(['hash', 'list', 'set', 'stream', 'string', 'zset']);
  });
});
