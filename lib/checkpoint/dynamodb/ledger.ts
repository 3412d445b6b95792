// A job's ledger in the table: any number of workers write to it at once, and its totals are exact.
import { randomUUID } from 'node:crypto';
import type { CheckpointStore, JobDescription, UnitResult, UnitState } from '../store.ts';
import { jobKey } from './jobs.ts';
import { fence, type Lease } from './lease.ts';
import { StoreError } from './store-error.ts';
import { type Item, numberOf, type Table, textOf, type Write, type Written } from './table.ts';

export interface TableLedgerOptions {
  /** The job's id, as its record has it; the record need not be there. */
  id: string;
  job: JobDescription;
  /** Forgets what earlier runs left. */
  fresh: boolean;
  /** The units to know of: a worker needs only its own. Default: all. */
  units?: readonly string[];
  /** What every write is made under: once another holds the lease, writes are refused. */
  lease?: Lease;
}

/**
 * Opens a job's ledger, or begins one. Workers of one job open it side by side.
 *
 * Beyond what a {@link CheckpointStore} says: a unit that others did first stays done as they did it, and `units` then
 * shows that; what was begun again counts no more until it is done again.
 *
 * @throws {StoreError} `LEDGER_OTHER_JOB` when units of a job with another description stand there, `LEDGER_DAMAGED`,
 * `STORE_LEASE_LOST`, or what a failed call means
 */
export async function openTableLedger(table: Table, options: TableLedgerOptions): Promise<CheckpointStore> {
  const generation = await begin(table, options);
  const ledger = new TableLedger(table, options, generation);
  await ledger.load();
  return ledger;
}

/** The sums of the results of a job's done units, by the results' names; those of `losses` as `losses.NAME`. */
export async function readTotals(table: Table, id: string): Promise<Record<string, number>> {
  const generation = numberOf(await table.get(jobKey(id)), 'generation');
  const item = (await table.get(totalsKey(id, generation))) ?? {};
  const sums = Object.entries(item).filter(([name]) => name.startsWith(TOTAL));
  return Object.fromEntries(sums.map(([name]) => [name.slice(TOTAL.length), numberOf(item, name)]));
}

/** Before the names of sums, which are the caller's. */
const TOTAL = 'total.';

const totalsKey = (id: string, generation: number) => ({ pk: `job#${id}`, sk: `totals#${generation}` });
const unitPrefix = (generation: number): string => `unit#${generation}#`;

/** Sees to it that the record has this job's description; gives the generation to work in. */
async function begin(table: Table, options: TableLedgerOptions): Promise<number> {
  const { id, job, fresh } = options;
  const description = JSON.stringify(Object.fromEntries(Object.entries(job).sort(([a], [b]) => (a < b ? -1 : 1))));
  for (;;) {
    const item = await table.get(jobKey(id));
    const generation = numberOf(item, 'generation');
    const before = textOf(item, 'description');
    if (!fresh && before === description) return generation;
    if (!fresh && before !== undefined && (await anyUnit(table, id, generation))) throw otherJob(id, before, job);
    // Of a job of which nothing was begun its successor may be another one.
    const next = before === undefined && !fresh ? generation : generation + 1;
    const written = await write(table, options, {
      key: jobKey(id),
      update: 'SET #generation = :next, #description = :description, #expires = :expires',
      condition: item?.generation === undefined ? 'attribute_not_exists(#generation)' : '#generation = :generation',
      names: { '#generation': 'generation', '#description': 'description', '#expires': 'expires' },
      values: {
        ':next': next,
        ':description': description,
        ':expires': table.expires,
        ...(item?.generation === undefined ? {} : { ':generation': generation }),
      },
    });
    if (written.done) return next;
    // Another worker was faster, or this one's answer was lost: look again.
    if (fresh && textOf(written.refused[0], 'description') === description) {
      return numberOf(written.refused[0], 'generation');
    }
  }
}

async function anyUnit(table: Table, id: string, generation: number): Promise<boolean> {
  for await (const _ of unitItems(table, id, generation, 1)) return true;
  return false;
}

function unitItems(table: Table, id: string, generation: number, limit?: number): AsyncGenerator<Item> {
  return table.query({
    ConsistentRead: true,
    KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
    ExpressionAttributeValues: { ':pk': { S: jobKey(id).pk }, ':prefix': { S: unitPrefix(generation) } },
    Limit: limit,
  });
}

class TableLedger implements CheckpointStore {
  readonly units = new Map<string, UnitState>();
  resumed = false;
  readonly #table: Table;
  readonly #options: TableLedgerOptions;
  readonly #generation: number;

  constructor(table: Table, options: TableLedgerOptions, generation: number) {
    this.#table = table;
    this.#options = options;
    this.#generation = generation;
  }

  async load(): Promise<void> {
    const { id, units } = this.#options;
    const take = (item: Item) => {
      const name = (textOf(item, 'sk') ?? '').slice(unitPrefix(this.#generation).length);
      this.units.set(name, asState(id, name, item));
    };
    if (units === undefined) {
      for await (const item of unitItems(this.#table, id, this.#generation)) take(item);
    } else {
      const items = await Promise.all(units.map((unit) => this.#table.get(this.#keyOf(unit))));
      for (const item of items) if (item !== undefined) take(item);
    }
    this.resumed = this.units.size > 0;
  }

  async started(unit: string): Promise<void> {
    let refused = await this.#begin(unit, undefined);
    while (refused !== undefined) {
      // Done already: that result counts no more. Or others have begun it again meanwhile.
      const state = asState(this.#options.id, unit, refused);
      refused = await this.#begin(unit, state.state === 'done' ? state.result : undefined);
    }
    this.units.set(unit, { state: 'started' });
  }

  async done(unit: string, result: UnitResult): Promise<void> {
    const unitDone: Write = {
      key: this.#keyOf(unit),
      update: 'SET #state = :done, #result = :result, #expires = :expires',
      condition: 'attribute_not_exists(pk) OR #state = :started',
      names: { '#state': 'state', '#result': 'result', '#expires': 'expires' },
      values: {
        ':done': 'done',
        ':started': 'started',
        ':result': JSON.stringify(result),
        ':expires': this.#table.expires,
      },
    };
    const written = await write(this.#table, this.#options, unitDone, this.#sums(result, 1));
    const earlier = written.done ? undefined : (written.refused[0] as Item);
    const final = earlier === undefined ? result : resultOf(this.#options.id, unit, earlier);
    this.units.set(unit, { state: 'done', result: final });
  }

  async finish(): Promise<void> {
    // Where another has ended this generation, there is nothing left to end.
    await write(this.#table, this.#options, {
      key: jobKey(this.#options.id),
      update: 'SET #generation = :next, #expires = :expires REMOVE #description',
      condition: '#generation = :generation',
      names: { '#generation': 'generation', '#description': 'description', '#expires': 'expires' },
      values: {
        ':next': this.#generation + 1,
        ':generation': this.#generation,
        ':expires': this.#table.expires,
      },
    });
  }

  async close(): Promise<void> {}

  /** Notes a beginning, of a unit that is not done or is done with that result; gives the item where neither is so. */
  async #begin(unit: string, earlier: UnitResult | undefined): Promise<Item | undefined> {
    const isDone = earlier !== undefined;
    const begun: Write = {
      key: this.#keyOf(unit),
      update: 'SET #state = :started, #expires = :expires REMOVE #result',
      condition: isDone ? '#result = :result' : 'attribute_not_exists(pk) OR #state = :started',
      names: { '#state': 'state', '#result': 'result', '#expires': 'expires' },
      values: {
        ':started': 'started',
        ':expires': this.#table.expires,
        ...(isDone ? { ':result': JSON.stringify(earlier) } : {}),
      },
    };
    const written = await write(this.#table, this.#options, begun, ...(isDone ? [this.#sums(earlier, -1)] : []));
    return written.done ? undefined : written.refused[0];
  }

  /** Adds a result to the job's totals, or takes it back. */
  #sums(result: UnitResult, sign: 1 | -1): Write {
    const sums = [...sumsOf(result)];
    return {
      key: totalsKey(this.#options.id, this.#generation),
      update: `SET #expires = :expires ADD ${sums.map((_, i) => `#n${i} :n${i}`).join(', ')}`,
      names: { '#expires': 'expires', ...Object.fromEntries(sums.map(([name], i) => [`#n${i}`, `${TOTAL}${name}`])) },
      values: {
        ':expires': this.#table.expires,
        ...Object.fromEntries(sums.map(([, value], i) => [`:n${i}`, sign * value])),
      },
    };
  }

  #keyOf(unit: string) {
    return { pk: jobKey(this.#options.id).pk, sk: unitPrefix(this.#generation) + unit };
  }
}

/** The numbers of a result, those of `losses` as `losses.NAME`, and one for the unit itself. */
function* sumsOf(result: UnitResult): Generator<[name: string, value: number]> {
  yield ['units', 1];
  for (const [name, value] of Object.entries(result)) if (typeof value === 'number') yield [name, value];
  for (const [name, value] of Object.entries(result.losses)) yield [`losses.${name}`, value];
}

/** Writes, under the lease where there is one. */
async function write(table: Table, { lease }: TableLedgerOptions, first: Write, ...others: Write[]): Promise<Written> {
  const writes = [first, ...others, ...(lease === undefined ? [] : [fence(lease)])];
  const written = writes.length === 1 ? await table.write(first) : await table.writeAll(writes, randomUUID());
  if (written.done || lease === undefined || written.refused.at(-1) === undefined) return written;
  throw new StoreError('STORE_LEASE_LOST', `the lease ${lease.name} is another run’s by now.`, {
    where: `table ${table.name}`,
    remedy: 'That run goes on with the job, or with the next one of its target. This one has stopped writing.',
  });
}

function asState(id: string, unit: string, item: Item): UnitState {
  return textOf(item, 'state') === 'done' ? { state: 'done', result: resultOf(id, unit, item) } : { state: 'started' };
}

function resultOf(id: string, unit: string, item: Item): UnitResult {
  try {
    return JSON.parse(textOf(item, 'result') ?? '') as UnitResult;
  } catch (cause) {
    throw new StoreError('LEDGER_DAMAGED', `the ledger cannot be trusted: the result of unit ${unit} is no JSON.`, {
      where: `job ${id}`,
      remedy: 'Begin anew with --fresh; with --on-conflict rewrite or skip that is safe on what was written already.',
      cause,
    });
  }
}

function otherJob(id: string, before: string, now: JobDescription): StoreError {
  const earlier = JSON.parse(before) as JobDescription;
  const names = [...new Set([...Object.keys(earlier), ...Object.keys(now)])].filter(
    (name) => earlier[name] !== now[name],
  );
  const differences = names.map((name) => `${name} was ${earlier[name] ?? 'not set'}, now ${now[name] ?? 'not set'}`);
  return new StoreError(
    'LEDGER_OTHER_JOB',
    `an unfinished job stands here that is not this one: ${differences.join('; ')}.`,
    { where: `job ${id}`, remedy: 'Finish it with its own options, or begin anew with --fresh.' },
  );
}
