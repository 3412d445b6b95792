// The connections for everything but bulk data: questions, checks and the occasional single key. One for each database.
import { KeyferryError } from '../errors.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { passes } from './batch.ts';
import { connectionFailure, isPermanent, tlsExpected } from './connect-errors.ts';
import { ControlConnection, type ControlReply } from './control-connection.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { refusal } from './refusals.ts';
import { speaksTls } from './speaks-tls.ts';

export type { ControlReply } from './control-connection.ts';

export interface ControlOptions {
  endpoint: Endpoint;
  clock: Clock;
  /** How long a broken connection, or a server that is not ready, is tried again, in ms. */
  patienceMs: number;
  /** How long an answer may take before the connection counts as dead, in ms. */
  replyTimeoutMs: number;
  /** Ends the waits between two tries. */
  signal?: AbortSignal | undefined;
}

export class Control {
  readonly #options: ControlOptions;
  readonly #connections = new Map<number, Promise<ControlConnection | ErrorReply>>();
  #reached = false;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  get name(): string {
    return showEndpoint(this.#options.endpoint);
  }

  /**
   * Runs a command in a database and gives its reply, bulk strings as Buffers. A connection that breaks is made anew and
   * the command sent again: it may then have been run twice.
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
    const { clock, patienceMs, signal } = this.#options;
    const backoff = new Backoff(clock, patienceMs);
    for (;;) {
      const reply = await this.#ask(db, name, args);
      if (!(reply instanceof Error) && !(reply instanceof ErrorReply && passes(reply))) return reply;
      // The first connection must come up at once: a wrong address should be told without delay.
      const hopeless = reply instanceof Error && (!this.#reached || isPermanent(reply));
      const wait = hopeless ? undefined : backoff.fail();
      if (wait !== undefined) await clock.sleep(wait, signal);
      else if (reply instanceof Error) throw await this.#failure(reply);
      else return reply;
    }
  }

  /**
   * One try.
   *
   * @param asking the key's slot is on its way to this server: the command goes behind an ASKING
   * @returns as an Error what broke the connection
   * @throws {TargetError} when the login is refused for good
   */
  once(
    db: number,
    asking: boolean,
    name: string,
    args: (string | Buffer | number)[],
  ): Promise<ControlReply | ErrorReply | Error> {
    return this.#ask(db, name, args, asking);
  }

  end(): void {
    for (const opening of this.#connections.values()) {
      opening.then(
        (connection) => {
          if (connection instanceof ControlConnection) connection.end();
        },
        () => undefined, // it never came up: nothing to end
      );
    }
    this.#connections.clear();
  }

  async #failure(cause: Error): Promise<KeyferryError> {
    const { endpoint } = this.#options;
    // A port that speaks TLS only resets a plain connection at its first word.
    const { code = 'EPIPE' } = cause as NodeJS.ErrnoException;
    const turnedAway = code === 'ECONNRESET' || code === 'EPIPE';
    if (!this.#reached && turnedAway && (await speaksTls(endpoint))) return tlsExpected(this.name, cause);
    return connectionFailure(this.name, cause, endpoint);
  }

  async #ask(
    db: number,
    name: string,
    args: (string | Buffer | number)[],
    asking = false,
  ): Promise<ControlReply | ErrorReply | Error> {
    let opening = this.#connections.get(db);
    if (opening === undefined) {
      opening = ControlConnection.open({ ...this.#options, db });
      this.#connections.set(db, opening);
    }
    const forget = () => {
      if (this.#connections.get(db) === opening) this.#connections.delete(db);
    };
    try {
      const connection = await opening;
      if (connection instanceof ErrorReply) {
        forget();
        return connection;
      }
      this.#reached = true;
      // Both in one go: between them no other command may come.
      if (asking) connection.ask('ASKING', []).catch(() => undefined);
      return await connection.ask(name, args);
    } catch (error) {
      forget();
      if (error instanceof KeyferryError) throw error;
      return error as Error;
    }
  }
}
