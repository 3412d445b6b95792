// The ways through the state machine of decode, as its definition has them; test/e2e/decode.test.ts runs it.
import { expect, test } from 'vitest';
import { decodeMachine } from '../../infra/decode-machine.ts';
import type { Asl } from '../../infra/states.ts';

const machine = decodeMachine(
  {
    ...{ claim: 'claim', plan: 'plan', decodeChunk: 'decode-chunk', finish: 'decode-finish', fail: 'fail' },
    topic: 'arn:aws:sns:eu-central-1:123456789012:topic',
  },
  { concurrency: 8, timeoutSeconds: 900 },
);
const states = machine.States as Record<string, Asl>;
const map = states['Decode chunks'] as Asl;
const items = (map.ItemProcessor as Asl).States as Record<string, Asl>;

/** Where a state leads to when nothing is caught. */
const next = ({ Next, Choices = [], Default }: Asl): unknown[] =>
  [Next, Default, ...(Choices as Asl[]).map((rule) => rule.Next)].filter((name) => name !== undefined);

test('a file is claimed, planned, decoded chunk by chunk, finished and told of; nothing waits for a lease', () => {
  const led = new Set<unknown>([machine.StartAt, 'Failure', 'Failed without report']);
  for (const [name, state] of Object.entries(states)) {
    for (const to of next(state)) {
      expect(Object.keys(states), `${name} leads to ${to}`).toContain(to);
      led.add(to);
    }
  }
  expect(Object.keys(states).filter((name) => !led.has(name))).toEqual([]);
  expect(states['Claimed?']).toMatchObject({ Choices: [{ Next: 'Plan' }, { Next: 'Nothing to do' }] });
  expect(states['Keys?']).toMatchObject({
    Choices: [{ Variable: '$.plan.plan.chunks', NumericEquals: 0, Next: 'Finish' }],
    Default: 'Decode chunks',
  });
  expect(states.Finish?.Next).toBe('Notify');
  expect(Object.keys(states)).not.toContain('Lease');
});

test('every Task and Map catches everything, and every Task is retried', () => {
  for (const [name, { Type, Catch, Retry }] of Object.entries({ ...states, ...items })) {
    const catches = Type === 'Task' || Type === 'Map';
    expect(Catch !== undefined, name).toBe(catches);
    if (catches) expect(Catch, name).toMatchObject([{ ErrorEquals: ['States.ALL'] }]);
    expect(Retry !== undefined, name).toBe(Type === 'Task');
  }
});

test('only pointers pass: a worker gets its chunk and the job, and its result is dropped', () => {
  expect(map).toMatchObject({
    ...{ MaxConcurrency: 8, ResultPath: null },
    ItemSelector: { 'chunk.$': '$$.Map.Item.Value', 'job.$': '$.claim.job' },
  });
  expect(Object.keys(map.ItemSelector as Asl)).toHaveLength(2);
  expect(items['Chunk ended']).toEqual({ Type: 'Pass', Result: {}, End: true });
  expect(states.Claim?.Parameters).toMatchObject({ mode: 'decode', target: '', 'state.$': '$' });
});
