// The small parts of a scan: how it is spelt, what INFO tells, how large a page is, names from a file.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { askKeys, keyCommand } from '../../../lib/sources/scan/ask-keys.ts';
import { keyList } from '../../../lib/sources/scan/key-list.ts';
import { parseKeyspace, parseMasterIds, parseNodeCount, parseReplicas } from '../../../lib/sources/scan/keyspace.ts';
import { merge } from '../../../lib/sources/scan/merge.ts';
import { PageSize } from '../../../lib/sources/scan/page-size.ts';
import { scanCommand } from '../../../lib/sources/scan/spelling.ts';
import { WorkFolder } from '../../support/restore-run.ts';

async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('SCAN as servers have it, ISCAN of Aliyun, and the node behind it of Tencent', () => {
  const narrowing = ['MATCH', 'a*'];
  expect(scanCommand({ narrowing }, '7', 10)).toEqual(['SCAN', '7', 'COUNT', '10', 'MATCH', 'a*']);
  expect(scanCommand({ narrowing: [], cloud: 'aliyun_cluster', node: '3' }, '7', 10)).toEqual([
    ...['ISCAN', '3', '7', 'COUNT', '10'],
  ]);
  expect(scanCommand({ narrowing: [], cloud: 'tencent_cluster', node: 'abc' }, '7', 10)).toEqual([
    ...['SCAN', '7', 'COUNT', '10', 'abc'],
  ]);
});

test('what INFO and CLUSTER NODES tell', () => {
  const info = '# Keyspace\r\ndb10:keys=2,expires=1,avg_ttl=5\r\ndb0:keys=7,expires=0,avg_ttl=0,subexpiry=1\r\n';
  expect(parseKeyspace(info)).toEqual([
    { db: 0, keys: 7, expires: 0 },
    { db: 10, keys: 2, expires: 1 },
  ]);
  expect(parseReplicas('slave0:ip=::1,port=7,state=online,lag=0\r\nslave1:ip=a,port=8,state=wait_bgsave\r\n')).toEqual([
    { host: '::1', port: 7 },
  ]);
  expect(parseNodeCount('cluster_enabled:0\r\nnodecount:8\r\n')).toBe(8);
  expect(parseNodeCount('')).toBe(1);
  const lines = [
    'aa 1.1.1.1:1@11 myself,master - 0 0 1 connected 0-8191',
    'bb 1.1.1.1:2@12 slave aa 0 0 1 connected',
    'cc 1.1.1.1:3@13 master,fail - 0 0 1 disconnected 8192-9000',
    'dd 1.1.1.1:4@14 master - 0 0 1 connected 9001-16383',
    'ee 1.1.1.1:5@15 master - 0 0 1 connected',
  ];
  expect(parseMasterIds(lines.join('\n'))).toEqual(['aa', 'dd']);
});

test('a page grows while it is found at once, and shrinks when it takes long, down to a few and no further', () => {
  const size = new PageSize();
  for (let i = 0; i < 10; i++) size.learn(1);
  expect(size.count).toBe(4096);
  size.learn(15);
  expect(size.count).toBe(4096);
  for (let i = 0; i < 20; i++) size.learn(100);
  expect(size.count).toBe(16);
  expect(new PageSize(5).count).toBe(5);
});

test('questions are framed key by key, for bytes of any kind', () => {
  const framed = askKeys(
    [Buffer.from('a\r\n'), Buffer.alloc(0)],
    [keyCommand(['DUMP']), keyCommand(['OBJECT', 'FREQ'])],
  );
  const dump = '*2\r\n$4\r\nDUMP\r\n';
  const freq = '*3\r\n$6\r\nOBJECT\r\n$4\r\nFREQ\r\n';
  expect(framed.toString()).toBe(`${dump}$3\r\na\r\n\r\n${freq}$3\r\na\r\n\r\n${dump}$0\r\n\r\n${freq}$0\r\n\r\n`);
});

test('names from a file: line ends of both kinds, no empty ones, pages that can be gone on from', async () => {
  using work = new WorkFolder();
  const path = work.file('keys');
  const names = Array.from({ length: 2500 }, (_, i) => `key:${i}`);
  writeFileSync(path, `${names.join('\r\n')}\n\n`);
  const pages = await gathered(keyList(path, 0));
  expect(pages.flatMap(({ keys }) => keys.map(String))).toEqual(names);
  expect(pages.map(({ keys }) => keys.length)).toEqual([1000, 1000, 500]);
  const rest = await gathered(keyList(path, pages[0]!.to));
  expect(rest.flatMap(({ keys }) => keys.map(String))).toEqual(names.slice(1000));
  await expect(gathered(keyList(work.file('none'), 0))).rejects.toThrow(/none|no such/i);
});

test('merged sequences give all they have, and end together', async () => {
  let ended = 0;
  const sequence = async function* (name: string, count: number) {
    try {
      for (let i = 0; i < count; i++) yield `${name}${i}`;
    } finally {
      ended++;
    }
  };
  expect((await gathered(merge([sequence('a', 3), sequence('b', 2), sequence('c', 0)]))).sort()).toEqual([
    ...['a0', 'a1', 'a2', 'b0', 'b1'],
  ]);
  ended = 0;
  for await (const _ of merge([sequence('a', 3), sequence('b', 2)])) break;
  await Promise.resolve();
  expect(ended).toBe(2);
});
