// The ways through the state machine of backups, as its definition has them; test/e2e/dump.test.ts runs it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dumpMachine } from '../../infra/dump-machine.ts';
import type { Asl } from '../../infra/states.ts';
import { flat, synthesise, WITH_SOURCE } from './synthesised.ts';

const machine = dumpMachine(
  {
    discover: 'discover',
    dumpShard: 'dump-shard',
    finish: 'finish',
    fail: 'fail',
    topic: 'arn:aws:sns:eu-central-1:1:t',
  },
  { source: 'cache', concurrency: 2, timeoutSeconds: 900 },
);
const states = machine.States as Record<string, Asl>;
const items = ((states['Dump shards'] as Asl).ItemProcessor as Asl).States as Record<string, Asl>;

test.each([
  ['the machine', states, machine.StartAt],
  ['its items', items, 'Dump shard'],
])('%s: every state leads to one that is there, and each is led to', (_, all, start) => {
  const led = new Set<unknown>([start]);
  for (const [name, { Next, Default, Choices = [], Catch = [], Type }] of Object.entries(all)) {
    const ways = [...(Choices as Asl[]), ...(Catch as Asl[])].map((way) => way.Next);
    for (const next of [Next, Default, ...ways].filter((next) => next !== undefined)) {
      expect(Object.keys(all), `${name} leads to ${next}`).toContain(next);
      led.add(next);
    }
    expect(Catch !== undefined && (Catch as Asl[]).length > 0, name).toBe(['Task', 'Map'].includes(Type as string));
  }
  expect(Object.keys(all).filter((name) => !led.has(name))).toEqual([]);
});

test('a failed shard is noted and ends its item; what finish could not do is put in order', () => {
  expect(items['Shard dumped?']).toMatchObject({
    Choices: [{ Variable: '$.run.ok', BooleanEquals: false, Next: 'Record failure' }, {}],
    Default: 'Shard ended',
  });
  expect(items['Dump shard']?.Catch).toMatchObject([{ Next: 'Record failure' }]);
  expect(states['Finished?']).toMatchObject({
    Choices: [
      { Variable: '$.end.done', Next: 'Notify' },
      { Variable: '$.end.again', Next: 'Discover shards' },
    ],
    Default: 'Failure',
  });
});

test('a scan that takes another call goes on with what this one answered; a failure, which has no such field, is not asked', () => {
  const { Choices } = items['Shard dumped?'] as { Choices: Asl[] };
  expect(Choices.map(({ Variable }) => Variable)).toEqual(['$.run.ok', '$.run.again']);
  expect(Choices[1]).toMatchObject({ BooleanEquals: true, Next: 'Dump shard' });
  expect(items['Dump shard']).toMatchObject({ ResultPath: '$.run', Parameters: { 'state.$': '$' } });
});

test('the function that scans has room for fingerprints on its disk', () => {
  const { of } = synthesise(WITH_SOURCE);
  const sizes = of('AWS::Lambda::Function').flatMap(({ Properties }) => Properties.EphemeralStorage ?? []);
  expect(sizes).toEqual([{ Size: 4096 }]);
});

test('a source in the configuration: its schedule, its alarms, and the command for a backup now', () => {
  const { of, outputs } = synthesise(WITH_SOURCE);
  const schedules = of('AWS::Scheduler::Schedule').map(({ Properties }) => Properties);
  const [nightly] = schedules.filter(({ ScheduleExpression }) => ScheduleExpression === 'cron(30 3 * * ? *)');
  expect(nightly).toMatchObject({
    ScheduleExpressionTimezone: 'Europe/Berlin',
    FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
    Target: { Input: '{}', DeadLetterConfig: { Arn: expect.anything() }, RoleArn: expect.anything() },
  });
  const alarms = of('AWS::CloudWatch::Alarm').map(({ Properties }) => Properties);
  expect(alarms.find(({ MetricName }) => MetricName === 'BackupAge')).toMatchObject({ Threshold: 36 * 3600 });
  expect(alarms.find(({ MetricName }) => MetricName === 'SizeChange')).toMatchObject({ Threshold: 51 });
  const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
  for (const heading of ['No new backup', 'A backup of an odd size']) expect(runbook).toContain(`\n## ${heading}\n`);
  expect(flat(outputs.DumpCache?.Value)).toContain('start-execution --state-machine-arn');
});

test('without a source nothing of it is there', () => {
  expect(synthesise('').of('AWS::Scheduler::Schedule')).toEqual([]);
});
