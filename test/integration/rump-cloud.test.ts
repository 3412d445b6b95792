// Proxies of clouds before a cluster, made of two servers and a few lines: SCAN names the node, all else finds its own way.
import { type AddressInfo, createServer, type Server as Listener, type Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { rump } from '../../lib/jobs/rump.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { type Reply, ReplyReader } from '../../lib/resp/reply-reader.ts';
import { WorkFolder } from '../support/restore-run.ts';
import { startServer } from '../support/servers.ts';

const IDS = ['a'.repeat(40), 'b'.repeat(40)];
const NODES = IDS.map((id, i) => `${id} 10.0.0.${i}:6379@1 master - 0 0 ${i} connected ${i * 8192}-${i * 8192 + 8191}`);

/** Answers as such a proxy does; refuses a SCAN that names no node. */
async function answer(cloud: string, nodes: readonly Redis[], [name = '', ...args]: string[]): Promise<unknown> {
  switch (name.toUpperCase()) {
    case 'PING':
      return 'PONG';
    case 'INFO':
      return `redis_version:7.0.15\r\ncluster_enabled:1\r\nnodecount:2\r\ndb0:keys=300,expires=0,avg_ttl=0\r\n`;
    case 'CLUSTER':
      return args[0] === 'NODES' ? NODES.join('\n') : new Error('ERR not here');
    case 'ISCAN':
      return cloud === 'aliyun_cluster'
        ? nodes[Number(args[0])]!.call('SCAN', ...args.slice(1))
        : new Error('ERR unknown');
    case 'SCAN': {
      const node = IDS.indexOf(args.at(-1) as string);
      return cloud === 'tencent_cluster' && node >= 0
        ? nodes[node]!.call('SCAN', ...args.slice(0, -1))
        : new Error('ERR syntax error');
    }
    case 'DUMP':
    case 'PEXPIRETIME': {
      const key = args[0] as string;
      return nodes[Number(key.slice(4)) % 2]!.callBuffer(name, key);
    }
    default:
      return new Error(`ERR unknown command '${name}'`);
  }
}

function encoded(reply: unknown): Buffer {
  if (reply instanceof Error) return Buffer.from(`-${reply.message}\r\n`);
  if (typeof reply === 'number') return Buffer.from(`:${reply}\r\n`);
  if (reply === null) return Buffer.from('$-1\r\n');
  if (Array.isArray(reply)) return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(encoded)]);
  const bytes = Buffer.isBuffer(reply) ? reply : Buffer.from(String(reply));
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

async function startCloud(cloud: string, nodes: readonly Redis[]): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const listener: Listener = createServer((socket) => {
    sockets.add(socket);
    let turn = Promise.resolve();
    const reader = new ReplyReader({
      ok: () => undefined,
      reply: (words: Reply) => {
        turn = turn.then(async () => {
          const reply = await answer(cloud, nodes, (words as Buffer[]).map(String)).catch((error: unknown) => error);
          socket.write(encoded(reply));
        });
      },
    });
    socket.on('data', (piece) => reader.feed(piece));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}`,
    close: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

test.each(['aliyun_cluster', 'tencent_cluster'] as const)('every node behind %s is scanned', async (cloud) => {
  using work = new WorkFolder();
  await using one = await startServer('redis-7.0');
  await using two = await startServer('redis-7.0');
  await using to = await startServer('redis-7.0');
  for (let i = 0; i < 300; i++) await [one, two][i % 2]!.client.set(`key:${i}`, String(i));
  const proxy = await startCloud(cloud, [one.client, two.client]);
  try {
    const report = await rump({
      source: parseRedisUrl(proxy.url),
      target: parseRedisUrl(to.url),
      cloud,
      workDir: work.path,
    });
    expect(report.error?.describe()).toBeUndefined();
    expect(report.keys.written).toBe(300);
    expect(await to.client.get('key:299')).toBe('299');
  } finally {
    proxy.close();
  }
});
