// Renamed commands, as people write them and as RedisShake's aws_psync has them.
import { expect, test } from 'vitest';
import { parsePsyncNames, psyncNameOf } from '../../../lib/sources/replica/psync-names.ts';

test('each node has its own name; a port that begins like another one is another one', () => {
  const names = parsePsyncNames('10.0.0.1:6379@nmfu2sl5osync, 10.0.0.1:637@xhma21xfkssync');
  expect(psyncNameOf(names, { host: '10.0.0.1', port: 6379 })).toBe('nmfu2sl5osync');
  expect(psyncNameOf(names, { host: '10.0.0.1', port: 637 })).toBe('xhma21xfkssync');
  expect(psyncNameOf(names, { host: '10.0.0.2', port: 6379 })).toBeUndefined();
});

test('one name is for all, and one of a node goes before it; options add up', () => {
  const names = parsePsyncNames('cache.abc.use1.example.com:6379@one', parsePsyncNames('all'));
  expect(psyncNameOf(names, { host: 'cache.abc.use1.example.com', port: 6379 })).toBe('one');
  expect(psyncNameOf(names, { host: 'elsewhere', port: 1 })).toBe('all');
});

test.each(['', 'host:6379@', '@name', 'host@name', 'host:6379@na me'])('%s is none', (text) => {
  expect(() => parsePsyncNames(text)).toThrow(expect.objectContaining({ code: 'PSYNC_NAME' }));
});
