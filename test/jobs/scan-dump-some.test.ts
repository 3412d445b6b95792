// A dump by SCAN that stops and goes on: whether a call comes further, and what it leaves for the next one.
import { expect, test } from 'vitest';
import { type SavedScanDump, type Scanned, writeSomeScanDump } from '../../lib/jobs/scan-dump.ts';
import { redisTypes } from '../../lib/rdb/types.ts';
import { parseInfo } from '../../lib/redis/server-info.ts';
import { RdbProof } from '../../lib/sources/rdb/proof.ts';
import type { ScanEntry, ScanPage } from '../../lib/sources/scan/scan-entry.ts';
import { Fingerprints } from '../../lib/targets/rdb/fingerprints.ts';

const STRING = redisTypes[0] as NonNullable<(typeof redisTypes)[0]>;

const entry = (db: number, name: string): ScanEntry => ({
  ...{ db, key: Buffer.from(name), type: STRING, value: Buffer.from('\x01x'), crcLow: 0, crcHigh: 0 },
});
const page = (from: string, to: string, ...names: string[]): ScanPage => ({
  ...{ stream: 'node/run/0', db: 0, from, to, unread: [], filtered: 0 },
  entries: names.map((name) => entry(0, name)),
});

function source(pages: Scanned['pages']): Scanned {
  const server = parseInfo('redis_version:7.0.0\r\nrun_id:run\r\n');
  return {
    ...{ name: 'node', server, databases: [{ db: 0, keys: 4, expires: 0 }], narrowed: false },
    ...{ restarts: 0, warnings: [], functions: async () => [], pages },
  };
}

test('each call goes on where the one before stopped; together they are one RDB with each key once', async () => {
  // The server gives a key again, and each call reads its page once more.
  const all = [page('0', '0', 'a', 'b'), page('0', '8', 'c'), page('8', '8', 'b', 'd'), page('8', 'end', 'e')];
  const asked: unknown[] = [];
  const scanned = source(async function* (places = new Map()) {
    asked.push(places.get('node/run/0'));
    const begin = all.findIndex(({ from }) => from === (places.get('node/run/0') ?? '0'));
    yield* all.slice(begin < 0 ? all.length : begin);
  });
  const seen = new Fingerprints();
  const bytes: Buffer[] = [];
  const sink = { write: async (piece: Buffer) => void bytes.push(Buffer.from(piece)) };
  let from: SavedScanDump | undefined;
  let calls = 0;
  for (let ended = false; !ended; calls++) {
    const written = await writeSomeScanDump(sink, { source: scanned, seen, from, outOfTime: (keys) => keys >= 1 });
    ended = 'summary' in written;
    if ('saved' in written) from = written.saved;
  }
  expect(calls).toBeGreaterThan(3);
  expect(asked.slice(0, 2)).toEqual([undefined, '0']);
  const keys: string[] = [];
  const proof = new RdbProof({ onKey: (_, key) => void keys.push(String(key)) });
  for (const piece of bytes) [...proof.take(piece)];
  proof.finish();
  expect(keys.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(proof.facts()).toMatchObject({ keys: 5, checksum: 'ok' });
  proof.end();
  await seen.close();
});

test('a call whose time is up before it has come further waits on, until it is cut off', async () => {
  const stop = new AbortController();
  const scanned = source(async function* () {
    // All of it is written already.
    yield page('0', '0', 'a');
    await new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)));
  });
  const seen = new Fingerprints();
  await seen.add(0, Buffer.from('a'));
  const from: SavedScanDump = {
    version: { family: 'redis', rdb: 10 },
    rdb: { crc: 0n, bytes: 9, db: 0, keys: 1 },
    ...{ places: new Map([['node/run/0', '0']]), begun: [0], twice: 0 },
  };
  const written = writeSomeScanDump({ write: async () => {} }, { source: scanned, seen, from, outOfTime: () => true });
  setTimeout(() => stop.abort(new Error('cut off')), 500);
  await expect(written).rejects.toThrow('cut off');
  await seen.close();
});

test('keys that cannot be read end the first call that meets them', async () => {
  const scanned = source(async function* () {
    yield { ...page('0', '8', 'a'), unread: [{ db: 0, key: Buffer.from('b'), reason: 'NOPERM' }] };
    yield page('8', 'end', 'c');
  });
  const seen = new Fingerprints();
  const written = writeSomeScanDump({ write: async () => {} }, { source: scanned, seen, outOfTime: () => true });
  await expect(written).rejects.toMatchObject({ code: 'SOURCE_UNREAD' });
  await seen.close();
});
