// Globs have the verdict of a server’s KEYS.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileGlob } from '../../lib/filter/glob.ts';
import { pipelined } from '../support/commands.ts';
import { Random, runs, seedOr } from '../support/random.ts';
import { anyServer } from '../support/server-binaries.ts';
import { type Server, startServer } from '../support/servers.ts';

const SEED = seedOr(20261123);

describe('a glob', () => {
  test.each([
    ['user:*', 'user:1', true],
    ['user:*', 'users:1', false],
    ['*', 'anything', true],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['h\\?llo', 'h?llo', true],
    ['h\\?llo', 'hello', false],
    ['a*b*c', 'a---b---c', true],
    ['a*b*c', 'a---c---b', false],
    ['', '', true],
    ['', 'a', false],
  ])('%j on %j: %s', (pattern, key, verdict) => {
    expect(compileGlob(pattern)(Buffer.from(key))).toBe(verdict);
  });

  test('matches bytes, also those that are no text', () => {
    const key = Buffer.of(0x61, 0, 0xff, 0x0a);
    expect(compileGlob('a???')(key)).toBe(true);
    expect(compileGlob('a*')(key)).toBe(true);
    expect(compileGlob('a??')(key)).toBe(false);
  });

  test('of text beyond ASCII matches its UTF-8 bytes', () => {
    expect(compileGlob('größe:*')(Buffer.from('größe:1'))).toBe(true);
    expect(compileGlob('gr??ße:*')(Buffer.from('größe:1')), 'one byte is one `?`').toBe(true);
  });

  test('of many runs takes no time that grows beyond measure', () => {
    const key = Buffer.alloc(20_000, 'a');
    const start = performance.now();
    expect(compileGlob(`${'a*'.repeat(30)}b`)(key)).toBe(false);
    expect(compileGlob(`${'*a'.repeat(200)}`)(key)).toBe(true);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

/** Keys whose bytes all have a meaning in some pattern. */
const KEYS: readonly Buffer[] = [
  ...['', 'a', 'b', 'c', 'ab', 'ba', 'aa', 'abc', 'aab', 'abab', '-', 'a-c', '^', '[', ']', '[a]', 'a]', '\\', '\\\\'],
  ...['*', '**', '?', 'a*', '*a', 'a?b', '[^a]', 'z', 'A', 'é', 'ab\n', 'x'.repeat(300), 'a\\b', '-]', '^]', ' '],
].map((key) => Buffer.from(key));

const PATTERNS: readonly string[] = [
  ...['*', '**', '***', '', 'a', '?', '??', 'a*', '*a', '*a*', '**a', 'a**', 'a*b', '*?', '?*', '*?*', '?**?'],
  ...['[', '[a', '[^', '[^a', '[]', '[]a]', '[^]', '[^]a]', '[a]', '[^a]', '[ab', '[a-', '[a-c', '[a-c]', '[c-a]'],
  ...[
    '[a-]',
    '[-a]',
    '[--a]',
    '[a-c-e]',
    '[^a-c]',
    '[^^]',
    '[a^]',
    '[\\]]',
    '[\\',
    '[\\a',
    '[a\\',
    '[a\\-c]',
    '[\\a-c]',
  ],
  ...[
    '[a-\\]',
    '[a-\\]]',
    '[a-\\c]',
    '[[]',
    '[[a]]',
    '[]',
    '[]]',
    '[^]]',
    '[*]',
    '[?]',
    '[a]*',
    '*[a]',
    '*[',
    '*[a',
    'a[',
    'a[]',
  ],
  ...[
    '\\',
    '\\\\',
    '\\\\\\',
    '\\a',
    '\\*',
    '\\**',
    '\\?',
    '\\[',
    '\\[a]',
    'a\\',
    'a\\b',
    'a\\\\b',
    '*\\',
    '*\\*',
    '[a-z]',
  ],
  ...[
    '[A-z]',
    '[ -~]',
    'é',
    '?é',
    '[é]',
    '[é][é]',
    '[à-ü]?',
    '*\n',
    '**[^a]**',
    '*[ab]*[ab]*',
    '\\ab',
    'a\\*',
    '?\\',
    '**?**',
  ],
];

describe('the verdict is a server’s', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(anyServer());
    await pipelined(
      server.client,
      KEYS.map((key) => ['SET', key, 'v'] as const),
    );
  });
  afterAll(() => server.stop());

  async function differences(patterns: readonly string[]): Promise<string[]> {
    const replies = await pipelined(
      server.client,
      patterns.map((pattern) => ['KEYS', pattern] as const),
    );
    return patterns.flatMap((pattern, i) => {
      const theirs = new Set((replies[i] as Buffer[]).map((key) => key.toString('latin1')));
      const matches = compileGlob(pattern);
      return KEYS.flatMap((key) => {
        const name = key.toString('latin1');
        return matches(key) === theirs.has(name)
          ? []
          : [`${JSON.stringify(pattern)} on ${JSON.stringify(name)}: ${theirs.has(name)}`];
      });
    });
  }

  test('on odd patterns', async () => {
    expect(await differences(PATTERNS)).toEqual([]);
  });

  test('on random patterns', async () => {
    const random = new Random(SEED);
    const parts = ['a', 'b', 'c', '-', '^', '[', ']', '\\', '*', '?', 'é'];
    const patterns = Array.from({ length: runs(3000, 100_000) }, () =>
      Array.from({ length: random.int(0, 8) }, () => random.pick(parts)).join(''),
    );
    // A range from ASCII to a byte beyond it means one thing where the server's `char` has a sign and another where not.
    const plain = patterns.filter((pattern) => !/-.?é|é.?-/.test(pattern));
    expect((await differences(plain)).slice(0, 20), `seed ${SEED}`).toEqual([]);
  });
});
