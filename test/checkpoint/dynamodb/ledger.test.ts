// A ledger in the table: the suite of all stores, many workers at once, exact totals, fences.
import { type DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, test } from 'vitest';
import { type ClaimedObject, claimJob, jobIdOf, readJob } from '../../../lib/checkpoint/dynamodb/jobs.ts';
import { takeLease } from '../../../lib/checkpoint/dynamodb/lease.ts';
import { openTableLedger, readTotals } from '../../../lib/checkpoint/dynamodb/ledger.ts';
import { StoreError } from '../../../lib/checkpoint/dynamodb/store-error.ts';
import { Table } from '../../../lib/checkpoint/dynamodb/table.ts';
import { byChance, type HttpFault, startChaosHttp } from '../../support/local-aws/chaos-http.ts';
import { awsLacks, startLocalAws } from '../../support/local-aws/local-aws.ts';
import { newTable } from '../../support/local-aws/tables.ts';
import { Random, seedOr } from '../../support/random.ts';
import { TestClock } from '../../support/test-clock.ts';
import { checkpointSuite, job, result } from '../checkpoint-suite.ts';

const SEED = seedOr(20261123);
const skip = awsLacks !== '';
const aws = skip ? undefined : await startLocalAws();
afterAll(() => aws?.stop());
const client = aws?.dynamodb() as DynamoDBClient;
const name = skip ? '' : await newTable(client);
const table = new Table(client, name);

let jobs = 0;
const newId = () => `job-${jobs++}`;
const losses = { 'idle time': 2 };

checkpointSuite(
  `a ledger in a table${awsLacks}`,
  () => {
    const id = newId();
    return (changes) => openTableLedger(table, { id, job, fresh: false, ...changes });
  },
  skip,
);

describe.skipIf(skip)(`totals${awsLacks}`, () => {
  test('of 100 chunks that are done at once are exact, and none of them is lost', async () => {
    const id = newId();
    const names = Array.from({ length: 100 }, (_, i) => `0/${i}`);
    await Promise.all(
      names.map(async (unit, i) => {
        // Each as a worker of its own, which knows only its own chunk.
        const ledger = await openTableLedger(table, { id, job, fresh: false, units: [unit] });
        await ledger.started(unit);
        await ledger.done(unit, { ...result(i), losses });
      }),
    );
    const { units } = await openTableLedger(table, { id, job, fresh: false });
    expect(units.size).toBe(100);
    expect([...units.values()].every(({ state }) => state === 'done')).toBe(true);
    expect(await readTotals(table, id)).toEqual({
      units: 100,
      written: 4950,
      already: 100,
      skipped: 200,
      expired: 300,
      filtered: 400,
      'losses.idle time': 200,
    });
  });

  test('count a chunk once that two workers did, as the first did it', async () => {
    const id = newId();
    const open = () => openTableLedger(table, { id, job, fresh: false, units: ['0/0'] });
    const [one, other] = await Promise.all([open(), open()]);
    await Promise.all([one.started('0/0'), other.started('0/0')]);
    await one.done('0/0', result(10));
    await other.done('0/0', result(0));
    expect(other.units.get('0/0')).toEqual({ state: 'done', result: result(10) });
    expect(await readTotals(table, id)).toMatchObject({ units: 1, written: 10, already: 1 });
  });

  test('forget what a chunk did that was begun again', async () => {
    const id = newId();
    const ledger = await openTableLedger(table, { id, job, fresh: false });
    await ledger.done('0/0', { ...result(10), losses });
    await ledger.done('0/1', result(5));
    await Promise.all([ledger.started('0/0'), ledger.started('0/0'), ledger.started('0/0')]);
    expect(await readTotals(table, id)).toMatchObject({ units: 1, written: 5, 'losses.idle time': 0 });
    await ledger.done('0/0', result(7));
    expect(await readTotals(table, id)).toMatchObject({ units: 2, written: 12 });
  });

  test('begin at nothing with a fresh start', async () => {
    const id = newId();
    const ledger = await openTableLedger(table, { id, job, fresh: false });
    await ledger.done('0/0', result(10));
    await openTableLedger(table, { id, job, fresh: true });
    expect(await readTotals(table, id)).toEqual({});
  });

  test('are exact through throttling, lost answers and resets', async () => {
    await using proxy = await startChaosHttp(aws as { host: string; port: number });
    const shaken = new Table(aws?.dynamodb(proxy.url) as DynamoDBClient, name);
    const kinds: HttpFault[] = ['busy', 'broken', 'reset', 'reply-lost', 'cut'];
    proxy.decide = byChance(new Random(SEED), 0.3, 100, kinds);
    const id = newId();
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const ledger = await openTableLedger(shaken, { id, job, fresh: false, units: [`${i}`] });
        await ledger.started(`${i}`);
        await ledger.done(`${i}`, result(1));
      }),
    );
    expect(await readTotals(table, id), `seed ${SEED}`).toMatchObject({ units: 20, written: 20, filtered: 80 });
    expect(proxy.faults['reply-lost']).toBeGreaterThan(0);
    expect(proxy.faults.busy).toBeGreaterThan(0);
  });
});

describe.skipIf(skip)(`a ledger in a table${awsLacks}`, () => {
  test('has more units than one answer holds', async () => {
    const id = newId();
    const ledger = await openTableLedger(table, { id, job, fresh: false });
    const long = 'x'.repeat(900);
    await Promise.all(Array.from({ length: 1300 }, (_, i) => ledger.started(`${long}${i}`)));
    expect((await openTableLedger(table, { id, job, fresh: false })).units.size).toBe(1300);
  });

  test('leaves the record of its job alone, and the record it', async () => {
    const object: ClaimedObject = { bucket: 'b', key: 'restore/main/dump.rdb', version: 'v' };
    const id = jobIdOf(object);
    await claimJob(table, { object, owner: 'execution', notes: { target: 'main' } });
    const ledger = await openTableLedger(table, { id, job, fresh: false });
    await ledger.started('0/0');
    await claimJob(table, { object, owner: 'execution', notes: { target: 'main' } });
    expect((await openTableLedger(table, { id, job, fresh: false })).resumed).toBe(true);
    await ledger.finish();
    expect(await readJob(table, id)).toMatchObject({ state: 'running', owner: 'execution', notes: { target: 'main' } });
  });

  test('refuses writes once the lease is another’s', async () => {
    const id = newId();
    const clock = new TestClock();
    const timed = new Table(client, name, { clock });
    const terms = { name: newId(), ttlMs: 60_000 };
    const lease = await takeLease(timed, { ...terms, owner: 'first' });
    if (!lease.held) throw new Error('the lease is free');
    const ledger = await openTableLedger(timed, { id, job, fresh: false, lease });
    await ledger.started('0/0');
    await ledger.done('0/0', result(1));
    await ledger.started('0/1');
    clock.time += 120_000;
    expect(await takeLease(timed, { ...terms, owner: 'second' })).toMatchObject({ held: true });
    for (const write of [
      () => ledger.started('0/2'),
      () => ledger.started('0/0'),
      () => ledger.done('0/1', result(1)),
      () => ledger.finish(),
      () => openTableLedger(timed, { id, job, fresh: true, lease }),
    ]) {
      const error = await write().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StoreError);
      expect(error).toMatchObject({ code: 'STORE_LEASE_LOST' });
    }
    const { units } = await openTableLedger(timed, { id, job, fresh: false });
    expect([...units.keys()].sort()).toEqual(['0/0', '0/1']);
    expect(await readTotals(timed, id)).toMatchObject({ units: 1 });
  });

  test('that holds no JSON is called damaged', async () => {
    const id = newId();
    await (await openTableLedger(table, { id, job, fresh: false })).close();
    const Item = { pk: { S: `job#${id}` }, sk: { S: 'unit#0#0/0' }, state: { S: 'done' }, result: { S: '{' } };
    await client.send(new PutItemCommand({ TableName: name, Item }));
    await expect(openTableLedger(table, { id, job, fresh: false })).rejects.toMatchObject({
      code: 'LEDGER_DAMAGED',
      message: expect.stringContaining('0/0'),
    });
  });

  test('goes by its TTL: all of it has one', async () => {
    const id = newId();
    const ledger = await openTableLedger(table, { id, job, fresh: false });
    await ledger.done('0/0', result(1));
    const values = { ':pk': { S: `job#${id}` } };
    const query = { TableName: name, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: values };
    const { Items: own = [] } = await client.send(new QueryCommand(query));
    expect(own.map(({ sk }) => sk?.S).sort()).toEqual(['job', 'totals#0', 'unit#0#0/0']);
    for (const { expires } of own) expect(Number(expires?.N) - Date.now() / 1000).toBeCloseTo(30 * 86_400, -2);
  });
});

describe.skipIf(skip)(`a table that cannot be used${awsLacks}`, () => {
  const open = (to: Table) => openTableLedger(to, { id: newId(), job, fresh: false });

  test('is named: not there, not reached, not allowed', async () => {
    await expect(open(new Table(client, 'none'))).rejects.toMatchObject({
      code: 'STORE_NOT_FOUND',
      where: 'table none',
    });
    const nowhere = aws?.dynamodb('http://127.0.0.1:1') as DynamoDBClient;
    await expect(open(new Table(nowhere, name, { patienceMs: 100 }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    const denied = aws?.dynamodb() as DynamoDBClient;
    denied.middlewareStack.add(
      () => () => Promise.reject(Object.assign(new Error('no'), { name: 'AccessDeniedException' })),
      { step: 'initialize' },
    );
    await expect(open(new Table(denied, name))).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
  });
});
