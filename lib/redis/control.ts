// The connections for everything but bulk data: questions, checks and the occasional single key. One for each database.
import type { Redis } from 'ioredis';
import type { KeyferryError } from '../errors.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { passes } from './batch.ts';
import { unreachable } from './bulk-connection.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { refusal } from './refusals.ts';

export interface ControlOptions {
  endpoint: Endpoint;
  clock: Clock;
  /** How long a broken connection is tried again, in ms. */
  patienceMs: number;
}

/** How long the first connection may take, in ms. */
const CONNECT_TIMEOUT_MS = 10_000;
const RETRY_MS = 200;

/** Bulk and simple strings are Buffers, integers text. */
export type ControlReply = Buffer | string | null | ControlReply[];

export class Control {
  readonly #options: ControlOptions;
  readonly #clients = new Map<number, Promise<Redis>>();

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  get name(): string {
    return showEndpoint(this.#options.endpoint);
  }

  /**
   * Runs a command in a database and gives its reply, bulk strings as Buffers.
   *
   * @throws {TargetError} what the server's refusal means; {@link answer} gives the refusal itself instead
   */
  async call(db: number, name: string, ...args: (string | Buffer | number)[]): Promise<ControlReply> {
    const reply = await this.answer(db, name, ...args);
    if (reply instanceof ErrorReply) throw refusal(reply, { where: this.name, command: name });
    return reply;
  }

  /** The same, error replies included; those that pass by themselves are waited out. */
  async answer(db: number, name: string, ...args: (string | Buffer | number)[]): Promise<ControlReply | ErrorReply> {
    const { clock, patienceMs } = this.#options;
    const backoff = new Backoff(clock, patienceMs);
    for (;;) {
      const reply = await this.#ask(db, name, args);
      if (!(reply instanceof ErrorReply) || !passes(reply)) return reply;
      const wait = backoff.fail();
      if (wait === undefined) return reply;
      await clock.sleep(wait);
    }
  }

  async #ask(db: number, name: string, args: (string | Buffer | number)[]): Promise<ControlReply | ErrorReply> {
    const client = await this.#client(db);
    try {
      return (await client.callBuffer(name, ...args)) as ControlReply;
    } catch (error) {
      if ((error as Error).name === 'ReplyError') return new ErrorReply((error as Error).message);
      throw unreachable(this.name, error as Error);
    }
  }

  end(): void {
    for (const client of this.#clients.values()) {
      client.then(
        (redis) => redis.disconnect(),
        () => undefined, // it never came up: nothing to end
      );
    }
    this.#clients.clear();
  }

  #client(db: number): Promise<Redis> {
    let client = this.#clients.get(db);
    if (client === undefined) {
      client = this.#connect(db);
      this.#clients.set(db, client);
    }
    return client;
  }

  async #connect(db: number): Promise<Redis> {
    const { endpoint, patienceMs } = this.#options;
    const { host, port, username, password } = endpoint;
    let connected = false;
    let failure: Error | undefined;
    // Loaded when it is needed: a plan needs no client, and should not wait for one.
    const ioredis = await import('ioredis');
    const redis = new ioredis.Redis({
      host,
      port,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      lazyConnect: true,
      protocol: 2,
      // Integers as text: replies can be beyond 2^53.
      stringNumbers: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      enableReadyCheck: false,
      maxRetriesPerRequest: Math.ceil(patienceMs / RETRY_MS),
      // The first connection must come up at once: a wrong address should be told without delay.
      retryStrategy: () => (connected ? RETRY_MS : null),
    });
    redis.on('error', (error: Error) => {
      failure ??= error;
    });
    try {
      await redis.connect();
      connected = true;
      if (db !== 0) await redis.select(db);
      return redis;
    } catch (error) {
      redis.disconnect();
      this.#clients.delete(db);
      throw this.#loginError((failure ?? error) as Error);
    }
  }

  #loginError(error: Error): KeyferryError {
    return error.name === 'ReplyError'
      ? refusal(new ErrorReply(error.message), { where: this.name })
      : unreachable(this.name, error);
  }
}
