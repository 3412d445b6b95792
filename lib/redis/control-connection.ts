// One connection to one database, logged in; ioredis speaks over it and hides nothing.
//
// ioredis would reconnect and send again by itself, but it goes on in database 0 where a busy server refuses its SELECT:
// so a connection that breaks is given up here, and a new one is in its database before anything else is asked.
import type { Socket } from 'node:net';
import type { AbstractConnector, Redis } from 'ioredis';
import { TargetError } from '../errors.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import { passes } from './batch.ts';
import { CONNECT_TIMEOUT_MS, dial } from './dial.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { authOf } from './login.ts';
import { refusal } from './refusals.ts';

/** Bulk and simple strings are Buffers, integers text. */
export type ControlReply = Buffer | string | null | ControlReply[];

export interface ControlConnectionOptions {
  endpoint: Endpoint;
  db: number;
  replyTimeoutMs: number;
}

type Client = Pick<typeof import('./ioredis.ts'), 'Redis' | 'AbstractConnector'>;

/** How long the end of a connection may take before it is cut off, in ms. */
const DISCONNECT_TIMEOUT_MS = 2000;

export class ControlConnection {
  readonly #redis: Redis;
  readonly #replyTimeoutMs: number;
  readonly #name: string;
  /** Why the connection broke. */
  #failure: Error | undefined;
  #ended = false;

  private constructor(ioredis: Client, { endpoint, replyTimeoutMs }: ControlConnectionOptions) {
    this.#replyTimeoutMs = replyTimeoutMs;
    this.#name = showEndpoint(endpoint);
    this.#redis = new ioredis.Redis({
      Connector: connectorTo(ioredis.AbstractConnector, endpoint, Math.min(CONNECT_TIMEOUT_MS, replyTimeoutMs)),
      lazyConnect: true,
      protocol: 2,
      disableClientInfo: true,
      // Integers as text: replies can be beyond 2^53.
      stringNumbers: true,
      commandTimeout: replyTimeoutMs,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      retryStrategy: () => null,
    });
    this.#redis.on('error', (error: Error) => {
      this.#failure ??= error;
    });
  }

  /**
   * Connects, logs in and selects the database.
   *
   * @returns the server's words when it has no time or no room for a client just now
   * @throws {TargetError} when the login is refused for good
   */
  static async open(options: ControlConnectionOptions): Promise<ControlConnection | ErrorReply> {
    // Loaded when it is needed: a plan needs no client, and should not wait for one.
    const ioredis = await import('./ioredis.ts');
    const connection = new ControlConnection(ioredis, options);
    try {
      await connection.#connect();
      const auth = await authOf(options.endpoint);
      const login: [name: string, ...args: (string | number)[]][] = auth === undefined ? [] : [['AUTH', ...auth]];
      if (!options.endpoint.proxy) login.push(['PING']);
      if (options.db !== 0) login.push(['SELECT', options.db]);
      for (const [name, ...args] of login) {
        const reply = await connection.ask(name, args);
        if (!(reply instanceof ErrorReply) || (name === 'PING' && reply.code === 'NOPERM')) continue;
        connection.end();
        if (passes(reply)) return reply;
        throw refusal(reply, { where: showEndpoint(options.endpoint), command: name });
      }
      return connection;
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  /** Sends a command and gives its answer. Rejects with what broke the connection, which then is of no more use. */
  async ask(name: string, args: (string | Buffer | number)[]): Promise<ControlReply | ErrorReply> {
    try {
      return (await this.#redis.callBuffer(name, ...args)) as ControlReply;
    } catch (error) {
      if ((error as Error).name === 'ReplyError') return new ErrorReply((error as Error).message);
      this.end();
      if (/Unknown RESP type|Protocol error/i.test((error as Error).message)) {
        throw new TargetError('RESP_PROTOCOL', 'what answers there is no Redis or Valkey server.', {
          where: this.#name,
          remedy: 'Check address and port: another service may listen there, or TLS be expected.',
          cause: error,
        });
      }
      if (/timed out/i.test((error as Error).message)) {
        throw new Error(`no answer for ${Math.ceil(this.#replyTimeoutMs / 1000)} s`);
      }
      throw this.#failure ?? error;
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#redis.disconnect();
  }

  async #connect(): Promise<void> {
    try {
      await this.#redis.connect();
    } catch (error) {
      throw this.#failure ?? error;
    }
  }
}

/** How ioredis gets its socket: one that is ready, from the same place as all others. */
function connectorTo(Connector: typeof AbstractConnector, endpoint: Endpoint, timeoutMs: number) {
  return class extends Connector {
    constructor() {
      super(DISCONNECT_TIMEOUT_MS);
    }

    override connect(): Promise<Socket> {
      return new Promise((resolve, reject) => {
        const socket = dial(endpoint, () => resolve(socket), timeoutMs);
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('the server closed the connection')));
        this.stream = socket;
      });
    }
  };
}
