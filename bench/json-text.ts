// JSON documents such as applications cache: repeated field names and words, with identifiers that do not compress.
import type { Random } from '../test/support/random.ts';
import type { ByteBuffer } from './byte-buffer.ts';
import { fillText } from './draws.ts';

/** Order lines in a document: with them it is about 1.1 KB long, and half of that in LZF. */
const LINES = 7;
const SKU_BYTES = 6;
const TOKEN_BYTES = 20;

const WORDS = [
  ...['amber', 'basket', 'carbon', 'delta', 'ember', 'forest', 'garden', 'harbour', 'island', 'jungle', 'kettle'],
  ...['lantern', 'meadow', 'nickel', 'orchard', 'pepper', 'quarry', 'ribbon', 'saddle', 'timber', 'umbrella'],
  ...['valley', 'walnut', 'yellow', 'zephyr', 'anchor', 'bridge', 'candle', 'dragon', 'engine', 'falcon', 'guitar'],
];
const STATES = ['ordered', 'packed', 'shipped', 'delivered', 'returned'];

/** Appends one document. */
export function writeJsonText(out: ByteBuffer, random: Random, id: number): void {
  const first = random.pick(WORDS);
  const last = random.pick(WORDS);
  out.ascii(`{"id":${id},"customer":{"name":"${first} ${last}","email":"${first}.${last}${random.int(0, 999)}`);
  out.ascii(`@example.com","verified":${random.chance(0.5)}},"token":"`);
  incompressible(out, random, TOKEN_BYTES);
  out.ascii('","lines":[');
  for (let line = 0; line < LINES; line++) {
    out.ascii(line === 0 ? '{"sku":"' : ',{"sku":"');
    incompressible(out, random, SKU_BYTES);
    out.ascii(`","title":"${random.pick(WORDS)}","unit":"piece","quantity":${random.int(1, 9)}`);
    out.ascii(
      `,"price":${random.int(1, 500)}.95,"currency":"EUR","warehouse":"north","state":"${random.pick(STATES)}"}`,
    );
  }
  out.ascii(`],"note":"${Array.from({ length: 8 }, () => random.pick(WORDS)).join(' ')}"}`);
}

function incompressible(out: ByteBuffer, random: Random, length: number): void {
  const at = out.grow(length);
  fillText(random, out.bytes, at, out.length);
}
