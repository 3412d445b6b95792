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
