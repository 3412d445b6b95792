// Temporary names stand in their key's slot, differ where they must, and are known again.
import { describe, expect, test } from 'vitest';
import { keySlot } from '../../../lib/redis/slots.ts';
import { isTemporaryKey, temporaryKeys } from '../../../lib/targets/redis/temporary-key.ts';
import { Random, seedOr } from '../../support/random.ts';

describe('temporary names', () => {
  test('are in the slot of their key, whatever it is made of, and are known again', () => {
    const random = new Random(seedOr(7));
    const keys: Buffer[] = [
      Buffer.from(''),
      Buffer.from('{'),
      Buffer.from('a{}b'),
      Buffer.from('{x}y'),
      Buffer.from('}{'),
    ];
    for (let i = 0; i < 300; i++) keys.push(random.bytes(random.int(0, 40)));
    for (const key of keys) {
      for (const name of temporaryKeys(key, 3, 'a job')) {
        expect(keySlot(name), `${name} for ${key.toString('hex')}, seed ${random.seed}`).toBe(keySlot(key));
        expect(isTemporaryKey(name)).toBe(true);
      }
    }
  });

  test('differ by key, database, job and turn, and are found again by the same job', () => {
    const key = Buffer.from('key');
    const all = [
      temporaryKeys(key, 0, 'job'),
      temporaryKeys(Buffer.from('key2'), 0, 'job'),
      temporaryKeys(key, 1, 'job'),
      temporaryKeys(key, 0, 'job2'),
    ]
      .flat()
      .map(String);
    expect(new Set(all).size).toBe(all.length);
    expect(temporaryKeys(key, 0, 'job').map(String)).toEqual(all.slice(0, 4));
  });

  test('are not taken for keys of an application', () => {
    for (const name of ['keyferry:tmp:{a}', 'keyferry:tmp:mine', 'x', '', 'keyferry:tmp:{abc}job:1234:0']) {
      expect(isTemporaryKey(Buffer.from(name)), name).toBe(false);
    }
  });
});
