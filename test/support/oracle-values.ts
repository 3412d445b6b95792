// What is in sorted sets and hashes, for servers whose DEBUG DIGEST-VALUE differs although the values are equal: newer
// ones digest other digits of a score, and whether a hash's field expires.
import { createHash } from 'node:crypto';
import { type Command, pipelined } from './commands.ts';
import type { KeyFacts, Snapshot } from './oracle.ts';
import type { Server } from './servers.ts';

/**
 * The snapshot with a digest of its own for each sorted set, of members and exact scores in the server's order, and for
 * each hash, of fields and values in any order. Those of the same server, taken of what it held then.
 */
export async function withValueDigests(server: Server, taken: Snapshot): Promise<Snapshot> {
  const client = server.connect();
  try {
    if (server.features.sevenTwo) await client.call('CLIENT', 'NO-TOUCH', 'ON');
    const databases: Snapshot['databases'] = new Map();
    for (const [number, keys] of taken.databases) {
      await client.select(number);
      const read = [...keys].filter(([, { type }]) => type in READ) as [
        string,
        KeyFacts & { type: keyof typeof READ },
      ][];
      const replies = await pipelined(
        client,
        read.map(([key, { type }]) => READ[type](Buffer.from(key, 'latin1'))),
      );
      const digests = read.map(([key, facts], i): [string, KeyFacts] => {
        return [key, { ...facts, digest: digestOf(facts.type, replies[i] as Buffer[]) }];
      });
      databases.set(number, new Map([...keys, ...digests]));
    }
    return { ...taken, databases };
  } finally {
    client.disconnect();
  }
}

const READ = {
  zset: (key: Buffer): Command => ['ZRANGE', key, 0, -1, 'WITHSCORES'],
  hash: (key: Buffer): Command => ['HGETALL', key],
} as const;

function digestOf(type: keyof typeof READ, reply: readonly Buffer[]): string {
  const pairs: string[] = [];
  for (let i = 0; i < reply.length; i += 2) {
    const [name, value] = [reply[i] as Buffer, reply[i + 1] as Buffer];
    // Servers print 17 digits of a score, or as many as needed; JavaScript always the latter. Like JavaScript, Valkey
    // forgets the sign of zero when it packs a sorted set.
    pairs.push(`${name.toString('hex')} ${type === 'zset' ? scoreText(value) : value.toString('hex')}`);
  }
  if (type === 'hash') pairs.sort();
  return createHash('sha1').update(pairs.join('\n')).digest('hex');
}

function scoreText(reply: Buffer): string {
  const text = reply.toString();
  return text.endsWith('inf') ? text : String(Number(text));
}
