import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeProblem } from '../../cli/node-version.ts';

test.each(['22.15.0', '22.21.1', '23.0.0', '24.21.0', '100.0.0-nightly'])('%s will do', (version) => {
  expect(nodeProblem(version)).toBeUndefined();
});

test.each(['0.10.48', '18.20.4', '20.20.2', '22.14.9'])(
  '%s will not, in one sentence that says what to do',
  (version) => {
    const problem = nodeProblem(version) ?? '';
    expect(problem).toContain(`needs Node 22.15 or newer and this is ${version}`);
    expect(problem).toContain('install a newer one');
    expect(problem).not.toContain('\n');
  },
);

test('nothing is imported by a name that an older Node lacks: it would fail before it could say so', () => {
  const root = join(import.meta.dirname, '..', '..');
  const files = ['lib', 'cli'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((path) => join(root, room, path)),
  );
  const naming = files.filter(
    (path) => path.endsWith('.ts') && /import \{[^}]*zstd[^}]*\} from 'node:zlib'/i.test(readFileSync(path, 'utf8')),
  );
  expect(naming).toEqual([]);
});
