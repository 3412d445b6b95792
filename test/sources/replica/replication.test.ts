// What a master may say to a replica, and what becomes of it: every answer, in any pieces, and silence.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Replication, type ReplicationOptions } from '../../../lib/sources/replica/replication.ts';
import { systemClock } from '../../../lib/telemetry/clock.ts';
import { type FakeMaster, type FakeOptions, fakeMaster } from '../../support/fake-master.ts';
import { temporaryFolder } from '../../support/folder.ts';

const REPLID = 'f'.repeat(40);
const FULL = `+FULLRESYNC ${REPLID} 123456789012345678\r\n`;
const RDB = readFileSync(new URL('../../fixtures/sample.rdb', import.meta.url));
const MARK = 'm'.repeat(40);
const COUNTED = Buffer.concat([Buffer.from(`$${RDB.length}\r\n`), RDB]);
const MARKED = Buffer.concat([Buffer.from(`$EOF:${MARK}\r\n`), RDB, Buffer.from(MARK)]);

const OPTIONS: ReplicationOptions = {
  command: 'psync',
  patienceMs: 2000,
  stallMs: 300,
  clock: systemClock,
};

const open = (master: FakeMaster, options: Partial<ReplicationOptions> = {}) =>
  Replication.open(master.endpoint, { ...OPTIONS, ...options });

async function read(replication: Replication): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of replication.rdb()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

async function copy(answers: FakeOptions['answers'], options: Partial<ReplicationOptions> = {}, pieceBytes?: number) {
  const master = await fakeMaster({ answers, ...(pieceBytes === undefined ? {} : { pieceBytes }) });
  const replication = await open(master, options);
  try {
    return { master, replication, rdb: await read(replication) };
  } finally {
    replication.end();
  }
}

describe('an RDB arrives', () => {
  test.each([
    ['with its length', COUNTED],
    ['between two marks', MARKED],
  ])('%s, after newlines before and behind +FULLRESYNC', async (_, framed) => {
    const { replication, rdb } = await copy({ PSYNC: ['\n', 20, '\n\n', FULL, '\n', 20, '\n', framed] });
    expect(rdb.equals(RDB)).toBe(true);
    expect(replication).toMatchObject({ kind: 'full', replid: REPLID, offset: 123456789012345678n });
  });

  test('in pieces of 7 bytes', async () => {
    const small = Buffer.concat([Buffer.from(`$EOF:${MARK}\r\n`), RDB.subarray(0, 2000), Buffer.from(MARK)]);
    expect((await copy({ PSYNC: [FULL, small] }, {}, 7)).rdb.equals(RDB.subarray(0, 2000))).toBe(true);
  });

  test('by SYNC, which says neither id nor offset', async () => {
    const { master, replication, rdb } = await copy({ SYNC: ['\n', COUNTED] }, { command: 'sync' });
    expect(rdb.equals(RDB)).toBe(true);
    expect(replication).toMatchObject({ kind: 'full', replid: undefined, offset: undefined });
    expect(master.heard).toContain('SYNC');
  });

  test('although no REPLCONF is known there, and PING is not permitted', async () => {
    const { rdb } = await copy({
      PING: '-NOPERM no\r\n',
      REPLCONF: '-ERR Unrecognized REPLCONF option\r\n',
      PSYNC: [FULL, COUNTED],
    });
    expect(rdb.equals(RDB)).toBe(true);
  });

  test('where +FULLRESYNC says more than servers do', async () => {
    const { replication } = await copy({ PSYNC: [`+FULLRESYNC ${REPLID} 77 5 applied_info{} 0\r\n`, COUNTED] });
    expect(replication.offset).toBe(77n);
  });

  test('under another name, also where that turns out to be a SYNC', async () => {
    expect((await copy({ xyz: [FULL, COUNTED] }, { commandName: 'xyz' })).master.heard).toContain('xyz ? -1');
    let asked = 0;
    const answers = {
      xyz: () => (asked++ === 0 ? ["-ERR wrong number of arguments for 'sync' command\r\n"] : [COUNTED]),
    };
    const { rdb, replication } = await copy(answers, { commandName: 'xyz' });
    expect(rdb.equals(RDB)).toBe(true);
    expect(replication.replid).toBeUndefined();
    expect((await copy({ xyz: ['\n', MARKED] }, { commandName: 'xyz' })).rdb.equals(RDB)).toBe(true);
  });

  test('over a unix socket', async () => {
    const master = await fakeMaster({ answers: { PSYNC: [FULL, COUNTED] }, path: join(temporaryFolder(), 's') });
    const replication = await open(master);
    expect((await read(replication)).equals(RDB)).toBe(true);
    replication.end();
  });
});

describe('a replica says', () => {
  test('who it is, in the order of a real one', async () => {
    const { master } = await copy(
      { PSYNC: [FULL, COUNTED] },
      { rdbOnly: true, announce: { host: '10.0.0.9', port: 6379 } },
    );
    expect(master.heard.slice(0, 7)).toEqual([
      'PING',
      'REPLCONF listening-port 6379',
      'REPLCONF ip-address 10.0.0.9',
      'REPLCONF capa eof capa psync2',
      'REPLCONF version 9.1.0',
      'REPLCONF rdb-only 1',
      'PSYNC ? -1',
    ]);
  });

  test('its password first', async () => {
    const master = await fakeMaster({ answers: { PSYNC: [FULL, COUNTED] } });
    const endpoint = { ...master.endpoint, username: 'ferry', password: 'secret' };
    (await Replication.open(endpoint, OPTIONS)).end();
    expect(master.heard.slice(0, 2)).toEqual(['AUTH ferry secret', 'PING']);
  });

  test('newlines while the RDB comes, its offset at once when it has come, and each second after', async () => {
    const half = COUNTED.length >> 1;
    const master = await fakeMaster({
      answers: { PSYNC: [FULL, COUNTED.subarray(0, half), 1300, COUNTED.subarray(half)] },
    });
    const replication = await open(master, { stallMs: 3000 });
    await read(replication);
    await expect.poll(() => master.heard.at(-1), { timeout: 3000 }).toBe('REPLCONF ACK 123456789012345678');
    expect(master.heard).toContain('\n');
    replication.acknowledge(123456789012345999n);
    await expect.poll(() => master.heard.at(-1), { timeout: 3000 }).toBe('REPLCONF ACK 123456789012345999');
    replication.end();
  });

  test('from where it wants to go on', async () => {
    const stream = '*1\r\n$4\r\nPING\r\n';
    const master = await fakeMaster({ answers: { PSYNC: [`+CONTINUE ${'a'.repeat(40)}\r\n${stream}`] } });
    const replication = await open(master, { from: { replid: REPLID, offset: 99n } });
    expect(master.heard).toContain(`PSYNC ${REPLID} 100`);
    expect(replication).toMatchObject({ kind: 'continue', replid: 'a'.repeat(40), offset: 99n });
    expect((await read(replication)).length).toBe(0);
    for await (const piece of replication.stream()) {
      expect(piece.toString()).toBe(stream);
      break;
    }
    replication.end();
  });
});

test('the stream goes on behind the RDB with its first byte', async () => {
  const stream = '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n';
  const master = await fakeMaster({ answers: { PSYNC: [FULL, Buffer.concat([COUNTED, Buffer.from(stream)])] } });
  const replication = await open(master);
  await read(replication);
  for await (const piece of replication.stream()) {
    expect(piece.toString()).toBe(stream);
    break;
  }
  replication.end();
});

describe('a source that is not ready', () => {
  test.each(['LOADING Redis is loading the dataset in memory', "NOMASTERLINK Can't SYNC while not connected"])(
    'is asked again: %s',
    async (said) => {
      const waits: string[] = [];
      const answers = { PSYNC: (connection: number) => (connection < 3 ? [`-${said}\r\n`] : [FULL, COUNTED]) };
      const { master, rdb } = await copy(answers, { onWait: (text) => waits.push(text) });
      expect(rdb.equals(RDB)).toBe(true);
      expect(master.connections()).toBe(3);
      expect(waits).toEqual([said, said]);
    },
  );

  test('is not asked for ever', async () => {
    const master = await fakeMaster({ answers: { PSYNC: '-LOADING wait\r\n' } });
    await expect(open(master, { patienceMs: 150 })).rejects.toMatchObject({ code: 'SOURCE_NOT_READY' });
    expect(master.connections()).toBeGreaterThan(1);
  });

  test('stops being asked when the job is told to stop', async () => {
    const master = await fakeMaster({ answers: { PSYNC: '-LOADING wait\r\n' } });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('stop')), 100);
    await expect(open(master, { patienceMs: 60_000, signal: stop.signal })).rejects.toThrow('stop');
  });
});

describe('what cannot go on is told by name', () => {
  test.each([
    ['a refusal', { PSYNC: "-NOPERM this user has no permissions to run the 'psync' command\r\n" }, 'SOURCE_REFUSED'],
    ['a command that is not known', { PSYNC: "-ERR unknown command 'PSYNC'\r\n" }, 'SOURCE_REFUSED'],
    ['a wrong password', { AUTH: '-WRONGPASS invalid username-password pair\r\n' }, 'TARGET_AUTH'],
    ['no password', { PING: '-NOAUTH Authentication required.\r\n' }, 'TARGET_AUTH'],
    ['an odd answer', { PSYNC: '+HELLO\r\n' }, 'SOURCE_PROTOCOL'],
    ['an endless line', { PING: 'x'.repeat(100_000) }, 'SOURCE_PROTOCOL'],
    ['a source that is silent', { PSYNC: [] }, 'SOURCE_STALLED'],
    ['a source that hangs up', { PSYNC: [{ close: true as const }] }, 'SOURCE_CLOSED'],
  ])('%s', async (_, answers, code) => {
    const master = await fakeMaster({ answers });
    const endpoint = { ...master.endpoint, password: 'AUTH' in answers ? 'wrong' : undefined };
    await expect(Replication.open(endpoint, OPTIONS)).rejects.toMatchObject({ code });
  });

  test.each([
    ['silence in the RDB', [COUNTED.subarray(0, 1000)], 'SOURCE_STALLED'],
    ['the end of the connection in the RDB', [COUNTED.subarray(0, 1000), { close: true as const }], 'SOURCE_CLOSED'],
    ['the end of it before the second mark', [MARKED.subarray(0, -1), { close: true as const }], 'SOURCE_CLOSED'],
    ['a save that fails', ['-ERR Unable to perform background save\r\n'], 'SOURCE_SAVE_FAILED'],
  ])('%s', async (_, said, code) => {
    await expect(copy({ PSYNC: [FULL, ...said] })).rejects.toMatchObject({ code });
  });

  test('newlines are a sign of life: no stall while the source saves', async () => {
    const beats = Array.from({ length: 6 }, () => ['\n', 150]).flat();
    expect((await copy({ PSYNC: [FULL, ...beats, COUNTED] })).rdb.equals(RDB)).toBe(true);
  });
});
