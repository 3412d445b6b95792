// Random RDB files with where every record is: keys of all types and sizes, attributes, and records between the keys.

import type { Random } from './random.ts';
import { moduleId, moduleItem, values } from './rdb-builders.ts';
import {
  type Attribute,
  JSON_MODULE,
  redisValues,
  type Sample,
  SampleBuilder,
  sharedValues,
  template,
} from './samples.ts';

/**
 * @param keys    how many keys it has
 * @param largest bytes of the largest string in it; sizes are spread over all orders of magnitude
 */
export function randomSample(random: Random, keys: number, largest: number): Sample {
  const file = new SampleBuilder('REDIS0015');
  const built = [...sharedValues, ...redisValues.filter(([name]) => !name.includes('another'))];
  file.aux('redis-ver', '8.10.0').template(template.id, template.fields);
  if (random.chance(0.5)) file.moduleAux(JSON_MODULE, 1, [moduleItem.string(random.bytes(random.int(0, 100)))]);
  let db = random.int(0, 3);
  file.selectDb(db);
  for (let i = 0; i < keys; i++) {
    const name = random.chance(0.1) ? random.bytes(random.int(0, 300)) : `key:${i}`;
    const size = Math.floor(largest ** random.fraction());
    const value = random.chance(0.5)
      ? random.pick(built)[1]
      : random.pick([
          () => values.STRING(random.bytes(size)),
          () => values.LIST(Array.from({ length: Math.ceil(size / 100) }, () => random.text(99))),
          () => values.MODULE_2(moduleId('TSDB-TYPE', 2), [moduleItem.string(random.bytes(size))]),
        ])();
    file.key(name, value, randomAttributes(random));
    if (random.chance(0.05)) file.library(`#!lua name=l${i}\n${random.text(random.int(0, 500))}`);
    if (random.chance(0.03)) file.aux('late', random.text(20)).slotInfo(i, 1, 0);
    if (random.chance(0.05)) {
      db += random.int(1, 3);
      file.selectDb(db).resizeDb(1, 1);
    }
  }
  return file.end('random', 'redis', 15, random.chance(0.9) ? 'ok' : 'disabled');
}

function randomAttributes(random: Random): Attribute[] {
  const attributes: Attribute[] = [];
  if (random.chance(0.2)) attributes.push({ expireMs: BigInt(random.int(0, 2 ** 42)) });
  if (random.chance(0.1))
    attributes.push(random.chance(0.5) ? { idle: random.int(0, 1e6) } : { freq: random.int(0, 255) });
  if (random.chance(0.05)) attributes.push({ meta: [['wxyz', [moduleItem.string(random.bytes(random.int(0, 50)))]]] });
  return attributes;
}
