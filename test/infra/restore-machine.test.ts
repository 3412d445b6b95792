// The ways through the state machine, run by a local Step Functions, with stand-ins for the functions.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { GetExecutionHistoryCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restoreMachine } from '../../infra/restore-machine.ts';
import type { Asl } from '../../infra/states.ts';
import { Deployment } from '../e2e/deployment.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';

const ARN = 'arn:aws:lambda:eu-central-1:123456789012:function:';
const parts = {
  ...{ claim: `${ARN}claim`, lease: `${ARN}lease`, plan: `${ARN}plan`, prepare: `${ARN}prepare` },
  ...{ restoreChunk: `${ARN}restore-chunk`, finish: `${ARN}finish`, fail: `${ARN}fail` },
  topic: 'arn:aws:sns:eu-central-1:123456789012:topic',
};
const settings = { target: 'cache', concurrency: 3, timeoutSeconds: 900 };
const restore = restoreMachine(parts, settings);
const load = restoreMachine({ ...parts, build: `${ARN}build` }, settings);

/** All states with their names, those of the map's items too. */
function* statesOf(definition: Asl): Generator<[name: string, state: Asl, siblings: Asl]> {
  const states = definition.States as Asl;
  for (const [name, state] of Object.entries(states)) {
    yield [name, state as Asl, states];
    const items = (state as Asl).ItemProcessor as Asl | undefined;
    if (items !== undefined) yield* statesOf(items);
  }
}

const all = [...statesOf(load)];

test('every state leads to one that is there, and each is led to', () => {
  const led = new Set<unknown>([load.StartAt, 'Restore chunk']);
  for (const [name, state, siblings] of all) {
    const ways = [...((state.Choices ?? []) as Asl[]), ...((state.Catch ?? []) as Asl[])].map(({ Next }) => Next);
    for (const next of [...ways, state.Next, state.Default].filter((next) => next !== undefined)) {
      expect(Object.keys(siblings), `${name} leads to ${next}`).toContain(next);
      led.add(next);
    }
    const ends = state.End === true || ['Succeed', 'Fail', 'Choice'].includes(state.Type as string);
    expect(ends || state.Next !== undefined, `${name} leads nowhere`).toBe(true);
  }
  expect(all.map(([name]) => name).filter((name) => !led.has(name))).toEqual([]);
});

test('every Task and Map catches everything, and no other state does: AWS refuses it there', () => {
  for (const [name, state] of all) {
    const catches = ['Task', 'Map'].includes(state.Type as string);
    expect(state.Catch !== undefined, name).toBe(catches);
    if (catches) expect(state.Catch, name).toMatchObject([{ ErrorEquals: ['States.ALL'], ResultPath: '$.caught' }]);
  }
});

test('every Task is retried with jitter, throttling longer than errors, and is given up in time', () => {
  for (const [name, state] of all.filter(([, { Type }]) => Type === 'Task')) {
    expect(state.Retry, name).toMatchObject([
      {
        ErrorEquals: ['Lambda.TooManyRequestsException'],
        MaxAttempts: 20,
        JitterStrategy: 'FULL',
        MaxDelaySeconds: 60,
      },
      { ErrorEquals: ['States.TaskFailed'], MaxAttempts: 8, JitterStrategy: 'FULL', MaxDelaySeconds: 60 },
    ]);
    expect(state.TimeoutSeconds, name).toBe(name === 'Notify' ? 60 : 960);
  }
});

test('a choice or wait reads only what the functions before it always answer', () => {
  const read = all.flatMap(([, state]) => [
    ...((state.Choices ?? []) as Asl[]).map(({ Variable }) => Variable),
    ...(state.SecondsPath === undefined ? [] : [state.SecondsPath]),
  ]);
  expect(new Set(read)).toEqual(
    new Set([
      ...['$.claim.proceed', '$.claim.ok', '$.lease.held', '$.lease.waitSeconds', '$.plan.ok', '$.plan.done'],
      ...['$.build.ok', '$.plan.plan.chunks', '$.prepare.ok', '$.run.done', '$.end.again', '$.end.ok'],
    ]),
  );
});

test('that of load is that of restore with one more step: it builds an RDB before the plan', () => {
  const { Build, 'Built?': built, 'Held?': held, ...others } = load.States as Record<string, Asl>;
  const { 'Held?': _, ...restores } = restore.States as Record<string, Asl>;
  expect(held).toMatchObject({ Choices: [{ Next: 'Build' }] });
  expect(Build).toMatchObject({ Resource: `${ARN}build`, ResultPath: '$.build', Next: 'Built?' });
  expect(built).toMatchObject({ Choices: [{ Variable: '$.build.ok', Next: 'Plan' }], Default: 'Failure' });
  const asRestore = JSON.stringify(others)
    .replaceAll('"mode":"load"', '"mode":"restore"')
    .replace('to load', 'to restore');
  expect(JSON.parse(asRestore)).toEqual(restores);
});

test('only pointers pass: results of the map and of the notice are dropped, and an item ends as {}', () => {
  const states = Object.fromEntries(all.map(([name, state]) => [name, state]));
  expect(states['Restore chunks']).toMatchObject({ ResultPath: null, MaxConcurrency: 3 });
  expect(states['Chunk ended']).toEqual({ Type: 'Pass', Result: {}, End: true });
  expect(states.Notify?.ResultPath).toBeNull();
});

test('a stand-in is there for each function that the machine calls', () => {
  const files = readdirSync(new URL('stand-ins', import.meta.url));
  const called = all.flatMap(([, { Resource }]) => /:function:(.+)/.exec(String(Resource))?.[1] ?? []);
  for (const name of called) expect(files).toContain(`${name}.ts`);
});

describe.skipIf(awsLacks !== '')(`run by a local Step Functions${awsLacks}`, () => {
  let deployment: Deployment;
  let done = 0;

  beforeAll(async () => {
    deployment = await Deployment.of(
      'removal = "destroy"\n[targets.cache]\nendpoint = "redis://127.0.0.1:1"\n[restore]\nmemory-mb = 512\ntimeout = "30s"',
      { app: 'test/infra/stand-ins/app.ts', settings: { SFN_WAIT_SCALE: '0.002' } },
    );
  }, 120_000);

  afterAll(() => deployment?.[Symbol.asyncDispose]());

  /** Drops an object whose name says what the stand-ins do; gives how its execution ended and where it was. */
  async function go(wishes: string) {
    const heard = deployment.notices.length;
    await deployment.drop(Buffer.from('REDIS'), `restore/cache/${wishes}.rdb`);
    const ended = (await deployment.ended('cache', ++done)).at(-1);
    await sleep(50);
    const executionArn = ended?.arn ?? '';
    const { events = [] } = await deployment.sfn.send(new GetExecutionHistoryCommand({ executionArn }));
    const way = events.flatMap(({ stateEnteredEventDetails: entered }) => entered?.name ?? []);
    const notices = deployment.notices.slice(heard).map(({ subject }) => subject);
    return { status: ended?.status, error: ended?.error, cause: ended?.cause, way, notices };
  }

  /** What the stand-ins told of a subject, in any order. */
  async function told(about: string): Promise<string[]> {
    const { Contents = [] } = await deployment.s3.send(
      new ListObjectsV2Command({ Bucket: deployment.bucket, Prefix: 'seen/' }),
    );
    const lines = await Promise.all(Contents.map(({ Key = '' }) => deployment.read(Key)));
    return lines.filter((line) => line !== undefined).filter((line) => line.includes(about));
  }

  test('a file with a "quoted" name goes the whole way, each chunk called again until it is done', async () => {
    const { status, way, notices } = await go('a "quoted" näme');
    expect(status).toBe('SUCCEEDED');
    expect(way.filter((name) => !name.includes('?'))).toEqual(
      expect.arrayContaining(['Claim', 'Lease', 'Plan', 'Prepare', 'Restore chunks', 'Finish', 'Notify', 'Succeeded']),
    );
    expect(notices).toEqual(['ended']);
    const lines = [1, 2, 3, 4, 5].flatMap((unit) =>
      ['first', 'again'].map((call) => `chunk ${unit} of restore/cache/a "quoted" näme.rdb in tenure 7: ${call}`),
    );
    expect((await told('näme')).sort()).toEqual(lines.sort());
  });

  test('a duplicate ends quietly', async () => {
    const { status, way, notices } = await go('duplicate');
    expect({ status, notices }).toEqual({ status: 'SUCCEEDED', notices: [] });
    expect(way).not.toContain('Lease');
  });

  test('it waits for the lease, plans in several calls, and prepares again after a restart', async () => {
    const { status, way } = await go('lease-waits,long,restarted');
    expect(status).toBe('SUCCEEDED');
    const times = (name: string) => way.filter((entered) => entered === name).length;
    expect([times('Lease'), times('Plan'), times('Prepare'), times('Finish')]).toEqual([3, 3, 2, 2]);
  });

  test('a file without keys starts no map', async () => {
    const { status, way } = await go('empty');
    expect(status).toBe('SUCCEEDED');
    expect(way).not.toContain('Restore chunks');
  });

  test.each(['claim-refuses', 'damaged', 'wrong-password', 'finish-throws'])(
    '%s: the failed execution says why',
    async (wish) => {
      const { status, error, cause, notices } = await go(wish);
      expect({ status, error, cause, notices }).toEqual({
        ...{ status: 'FAILED', error: 'SOME_CODE', cause: 'One sentence.', notices: ['failed'] },
      });
    },
  );

  test('a chunk that keeps throwing is recorded, and finish says why', async () => {
    const { status, error, cause, notices } = await go('chunk-throws');
    expect({ status, error, cause }).toEqual({
      ...{ status: 'FAILED', error: 'TARGET_UNREACHABLE', cause: 'Nobody there.' },
    });
    expect(notices).toEqual(['ended']);
    expect(await told('failed chunk')).toEqual([expect.stringMatching(/^failed chunk 3: /)]);
  });

  test('where even the failure cannot be recorded the execution fails by what was thrown', async () => {
    const { status, cause, notices } = await go('damaged,fail-throws');
    expect({ status, notices }).toEqual({ status: 'FAILED', notices: [] });
    expect(cause).toContain('no table');
  });

  test('a try-out that is destroyed leaves nothing', async () => {
    expect((await deployment.versions()).length).toBeGreaterThan(0);
    const { bucket } = deployment;
    await deployment.cdk.destroy(deployment.assembly);
    expect(await deployment.buckets()).not.toContain(bucket);
    expect(await deployment.tables()).toEqual([]);
  });
});
