// redis-dump's lines into servers: as its redis-load's commands would leave them, and round by round through our own lines.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { jsonToRdb } from '../../lib/jobs/load.ts';
import { type Command, pipelined } from '../support/commands.ts';
import { Random, seedOr } from '../support/random.ts';
import { commandsFile, differences, restoreInto, type State, stateOf, WorkFolder } from '../support/restore-run.ts';
import { lacks, SERVER_NAMES, type Server, withServer } from '../support/servers.ts';
import { shaped } from '../targets/json/shapes/shape-run.ts';

const SEED = seedOr(20_261_130);
const work = new WorkFolder();
afterAll(() => work[Symbol.dispose]());

/** redis-dump's seconds: rounded, and the two servers count from other moments. */
const TOLERANCE_MS = 5000;

/** A line as redis-dump has it, raw bytes and all: `latin1` text, each character a byte. */
const LINES = [
  '{"db":0,"key":"string","ttl":-1,"type":"string","value":"a \\"value\\" \\u001F/\\u0000","size":15}',
  '{"db":0,"key":"raw bytes","ttl":-1,"type":"string","value":"\x93\xff\xc3","size":3}',
  '{"db":0,"key":"number","ttl":79,"type":"string","value":"12345","size":5}',
  '{"db":0,"key":"empty","ttl":0,"type":"string","value":"","size":0}',
  '{"db":0,"key":"k\xc3\xa4se","ttl":-1,"type":"list","value":["b","a","b",""],"size":3}',
  '{"db":0,"key":"gone","ttl":-2,"type":"none","value":"","size":0}',
  '{"db":3,"key":"set","ttl":100000,"type":"set","value":["1","2","30"],"size":4}',
  '{"db":3,"key":"hash","ttl":-1,"type":"hash","value":{"field_a":"value_a","":"x"},"size":15}',
  '{"db":3,"key":"new scores","ttl":-1,"type":"zset","value":[["a",100.0],["b",-1.0e-05],["c",1.7976931348623157e+308]],"size":9}',
  '{"db":3,"key":"old scores","ttl":-1,"type":"zset","value":[["a","100"],["b","1.0000000000000001e+25"]],"size":9}',
];

/** What redis-load sends for them (set_value in dump.rb). */
const COMMANDS: Command[] = [
  ['SET', 'string', Buffer.from('a "value" \x1f/\0')],
  ['SET', 'raw bytes', Buffer.from('\x93\xff\xc3', 'latin1')],
  ['SET', 'number', '12345'],
  ['EXPIRE', 'number', 79],
  ['SET', 'empty', ''],
  ...['b', 'a', 'b', ''].map((item): Command => ['RPUSH', 'käse', item]),
  ['SELECT', 3],
  ...['1', '2', '30'].map((member): Command => ['SADD', 'set', member]),
  ['EXPIRE', 'set', 100_000],
  ['HSET', 'hash', 'field_a', 'value_a'],
  ['HSET', 'hash', '', 'x'],
  ['ZADD', 'new scores', '100', 'a'],
  ['ZADD', 'new scores', '-1e-05', 'b'],
  ['ZADD', 'new scores', '1.7976931348623157e+308', 'c'],
  ['ZADD', 'old scores', '100', 'a'],
  ['ZADD', 'old scores', '1.0000000000000001e+25', 'b'],
];

describe.each(SERVER_NAMES.map((name) => [`${name}${lacks(name)}`, name] as const))('%s', (_, name) => {
  test.skipIf(lacks(name) !== '')('holds what redis-load would have made of the lines', async () => {
    const folder = work.folder();
    const file = join(folder, 'db_full.json');
    writeFileSync(file, `${LINES.join('\n')}\n`, 'latin1');
    const rdb = join(folder, 'out.rdb');
    await withServer(name, {}, async (theirs) => {
      const client = theirs.connect();
      await pipelined(client, COMMANDS);
      client.disconnect();
      await jsonToRdb({ files: [file], path: rdb });
      await withServer(name, { rdb }, async (ours) => expectSame(await stateOf(theirs), await stateOf(ours)));
      await withServer(name, {}, async (ours) => {
        const report = await restoreInto(ours, rdb, { workDir: work.folder() });
        expect(report.error?.describe()).toBeUndefined();
        expectSame(await stateOf(theirs), await stateOf(ours));
      });
    });
  });

  test.skipIf(lacks(name) !== '')("holds what the lines of decode's shape were made of", async () => {
    const folder = work.folder();
    const file = join(folder, 'lines.json');
    await withServer(name, {}, async (source) => {
      const rdb = await filled(source, join(folder, 'dump.rdb'));
      const { text, lossy, error } = await shaped('redis-dump', readFileSync(rdb), { now: Date.now() });
      expect(error).toBeUndefined();
      expect(Object.keys(lossy)).toEqual(['aux fields']);
      writeFileSync(file, text, 'latin1');
      const again = join(folder, 'again.rdb');
      await jsonToRdb({ files: [file], path: again });
      await withServer(name, { rdb: again }, async (ours) => expectSame(await stateOf(source), await stateOf(ours)));
    });
  });
});

function expectSame(theirs: State, ours: State): void {
  const expiries = Object.fromEntries(
    Object.entries(ours.expiries).map(([key, at]) => {
      const wanted = theirs.expiries[key] ?? Number.NaN;
      return [key, Math.abs(at - wanted) <= TOLERANCE_MS ? wanted : at];
    }),
  );
  expect(differences(theirs, { ...ours, expiries }), `seed ${SEED}`).toEqual([]);
}

/** Everything that the shape can hold: text, finite scores, whole seconds. */
function filled(server: Server, path: string): Promise<string> {
  const random = new Random(SEED);
  const text = () => `${random.text(random.int(0, 60))}${random.pick(['', 'ä€𝄞', '"\\\0\x1f\x7f/'])}`;
  const commands: Command[] = [];
  for (let i = 0; i < 60; i++) {
    const count = i % 10 === 0 ? 700 : random.int(1, 20);
    const names = Array.from({ length: count }, (_, j) => `${j} ${text()}`);
    commands.push(['SET', `string ${i}`, random.pick([text(), `${random.int(-1e9, 1e9)}`])]);
    commands.push(['RPUSH', `list ${i}`, ...names]);
    commands.push(['SADD', `set ${i}`, ...(i % 3 === 0 ? names.map((_, j) => `${j * i}`) : names)]);
    commands.push(['HSET', `hash ${i}`, ...names.flatMap((name) => [name, text()])]);
    const score = () => String(random.pick([random.int(-1e6, 1e6), random.fraction() * 10 ** random.int(-20, 20)]));
    commands.push(['ZADD', `zset ${i}`, ...names.flatMap((name) => [score(), name])]);
    if (i % 4 === 0) commands.push(['EXPIRE', `list ${i}`, random.int(1000, 1_000_000)]);
    if (i === 30) commands.push(['SELECT', 5]);
  }
  return commandsFile(path, server, commands);
}
