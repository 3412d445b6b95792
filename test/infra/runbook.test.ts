// The commands of runbook and checklist find what they look for in the stack.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { synthesise, TWO_TARGETS } from './synthesised.ts';

const { resources, outputs } = synthesise(TWO_TARGETS);
const read = (name: string) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
const found = (text: string, form: RegExp) => [...text.matchAll(form)].map(([, name = '']) => name);

test.each(['runbook', 'aws-checklist'])(
  '%s: each resource, output and type that a command names is there',
  (document) => {
    const text = read(document);
    const ids = Object.keys(resources);
    for (const beginning of found(text, /starts_with\(LogicalResourceId, '(\w+)'\)/g)) {
      expect(ids.filter((id) => id.startsWith(beginning))).toHaveLength(1);
    }
    for (const type of found(text, /(?:\$\(resource |ResourceType==')(AWS::[\w:]+)/g)) {
      expect(
        Object.values(resources).filter(({ Type }) => Type === type),
        type,
      ).not.toHaveLength(0);
    }
    const named = [
      ...found(text, /\$\(out (\w+)/g),
      ...found(text, /outputs? `(\w+)`/g),
      ...found(text, /and `(Purge\w+)`/g),
    ];
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining(named));
    expect(named.length).toBeGreaterThan(0);
  },
);

test('the topic, the queue and the lost events’ alarm that the checklist takes for the only ones are that', () => {
  const all = Object.entries(resources);
  const count = (type: string) => all.filter(([, { Type }]) => Type === type).length;
  expect(count('AWS::SNS::Topic')).toBe(1);
  expect(count('AWS::SQS::Queue')).toBe(1);
  expect(all.filter(([id, { Type }]) => Type === 'AWS::CloudWatch::Alarm' && /lost/i.test(id))).toHaveLength(1);
});
