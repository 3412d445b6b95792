// infra/ knows the configuration, and no other code of lib/: what it makes is decided by that alone.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('../../infra/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));

test('infra/ imports of lib/ only the configuration, and the errors that it throws', () => {
  const strangers = files.flatMap((name) => {
    const imports = readFileSync(new URL(name, folder), 'utf8').matchAll(/from '(\.\.\/[^']+)'/g);
    return [...imports].flatMap(([, path = '']) =>
      ['../lib/config/index.ts', '../lib/errors.ts'].includes(path) ? [] : [`${name}: ${path}`],
    );
  });
  expect(files.length).toBeGreaterThan(10);
  expect(strangers).toEqual([]);
});

test('each file says in its first line what it is for', () => {
  const silent = files.filter((name) => !readFileSync(new URL(name, folder), 'utf8').startsWith('// '));
  expect(silent).toEqual([]);
});
