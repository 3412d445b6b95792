// Slots are those of a real server, and each has a tag.
import { describe, expect, test } from 'vitest';
import { crc16 } from '../../lib/bytes/crc16.ts';
import { keySlot, slotTag } from '../../lib/redis/slots.ts';
import { pipelined, show } from '../support/commands.ts';
import { Random, seedOr } from '../support/random.ts';
import { anyServer, withServer } from '../support/servers.ts';

describe('slots', () => {
  test('are reckoned with the checksum of the specification', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x31c3);
    expect(crc16(Buffer.from('x123456789x'), 1, 10)).toBe(0x31c3);
  });

  test('of keys with braces, empty tags and any bytes are those that a server says', async () => {
    await withServer(anyServer(), { config: { 'cluster-enabled': 'yes' } }, async (server) => {
      const random = new Random(seedOr(99));
      const pieces = ['{', '}', '{}', 'user', ':', '\0', '\xff', '\n', '1'];
      const keys = Array.from({ length: 3000 }, () => {
        if (random.chance(0.3)) return random.bytes(random.int(0, 30));
        return Buffer.from(Array.from({ length: random.int(0, 8) }, () => random.pick(pieces)).join(''), 'latin1');
      });
      const slots = await pipelined(
        server.client,
        keys.map((key) => ['CLUSTER', 'KEYSLOT', key] as const),
      );
      for (const [i, key] of keys.entries()) {
        expect(keySlot(key), `${show(key)}, seed ${random.seed}`).toBe(slots[i]);
      }
    });
  });

  test('have a short tag each, which puts any key there', () => {
    for (let slot = 0; slot < 16_384; slot++) {
      const tag = slotTag(slot);
      if (!/^[0-9A-Za-z]{1,3}$/.test(tag) || keySlot(Buffer.from(`a:{${tag}}:b{c}`)) !== slot) {
        expect.fail(`the tag of slot ${slot} is "${tag}"`);
      }
    }
  });
});
