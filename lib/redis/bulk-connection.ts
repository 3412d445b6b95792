// One socket that carries batches: it keeps replies and commands in step, waits out what passes, and after a broken
// connection sends again whatever was not answered.
import type { Socket } from 'node:net';
import { ConnectionError, KeyferryError, TargetError } from '../errors.ts';
import { command } from '../resp/frame-writer.ts';
import { ErrorReply, ProtocolError, type Reply, ReplyReader } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { Batch, passes, redirects } from './batch.ts';
import { connectionFailure, isPermanent } from './connect-errors.ts';
import { dial } from './dial.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { authOf } from './login.ts';
import { refusal } from './refusals.ts';

export interface BulkConnectionOptions {
  endpoint: Endpoint;
  clock: Clock;
  /** How long a broken connection or a loading server is waited for, in ms. */
  patienceMs: number;
  /** How long an answer may take before the connection counts as dead, in ms. */
  replyTimeoutMs: number;
  /** A batch is done with: its buffer may be used again. */
  onBatchDone(batch: Batch): void;
  /** A command was answered MOVED, ASK or READONLY; without this handler that is an answer like any other. */
  onRedirect?: ((batch: Batch, reply: ErrorReply) => void) | undefined;
  /** A command was refused for a while that is over; without this handler it is sent again over this connection. */
  onRetry?: ((batch: Batch) => void) | undefined;
  /** The connection broke, or could not be made. */
  onTrouble?: (() => void) | undefined;
  /** The connection has given up. Called once. */
  onFailure(error: KeyferryError): void;
}

/** A command of the connection itself, waiting for its reply. */
interface OwnCommand {
  readonly name: 'AUTH' | 'PING' | 'SELECT' | 'ASKING' | 'WAIT';
  /** Told the reply of WAIT; `undefined` when the connection broke before it. */
  readonly done?: (reply: Reply | undefined) => void;
}

export class BulkConnection {
  readonly #options: BulkConnectionOptions;
  readonly #backoff: Backoff;
  #socket: Socket | undefined;
  #ready = false;
  #ended = false;
  #db = 0;
  /** What has been sent and not answered, in order. */
  #queue: (Batch | OwnCommand)[] = [];
  /** What waits for the connection to be ready. */
  #unsent: Batch[] = [];
  /** Commands that were refused for a while, and their timer. */
  #refused: Batch[] = [];
  #timer: NodeJS.Timeout | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #heardAt = 0;
  #inFlightBytes = 0;
  /** Whether WAIT can speak of what was written: it knows only the writes of its own connection. */
  #wrote: 'nothing' | 'this connection' | 'a lost one' = 'nothing';

  constructor(options: BulkConnectionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, options.patienceMs);
    this.#connect();
  }

  /** Bytes that were handed over and are not answered. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Takes a batch; its owner hears of every command. */
  send(batch: Batch): void {
    this.#inFlightBytes += batch.length;
    if (this.#ready) this.#write(batch);
    else this.#unsent.push(batch);
  }

  /** Takes back what waits, while the connection is down; what was sent and not answered is uncertain then. */
  withdraw(): Batch[] {
    if (this.#ready) return [];
    const batches = [...this.#unsent, ...this.#refused];
    this.#unsent = [];
    this.#refused = [];
    this.#inFlightBytes = 0;
    return batches;
  }

  /**
   * Asks how many replicas have all that went over this socket so far. It has to be this socket: WAIT speaks of its own
   * client's writes.
   *
   * @param timeoutMs how long they may take
   * @returns `undefined` when the server does not know WAIT or may not be asked
   */
  async confirm(timeoutMs: number): Promise<number | undefined> {
    if (this.#wrote === 'nothing') return Number.POSITIVE_INFINITY;
    if (!this.#ready || this.#wrote === 'a lost one') return 0;
    const reply = await new Promise<Reply | undefined>((done) =>
      this.#writeOwn({ name: 'WAIT', done }, command('WAIT', 1, timeoutMs)),
    );
    if (typeof reply === 'bigint') return Number(reply);
    return reply === undefined ? 0 : undefined;
  }

  /** Ends the connection; nothing is sent or heard any more. */
  end(): void {
    this.#ended = true;
    this.#forgetOwn();
    clearTimeout(this.#timer);
    clearTimeout(this.#reconnect);
    clearInterval(this.#watchdog);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = dial(this.#options.endpoint, () => this.#login(socket));
    let failure: Error | undefined;
    const reader = new ReplyReader({ ok: (count) => this.#ok(count), reply: (reply) => this.#reply(reply) });
    socket.on('data', (piece) => {
      this.#heardAt = performance.now();
      try {
        reader.feed(piece);
      } catch (error) {
        if (error instanceof ProtocolError)
          this.#fail(
            new TargetError(error.code, error.message, { where: this.#name, remedy: error.remedy, cause: error }),
          );
        else throw error;
      }
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => this.#lost(failure));
    this.#socket = socket;
    this.#watch();
  }

  get #name(): string {
    return showEndpoint(this.#options.endpoint);
  }

  /**
   * Logs in, and waits for the answer to a PING before anything else goes out: a server that turns a client away says so
   * unasked, and that must not be taken for the answer to a write.
   */
  #login(socket: Socket): void {
    authOf(this.#options.endpoint).then(
      (auth) => this.#greet(socket, auth),
      (error: Error) => {
        if (error instanceof KeyferryError) this.#fail(error);
        else socket.destroy(error);
      },
    );
  }

  #greet(socket: Socket, auth: string[] | undefined): void {
    // It may be gone by now, and another on its way.
    if (socket.destroyed) return;
    this.#db = 0;
    if (auth !== undefined) this.#writeOwn({ name: 'AUTH' }, command('AUTH', ...auth));
    if (this.#options.endpoint.proxy) this.#loggedIn();
    else this.#writeOwn({ name: 'PING' }, command('PING'));
  }

  #loggedIn(): void {
    this.#ready = true;
    const waiting = this.#unsent;
    this.#unsent = [];
    for (const batch of waiting) this.#write(batch);
  }

  #writeOwn(own: OwnCommand, bytes: Buffer): void {
    this.#queue.push(own);
    this.#socket?.write(bytes);
  }

  #write(batch: Batch): void {
    if (batch.db !== this.#db) {
      this.#db = batch.db;
      this.#writeOwn({ name: 'SELECT' }, command('SELECT', batch.db));
    }
    if (batch.asking) this.#writeOwn({ name: 'ASKING' }, command('ASKING'));
    this.#wrote = 'this connection';
    batch.sentTo = this.#name;
    this.#queue.push(batch);
    this.#socket?.write(batch.unanswered());
  }

  #ok(count: number): void {
    let left = count;
    while (left > 0) {
      const head = this.#queue[0];
      if (head === undefined) {
        this.#unexpected();
        return;
      }
      if (!(head instanceof Batch)) {
        this.#ownAnswered(head, null);
        left--;
        continue;
      }
      const from = head.answered;
      const to = Math.min(from + left, head.commands);
      left -= to - from;
      head.answered = to;
      head.owner.onOk(head, from, to);
      if (to === head.commands) this.#done(head);
    }
    this.#backoff.succeed();
  }

  #reply(reply: Reply): void {
    const head = this.#queue[0];
    if (head === undefined) {
      this.#unexpected();
      return;
    }
    if (!(head instanceof Batch)) {
      this.#ownAnswered(head, reply);
      return;
    }
    const index = head.answered++;
    if (reply instanceof ErrorReply && passes(reply)) {
      this.#later(head.extract(index), reply);
    } else if (reply instanceof ErrorReply && redirects(reply) && this.#options.onRedirect !== undefined) {
      this.#options.onRedirect(head.extract(index), reply);
    } else {
      this.#backoff.succeed();
      head.owner.onReply(head, index, reply);
    }
    if (head.answered === head.commands) this.#done(head);
  }

  /** Where AUTH, PING or SELECT fails, what follows in the pipe would go to the wrong place. */
  #ownAnswered(own: OwnCommand, reply: Reply): void {
    this.#queue.shift();
    if (own.done !== undefined) own.done(reply);
    else if (reply instanceof ErrorReply && !(own.name === 'PING' && reply.code === 'NOPERM')) {
      if (passes(reply)) this.#socket?.destroy(new Error(reply.text));
      else this.#fail(refusal(reply, { where: this.#name, command: own.name }));
    } else if (own.name === 'PING') {
      this.#loggedIn();
    }
  }

  #done(batch: Batch): void {
    this.#queue.shift();
    this.#inFlightBytes -= batch.length;
    this.#options.onBatchDone(batch);
  }

  #later(batch: Batch, reply: ErrorReply): void {
    this.#inFlightBytes += batch.length;
    this.#refused.push(batch);
    if (this.#timer !== undefined) return;
    const wait = this.#backoff.fail();
    if (wait === undefined) {
      this.#fail(
        new ConnectionError('TARGET_NOT_READY', `the server keeps answering ${reply.text}`, {
          where: this.#name,
          remedy: 'When it has become ready, run the same command again: it goes on from here.',
        }),
      );
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const batches = this.#refused;
      this.#refused = [];
      for (const each of batches) {
        this.#inFlightBytes -= each.length;
        if (this.#options.onRetry === undefined) this.send(each);
        else this.#options.onRetry(each);
      }
    }, wait);
  }

  #lost(cause: Error | undefined): void {
    const wasReady = this.#ready;
    this.#ready = false;
    clearInterval(this.#watchdog);
    if (this.#ended) return;
    const sent = this.#queue.filter((item) => item instanceof Batch);
    this.#forgetOwn();
    // It had come up and owed nothing: that it breaks now is a trouble of its own.
    if (wasReady && sent.length === 0) this.#backoff.succeed();
    for (const batch of sent) batch.uncertainTo = batch.commands;
    this.#unsent = [...sent, ...this.#unsent];
    this.#queue = [];
    if (this.#wrote !== 'nothing') this.#wrote = 'a lost one';
    const wait = isPermanent(cause) ? undefined : this.#backoff.fail();
    if (wait === undefined) this.#fail(connectionFailure(this.#name, cause, this.#options.endpoint));
    else this.#reconnect = setTimeout(() => this.#connect(), wait);
    this.#options.onTrouble?.();
  }

  /** Nobody waits for a reply that can't come any more. */
  #forgetOwn(): void {
    for (const item of this.#queue) if (!(item instanceof Batch)) item.done?.(undefined);
  }

  /** Takes a connection that owes answers and gives none for dead. */
  #watch(): void {
    this.#heardAt = performance.now();
    const { replyTimeoutMs } = this.#options;
    clearInterval(this.#watchdog);
    this.#watchdog = setInterval(
      () => {
        if (this.#queue.length === 0) this.#heardAt = performance.now();
        else if (performance.now() - this.#heardAt > replyTimeoutMs) {
          this.#socket?.destroy(new Error(`no answer for ${Math.round(replyTimeoutMs / 1000)} s`));
        }
      },
      Math.max(10, replyTimeoutMs / 4),
    );
    this.#watchdog.unref();
  }

  #unexpected(): void {
    this.#fail(
      new TargetError('RESP_PROTOCOL', 'the server answered more than it was asked.', {
        where: this.#name,
        remedy: 'Is there a proxy between, or another service on this port?',
      }),
    );
  }

  #fail(error: KeyferryError): void {
    if (this.#ended) return;
    this.end();
    this.#options.onFailure(error);
  }
}
