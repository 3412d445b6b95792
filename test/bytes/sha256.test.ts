// SHA-256 that goes on where another one was saved: the same digest as Node's, wherever it is cut.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sha256 } from '../../lib/bytes/sha256.ts';
import { Random } from '../support/random.ts';

const SEED = 20_261_124;

test('saved and resumed at any byte, it is the digest of all of them', async () => {
  const random = new Random(SEED);
  for (let round = 0; round < 40; round++) {
    const bytes = Buffer.from(Array.from({ length: random.int(0, 400) }, () => random.int(0, 255)));
    let hash = await Sha256.open();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + random.int(0, 150));
      hash.update(bytes.subarray(at, end));
      at = end;
      hash = await Sha256.open(hash.save());
    }
    expect(hash.digest('hex'), `seed ${SEED}, round ${round}`).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

test('what was saved stays good when it is gone on from twice', async () => {
  const saved = (await Sha256.open()).update(Buffer.from('one')).save();
  for (const rest of ['two', 'three']) {
    const hash = (await Sha256.open(saved)).update(Buffer.from(rest));
    expect(hash.digest('hex')).toBe(createHash('sha256').update(`one${rest}`).digest('hex'));
  }
});
