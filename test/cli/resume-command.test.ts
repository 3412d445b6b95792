import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { quoteWord, resumeCommand } from '../../cli/resume-command.ts';

const argv = (...words: string[]) => ['/usr/bin/node', '/usr/local/bin/keyferry', ...words];
const command = (...words: string[]) => resumeCommand(argv(...words)).command;

describe('quoting', () => {
  test('plain words stay as they are', () => {
    expect(
      command('restore', 'dump.rdb', '--to', 'redis://10.0.0.7:6379/2', '--ttl-shift=-1h', '--db-map', '1:0,9:2'),
    ).toBe('keyferry restore dump.rdb --to redis://10.0.0.7:6379/2 --ttl-shift=-1h --db-map 1:0,9:2');
  });

  test.each([
    ['my dump.rdb', "'my dump.rdb'"],
    ['user:*', "'user:*'"],
    ['$HOME', "'$HOME'"],
    ['`id`', "'`id`'"],
    ["it's", "'it'\\''s'"],
    ['"', `'"'`],
    ['a\\b', "'a\\b'"],
    ['', "''"],
    ['=ls', "'=ls'"],
    ['~/x', "'~/x'"],
    ['a;b|c&d', "'a;b|c&d'"],
    ['käse', "'käse'"],
  ])('%j becomes %s', (word, quoted) => {
    expect(quoteWord(word)).toBe(quoted);
  });

  test('a shell reads back what was typed', () => {
    const words = [
      'a b',
      "it's",
      '$X `y` "z" \\',
      '*?[a]',
      'line\nend',
      '-n',
      '',
      '#x',
      '!!',
      '{a,b}',
      '~',
      '=x',
      '%',
      'ü',
    ];
    const script = `printf '%s\\0' ${words.map(quoteWord).join(' ')}`;
    const read = execFileSync('/bin/sh', ['-c', script]).toString().split('\0').slice(0, -1);
    expect(read).toEqual(words);
  });
});

describe('what is left out', () => {
  test('--fresh, which would begin anew', () => {
    expect(command('restore', '--fresh', 'dump.rdb', '--to', 'redis://h')).toBe(
      'keyferry restore dump.rdb --to redis://h',
    );
  });

  test('but not a file of that name', () => {
    expect(command('restore', '--to', 'redis://h', '--', '--fresh')).toBe('keyferry restore --to redis://h -- --fresh');
  });

  test.each([
    ['redis://user:s3cret@h:1/2', 'redis://user@h:1/2'],
    ['redis://:s3cret@h', 'redis://h'],
    ['redis://user:s3@cret@h', 'redis://user@h'],
    ['redis://user:s3:cret@h', 'redis://user@h'],
    ['--to=redis://user:s3cret@h', '--to=redis://user@h'],
    ['REDIS://user:s3cret@h', 'REDIS://user@h'],
    ['rediss://user:s3cret@h?x', "'rediss://user@h?x'"],
  ])('the password of %s', (word, shown) => {
    const resume = resumeCommand(argv('restore', 'x', '--to', word));
    expect(resume.command).toBe(`keyferry restore x --to ${shown}`);
    expect(resume.command).not.toContain('cret');
    expect(resume.passwordLeftOut).toBe(true);
  });

  test('nothing of a URL without a password', () => {
    for (const url of ['redis://h:6379', 'redis://user@h', 'redis://[::1]:6379']) {
      expect(resumeCommand(argv('restore', 'x', '--to', url)).passwordLeftOut, url).toBe(false);
    }
  });
});

test('begins as the tool was begun', () => {
  const begun = (script: string, env = {}) => resumeCommand(['node', script, 'plan'], env).command;
  expect(begun('/usr/local/bin/keyferry')).toBe('keyferry plan');
  expect(begun('/somewhere/node_modules/.bin/keyferry', { npm_lifecycle_event: 'npx' })).toBe('npx keyferry plan');
  expect(begun(`${process.cwd()}/cli/keyferry.ts`)).toBe('node cli/keyferry.ts plan');
  expect(begun('/opt/my tools/keyferry.mjs')).toBe("node '/opt/my tools/keyferry.mjs' plan");
});
