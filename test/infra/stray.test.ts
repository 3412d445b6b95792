// Objects below no door, in the template: who hears of them, who is told, and that no door is left out.
import { expect, test } from 'vitest';
import { flat, synthesise, TWO_TARGETS } from './synthesised.ts';

const { of, resources } = synthesise(TWO_TARGETS);
const environments = of('AWS::Lambda::Function')
  .filter(({ Properties }) => String(Properties.Description).includes('below no door'))
  .map(({ Properties }) => Properties.Environment as { Variables: Record<string, unknown> });
const { Variables } = environments[0] ?? { Variables: {} };
const prefixesOf = (pattern: unknown) =>
  (pattern as { detail: { object: { key: { prefix: string }[] } } }).detail.object.key.map(({ prefix }) => prefix);

test('one rule hears of every object where a door could be, calls the function, and loses nothing', () => {
  const [rule, ...others] = of('AWS::Events::Rule').filter(({ Properties }) =>
    prefixesOf(Properties.EventPattern).includes('restore/'),
  );
  expect(others).toEqual([]);
  expect(prefixesOf(rule?.Properties.EventPattern)).toEqual(['restore/', 'load/', 'decode/']);
  expect(rule?.Properties.Targets).toEqual([
    expect.objectContaining({ InputPath: '$.detail', DeadLetterConfig: { Arn: expect.anything() } }),
  ]);
});

test('the function knows each door that starts a machine, and no other', () => {
  const { doors } = JSON.parse(String(Variables.KEYFERRY_CONFIG)) as { doors: string[] };
  const heard = of('AWS::Events::Rule').flatMap(({ Properties }) => prefixesOf(Properties.EventPattern));
  const machines = heard.filter(
    (prefix) => !['restore/', 'load/', 'decode/'].includes(prefix) || doors.includes(prefix),
  );
  expect([...doors].sort()).toEqual([...new Set(machines)].sort());
  expect(doors).toEqual(expect.arrayContaining(['restore/cache/', 'restore/orders/']));
});

test('it tells the topic that jobs tell, and may publish to no other', () => {
  const [topic] = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::SNS::Topic');
  expect(flat(Variables.KEYFERRY_TOPIC)).toBe(`<${topic?.[0]}>`);
});
