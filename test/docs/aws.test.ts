// What docs/aws.md says of a run's options and of an execution's input is what the functions take.
import { expect, test } from 'vitest';
import { claimEvent } from '../../functions/inputs.ts';
import { RESTORE_OPTIONS } from '../../lib/config/restore-options.ts';
import { parseRunOptions } from '../../lib/jobs/aws/run-options.ts';
import { blocks, read, rows, section } from './documents.ts';

const text = read('docs/aws.md');
const options = section(text, '## Options of one run');

test('the options of a run are named, and the example is one', () => {
  for (const name of Object.keys(RESTORE_OPTIONS)) expect(options).toContain(`\`${name}\``);
  const example = blocks(options).find(({ language }) => language === 'json');
  const parsed = parseRunOptions('restore', JSON.parse(example?.text ?? ''), 'docs/aws.md');
  expect(Object.keys(parsed)).toEqual(['onConflict', 'onlyDb', 'rate']);
});

test('the input of an execution is taken as it is described', () => {
  const fields = rows(section(text, '## By hand'))
    .map(([field = '']) => field.replaceAll('`', ''))
    .slice(-5);
  expect(fields).toEqual(['bucket', 'key', 'version', 'retry', 'options']);
  const state = { bucket: 'b', key: 'restore/cache/dump.rdb', version: 'v', retry: '1', options: { strict: true } };
  const { bucket, key, version, retry, options } = claimEvent.parse({ execution: 'e', target: 'cache', state });
  expect({ bucket, key, version, retry, options }).toEqual(state);
});
