// Claims have one winner, leases one holder, and a job that is killed between any two calls is finished by the next run.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type ClaimedObject,
  claimJob,
  endJob,
  jobIdOf,
  listJobs,
  readJob,
} from '../../../lib/checkpoint/dynamodb/jobs.ts';
import { type HeldLease, releaseLease, renewLease, takeLease } from '../../../lib/checkpoint/dynamodb/lease.ts';
import { openTableLedger, readTotals } from '../../../lib/checkpoint/dynamodb/ledger.ts';
import { Table } from '../../../lib/checkpoint/dynamodb/table.ts';
import { awsLacks, startLocalAws } from '../../support/local-aws/local-aws.ts';
import { crashAt, newTable } from '../../support/local-aws/tables.ts';
import { Random, runs, seedOr } from '../../support/random.ts';
import { TestClock } from '../../support/test-clock.ts';
import { job, result } from '../checkpoint-suite.ts';

const SEED = seedOr(20261123);
const skip = awsLacks !== '';
const aws = skip ? undefined : await startLocalAws();
afterAll(() => aws?.stop());
const client = aws?.dynamodb() as DynamoDBClient;
const name = skip ? '' : await newTable(client);
const table = new Table(client, name);

let objects = 0;
const newObject = (): ClaimedObject => ({ bucket: 'bucket', key: `restore/main/${objects++}.rdb`, version: 'v1' });

describe.skipIf(skip)(`a claim${awsLacks}`, () => {
  test('of one object by 200 at once has one winner, of whom the others hear', async () => {
    const object = newObject();
    const claims = await Promise.all(
      Array.from({ length: 200 }, (_, i) => claimJob(table, { object, owner: `execution-${i}` })),
    );
    const winners = claims.filter(({ won }) => won);
    expect(winners).toHaveLength(1);
    const owner = winners[0]?.job.owner;
    expect(claims.map((claim) => claim.job.owner)).toEqual(Array(200).fill(owner));
    expect(await readJob(table, jobIdOf(object))).toMatchObject({ state: 'running', owner, object });
  });

  test('is won again by its winner, and is another one for another version', async () => {
    const object = newObject();
    expect((await claimJob(table, { object, owner: 'a' })).won).toBe(true);
    expect((await claimJob(table, { object, owner: 'a' })).won).toBe(true);
    expect((await claimJob(table, { object, owner: 'b' })).won).toBe(false);
    expect((await claimJob(table, { object: { ...object, version: 'v2' }, owner: 'b' })).won).toBe(true);
  });

  test('of a failed job is won with a retry token, once for each token', async () => {
    const object = newObject();
    const id = jobIdOf(object);
    const claim = async (owner: string, retryToken?: string) =>
      (await claimJob(table, { object, owner, retryToken })).won;
    await claim('a');
    expect(await claim('b', 'token-1'), 'it runs').toBe(false);
    expect(await endJob(table, id, 'a', 'failed', '{"code":"X"}')).toBe(true);
    expect(await readJob(table, id)).toMatchObject({ state: 'failed', outcome: '{"code":"X"}' });
    expect(await claim('c'), 'a late event').toBe(false);
    const retries = await Promise.all(Array.from({ length: 20 }, (_, i) => claim(`retry-${i}`, 'token-1')));
    expect(retries.filter(Boolean)).toHaveLength(1);
    const winner = `retry-${retries.indexOf(true)}`;
    expect(await claim(winner, 'token-1'), 'its own retry').toBe(true);
    expect((await readJob(table, id))?.outcome, 'of the run before').toBeUndefined();
    expect(await endJob(table, id, 'a', 'succeeded', '{}'), 'the run before').toBe(false);
    expect(await endJob(table, id, winner, 'failed', '{}')).toBe(true);
    expect(await claim('d', 'token-1'), 'a used token').toBe(false);
    expect(await claim('e', 'token-2')).toBe(true);
    expect(await endJob(table, id, 'e', 'succeeded', '{}')).toBe(true);
    expect(await endJob(table, id, 'e', 'succeeded', '{}'), 'tried again').toBe(true);
    expect(await claim('f', 'token-3'), 'it succeeded').toBe(false);
  });

  test('is listed, the newest first', async () => {
    const clock = new TestClock(4_000_000_000_000);
    const later = new Table(client, name, { clock });
    const made = [newObject(), newObject(), newObject()];
    for (const object of made) {
      clock.time += 1000;
      await claimJob(later, { object, owner: 'a' });
    }
    const listed = [];
    for await (const { id } of listJobs(table)) listed.push(id);
    expect(listed.slice(0, 3)).toEqual(made.reverse().map(jobIdOf));
  });
});

describe.skipIf(skip)(`a lease${awsLacks}`, () => {
  let leases = 0;
  const terms = () => ({ name: `target-${leases++}`, ttlMs: 60_000 });

  test('is held by one of 50 that want it, and by the next when it is given back', async () => {
    const wanted = terms();
    const takings = await Promise.all(
      Array.from({ length: 50 }, (_, i) => takeLease(table, { ...wanted, owner: `${i}` })),
    );
    const held = takings.filter((taking): taking is HeldLease => taking.held);
    expect(held).toHaveLength(1);
    const [lease] = held as [HeldLease];
    for (const taking of takings) if (!taking.held) expect(taking).toMatchObject({ owner: lease.owner });
    await releaseLease(table, lease);
    const next = await takeLease(table, { ...wanted, owner: 'next' });
    expect(next).toMatchObject({ held: true, epoch: lease.epoch + 1 });
    expect(await renewLease(table, lease, wanted)).toBeUndefined();
    await releaseLease(table, lease);
    expect(await takeLease(table, { ...wanted, owner: 'third' }), 'not given back by the first').toMatchObject({
      held: false,
      owner: 'next',
    });
  });

  test('is taken from a holder that went silent, not from one that renews', async () => {
    const clock = new TestClock();
    const timed = new Table(client, name, { clock });
    const wanted = terms();
    const first = (await takeLease(timed, { ...wanted, owner: 'first' })) as HeldLease;
    clock.time += 50_000;
    expect(await renewLease(timed, first, wanted)).toMatchObject({ epoch: first.epoch });
    clock.time += 50_000;
    expect(await takeLease(timed, { ...wanted, owner: 'second' })).toMatchObject({ held: false });
    clock.time += 20_000;
    const second = await takeLease(timed, { ...wanted, owner: 'second' });
    expect(second).toMatchObject({ held: true, epoch: first.epoch + 1 });
    expect(await renewLease(timed, first, wanted)).toBeUndefined();
  });

  test('is never believed in by two at once, whatever clocks up to 5 s apart and pauses do', async () => {
    const random = new Random(SEED).fork('leases');
    let steals = 0;
    for (let run = 0; run < runs(3, 60); run++) {
      const wanted = { ...terms(), ttlMs: 12_000 };
      let time = 1_800_000_000_000;
      const people = [-5000, 0, 5000].map((skewMs, i) => {
        const clock = { now: () => time + (skewMs >> 1), sleep: async () => {} };
        return {
          owner: `${i}`,
          clock,
          table: new Table(client, name, { clock }),
          lease: undefined as HeldLease | undefined,
        };
      });
      let last = 0;
      for (let step = 0; step < 60; step++) {
        time += random.int(0, random.chance(0.2) ? 30_000 : 4000);
        const person = random.pick(people);
        const believes = ({ lease, clock }: (typeof people)[number]) =>
          lease !== undefined && clock.now() < lease.surelyUntil;
        if (person.lease !== undefined && random.chance(0.7))
          person.lease = await renewLease(person.table, person.lease, wanted);
        else {
          const taken = await takeLease(person.table, { ...wanted, owner: person.owner });
          person.lease = taken.held ? taken : undefined;
          if (taken.held && last !== 0) steals++;
          if (taken.held) expect(taken.epoch, 'epochs grow').toBeGreaterThan(last);
          if (taken.held) last = taken.epoch;
        }
        expect(people.filter(believes).length, `seed ${SEED}, run ${run}, step ${step}`).toBeLessThan(2);
      }
    }
    expect(steals).toBeGreaterThan(5);
  });
});

describe.skipIf(skip)(`a job that is killed between any two calls${awsLacks}`, () => {
  const UNITS = ['0/0', '0/1', '0/2'];

  /** A job as the state machine does it, one worker after the other; `target` is what it wrote, by unit. */
  async function run(
    on: Table,
    object: ClaimedObject,
    owner: string,
    target: Map<string, number>,
    retryToken?: string,
  ) {
    const { won } = await claimJob(on, { object, owner, retryToken });
    if (!won) return false;
    const id = jobIdOf(object);
    const lease = await takeLease(on, { name: object.key, owner, ttlMs: 60_000 });
    if (!lease.held) throw new Error(`the lease is ${lease.owner}'s`);
    for (const unit of UNITS) {
      const ledger = await openTableLedger(on, { id, job, fresh: false, units: [unit], lease });
      if (ledger.units.get(unit)?.state === 'done') continue;
      await ledger.started(unit);
      target.set(unit, (target.get(unit) ?? 0) + 1);
      await ledger.done(unit, result(1));
    }
    const totals = await readTotals(on, id);
    await endJob(on, id, owner, 'succeeded', JSON.stringify(totals));
    await releaseLease(on, lease);
    return true;
  }

  /** How many calls a whole run makes. */
  async function callsOfRun(): Promise<number> {
    const counted = aws?.dynamodb() as DynamoDBClient;
    const count = crashAt(counted, Number.POSITIVE_INFINITY, false);
    await run(new Table(counted, name), newObject(), 'whole', new Map());
    return count.calls;
  }

  test('is finished by the next run, its totals exact and no chunk done for nothing', async () => {
    const calls = await callsOfRun();
    expect(calls).toBeGreaterThan(15);
    for (let n = 1; n <= calls; n++) {
      for (const reached of [false, true]) {
        const note = `killed at call ${n} of ${calls}, which had ${reached ? '' : 'not '}reached the table`;
        const object = newObject();
        const target = new Map<string, number>();
        const dying = aws?.dynamodb() as DynamoDBClient;
        crashAt(dying, n, reached);
        await expect(run(new Table(dying, name), object, 'execution', target), note).rejects.toThrow();
        dying.destroy();
        // Its Lambda is retried under the same execution.
        const before = await readJob(table, jobIdOf(object));
        const finished = await run(table, object, 'execution', target);
        if (before?.state === 'succeeded') expect(finished, note).toBe(false);
        const { state, outcome } = (await readJob(table, jobIdOf(object))) ?? {};
        expect(state, note).toBe('succeeded');
        expect(JSON.parse(outcome as string), note).toMatchObject({ units: 3, written: 3, skipped: 6 });
        // At most the chunk that was under way was written twice.
        const writes = UNITS.map((unit) => target.get(unit) ?? 0);
        expect(Math.min(...writes), note).toBe(1);
        expect(
          writes.reduce((a, b) => a + b, 0),
          note,
        ).toBeLessThanOrEqual(4);
      }
    }
  });

  test('and given up as failed, is finished by a retry', async () => {
    const calls = await callsOfRun();
    const random = new Random(SEED).fork('retries');
    for (let round = 0; round < runs(10, 100); round++) {
      const n = random.int(2, calls - 2);
      const note = `seed ${SEED}, round ${round}, killed at call ${n}`;
      const object = newObject();
      const target = new Map<string, number>();
      const dying = aws?.dynamodb() as DynamoDBClient;
      crashAt(dying, n, random.chance(0.5));
      await expect(run(new Table(dying, name), object, 'first', target), note).rejects.toThrow();
      dying.destroy();
      const id = jobIdOf(object);
      if (!(await endJob(table, id, 'first', 'failed', '{}'))) continue; // its last call had ended it
      // The lease of the dead runs out; the machine's clock does not wait for it here.
      const clock = new TestClock(Date.now() + 70_000);
      expect(await run(new Table(client, name, { clock }), object, 'second', target, 'token'), note).toBe(true);
      expect(await readJob(table, id), note).toMatchObject({ state: 'succeeded', owner: 'second' });
      expect(await readTotals(table, id), note).toMatchObject({ units: 3, written: 3 });
    }
  });
});
