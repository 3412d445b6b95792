// The rows of redis-rdb-tools' memory report (rdbtools/memprofiler.py): by hand.
import { expect, test } from 'vitest';
import { moduleId, moduleItem, values } from '../../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../../support/rdb-file-builder.ts';
import { streamValue } from '../../../support/stream-builder.ts';
import { sampleStream } from '../../../support/value-samples.ts';
import { shaped } from './shape-run.ts';

const HEAD = 'database,type,key,size_in_bytes,encoding,num_elements,len_largest_element,expiry\n';
const csv = async (file: RdbFileBuilder, options = {}) => (await shaped('rdbtools-csv', file.end('off'), options)).text;

test('a row for each type: the size is that in the file', async () => {
  const file = new RdbFileBuilder()
    .key('s', values.STRING('abc'))
    .key('l', values.LIST_QUICKLIST_2([['a', 'bb']]))
    .selectDb(3)
    .key('h', values.HASH_LISTPACK([['f', 'value']]))
    .key('i', values.SET_INTSET([1, 200]))
    .key('z', values.ZSET_2([['m', 1]]))
    .key('st', streamValue(3, sampleStream))
    .key('m', values.MODULE_2(moduleId('ReJSON-RL', 3), [moduleItem.string('{}')]));
  const rows = (await csv(file)).split('\n').slice(1, -1);
  expect(rows.map((row) => row.replace(/^((?:[^,]*,){3})\d+/, '$1N'))).toEqual([
    '0,string,s,N,string,3,3,',
    '0,list,l,N,quicklist,2,2,',
    '3,hash,h,N,listpack,1,5,',
    '3,set,i,N,intset,2,3,',
    '3,sortedset,z,N,skiplist,1,1,',
    '3,stream,st,N,listpack,3,70,',
    '3,module,m,N,ReJSON-RL,1,5,',
  ]);
  expect(rows[0]).toBe('0,string,s,6,string,3,3,'); // 1 + 1 bytes of the key, 1 + 3 of the value
});

test('times are in UTC without saying so; keys with a comma, a quote or a line end are in quotes', async () => {
  const file = new RdbFileBuilder()
    .expireMs(1_671_963_072_573)
    .key('a,b', values.STRING(''))
    .expireMs(1_671_963_072_000)
    .key('say "x"\n', values.STRING(''))
    .key(Buffer.of(0xff), values.STRING(''));
  expect(await csv(file)).toBe(
    `${HEAD}0,string,"a,b",5,string,0,0,2022-12-25T10:11:12.573000\n` +
      '0,string,"say ""x""\n",10,string,0,0,2022-12-25T10:11:12\n' +
      '0,string,\xff,3,string,0,0,\n',
  );
});

test('the keys alone', async () => {
  const file = new RdbFileBuilder().key('k', values.ZSET([['m', 1]]));
  expect(await csv(file, { keysOnly: true })).toBe('database,type,key\n0,sortedset,k\n');
});
