// The table in which jobs on AWS remember how far they got: its layout, and calls that outlast throttling.
//
// One table, string keys `pk` and `sk`, TTL attribute `expires` (unix seconds), and one index `jobs` (pk `listed`, sk
// `createdAt`, all attributes), which only job records are in:
//
//   pk            sk                      what it is
//   job#ID        job                     a job's record: claim, state, owner, object, description, generation
//   job#ID        unit#GENERATION#NAME    a unit of it: `started`, or `done` with its result
//   job#ID        totals#GENERATION       sums of the results of its units, an attribute each, added to atomically
//   lease#NAME    lease                   who may write to a target, until when, and the fencing epoch; never expires
//
// A generation is one go at a job: a fresh start and the end of the job begin the next one by a single write, so that no
// crash leaves half of an old one, which then goes by its TTL.
import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { asAwsFailure } from '../../storage/s3/aws-failure.ts';
import { type PatienceOptions, patiently } from '../../storage/s3/patience.ts';
import { type Clock, systemClock } from '../../telemetry/clock.ts';
import { asStoreError } from './store-error.ts';

export type Item = Record<string, AttributeValue>;

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** A write to one item, under a condition. Names are written `#name`, values `:name`. */
export interface Write {
  readonly key: Key;
  /** An update expression; none where only the condition is checked. */
  readonly update?: string;
  readonly condition?: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, string | number>>;
}

/** A write that was done, with the item as it is now, or was not, with the items whose conditions did not hold. */
export type Written =
  | { readonly done: true; readonly item: Item }
  /** By the writes' order; `undefined` where the condition held, an empty item where there is none. */
  | { readonly done: false; readonly refused: readonly (Item | undefined)[] };

export interface TableOptions extends PatienceOptions {
  /** Days after which what nobody touches is removed. Default 30. */
  retentionDays?: number;
}

const RETENTION_DAYS = 30;
const DAY_MS = 86_400_000;

export class Table {
  readonly name: string;
  readonly clock: Clock;
  readonly #client: DynamoDBClient;
  readonly #options: TableOptions;

  /** @param client brings region, credentials and endpoint */
  constructor(client: DynamoDBClient, name: string, options: TableOptions = {}) {
    this.#client = client;
    this.name = name;
    this.clock = options.clock ?? systemClock;
    this.#options = options;
  }

  /** What `expires` is set to by a write of this moment: unix seconds. */
  get expires(): number {
    return Math.floor((this.clock.now() + (this.#options.retentionDays ?? RETENTION_DAYS) * DAY_MS) / 1000);
  }

  /** @throws {StoreError} `STORE_UNAVAILABLE`, `STORE_FORBIDDEN`, `STORE_NOT_FOUND` or `STORE_FAILED`, as do the others */
  async get(key: Key): Promise<Item | undefined> {
    const get = new GetItemCommand({ TableName: this.name, Key: asItem({ ...key }), ConsistentRead: true });
    return (await this.#call(() => this.#client.send(get))).Item;
  }

  /** The items of a partition, or of an index, page by page as they come. */
  async *query(query: Omit<QueryCommandInput, 'TableName'>): AsyncGenerator<Item, void, undefined> {
    let from: Item | undefined;
    do {
      const page = new QueryCommand({ TableName: this.name, ...query, ExclusiveStartKey: from });
      const found = await this.#call(() => this.#client.send(page));
      yield* found.Items ?? [];
      from = found.LastEvaluatedKey;
    } while (from !== undefined);
  }

  /**
   * Writes one item. An answer may be lost and the write tried again: the condition has to hold on the item as the write
   * leaves it, too.
   */
  async write(write: Write): Promise<Written> {
    const update = new UpdateItemCommand({
      ...this.#input(write),
      ReturnValues: 'ALL_NEW',
    });
    return this.#call(async (): Promise<Written> => {
      try {
        const { Attributes = {} } = await this.#client.send(update);
        return { done: true, item: Attributes };
      } catch (error) {
        const { name } = asAwsFailure(error);
        if (name !== 'ConditionalCheckFailedException') throw error;
        return { done: false, refused: [(error as { Item?: Item }).Item ?? {}] };
      }
    });
  }

  /** Writes several items, all of them or none. Tried again it is still done once, for 10 minutes (AWS's own rule). */
  async writeAll(writes: readonly Write[], token: string): Promise<Written> {
    const transaction = new TransactWriteItemsCommand({
      ClientRequestToken: token,
      TransactItems: writes.map((write): TransactWriteItem => {
        const { UpdateExpression, ConditionExpression, ...rest } = this.#input(write);
        if (UpdateExpression !== undefined) return { Update: { ...rest, UpdateExpression, ConditionExpression } };
        return { ConditionCheck: { ...rest, ConditionExpression } };
      }),
    });
    return this.#call(async (): Promise<Written> => {
      try {
        await this.#client.send(transaction);
        return { done: true, item: {} };
      } catch (error) {
        const refused = refusedOf(error);
        if (refused === undefined) throw busyOr(error);
        return { done: false, refused };
      }
    });
  }

  #input({ key, update, condition, names, values }: Write) {
    return {
      TableName: this.name,
      Key: asItem({ ...key }),
      UpdateExpression: update,
      ConditionExpression: condition,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values === undefined ? undefined : asItem(values),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    };
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await patiently(this.#options, call);
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      throw asStoreError(this.name, error);
    }
  }
}

interface Cancelled {
  CancellationReasons?: readonly { readonly Code?: string; readonly Item?: Item }[];
}

/** Whose conditions did not hold, where that is why a transaction was not carried out. */
function refusedOf(error: unknown): (Item | undefined)[] | undefined {
  const { CancellationReasons: reasons = [] } = error as Cancelled;
  if (!reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) return undefined;
  return reasons.map(({ Code, Item }) => (Code === 'ConditionalCheckFailed' ? (Item ?? {}) : undefined));
}

/** What makes a transaction worth another try. */
const BUSY = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** A transaction that others were in the way of, as the error that says "later". */
function busyOr(error: unknown): unknown {
  const { CancellationReasons: reasons = [] } = error as Cancelled;
  const busy = reasons.find(({ Code = '' }) => BUSY.has(Code));
  if (busy === undefined) return error;
  const later = new Error(`another write was under way (${busy.Code})`, { cause: error });
  later.name = 'TransactionConflictException';
  return later;
}

function asItem(values: Readonly<Record<string, string | number>>): Item {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'number' ? { N: String(value) } : { S: value },
    ]),
  );
}

/** The text of an attribute; `undefined` where there is none. */
export const textOf = (item: Item | undefined, name: string): string | undefined => item?.[name]?.S;

/** The number of an attribute; 0 where there is none. */
export const numberOf = (item: Item | undefined, name: string): number => Number(item?.[name]?.N ?? 0);
