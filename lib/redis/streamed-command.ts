// Sends one command that is too large to hold, piece by piece, over a socket of its own.
import { connect, type Socket } from 'node:net';
import { KeyferryError } from '../errors.ts';
import { command } from '../resp/frame-writer.ts';
import { ErrorReply, type Reply, ReplyReader } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { passes } from './batch.ts';
import { unreachable } from './bulk-connection.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { refusal } from './refusals.ts';

export interface StreamedCommand {
  endpoint: Endpoint;
  db: number;
  /** The command's bytes from the beginning; called again for each try. Pieces may be reused once the next is asked for. */
  pieces(): AsyncIterable<Buffer>;
  clock: Clock;
  patienceMs: number;
  replyTimeoutMs: number;
  signal: AbortSignal;
}

export interface StreamedReply {
  reply: Reply;
  /** The command was sent whole before, over a connection that broke: it may have been run then. */
  uncertain: boolean;
}

/** Sends the command until it is answered; a server cuts a command that breaks off out of its input. */
export async function sendStreamed(task: StreamedCommand): Promise<StreamedReply> {
  const backoff = new Backoff(task.clock, task.patienceMs);
  let uncertain = false;
  for (;;) {
    task.signal.throwIfAborted();
    let problem: Error | undefined;
    const attempt = new Attempt(task);
    try {
      const reply = await attempt.run();
      if (!(reply instanceof ErrorReply && passes(reply))) return { reply, uncertain };
    } catch (error) {
      // What the source or the login says is final; only the connection's own failures are tried again.
      if (error instanceof KeyferryError || task.signal.aborted) throw error;
      problem = error as Error;
      uncertain ||= attempt.sentWhole;
    } finally {
      attempt.end();
    }
    const wait = backoff.fail();
    if (wait === undefined) throw unreachable(showEndpoint(task.endpoint), problem);
    await task.clock.sleep(wait, task.signal);
  }
}

class Attempt {
  sentWhole = false;
  readonly #task: StreamedCommand;
  readonly #socket: Socket;
  readonly #replies: Reply[] = [];
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(task: StreamedCommand) {
    this.#task = task;
    const { host, port } = task.endpoint;
    this.#socket = connect({ host, port, noDelay: true, keepAlive: true });
    const reader = new ReplyReader({
      ok: (count) => {
        for (let i = 0; i < count; i++) this.#take(Buffer.from('OK'));
      },
      reply: (reply) => this.#take(reply),
    });
    this.#socket.setTimeout(task.replyTimeoutMs, () => this.#socket.destroy(new Error('no answer')));
    this.#socket.on('data', (piece) => {
      try {
        reader.feed(piece);
      } catch (error) {
        this.#fail(error as Error);
      }
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  async run(): Promise<Reply> {
    const { endpoint, db, pieces, signal } = this.#task;
    const abort = () => this.#fail(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const { username, password } = endpoint;
      if (password !== undefined) {
        await this.#own('AUTH', username === undefined ? [password] : [username, password]);
      }
      await this.#own('SELECT', [String(db)]);
      for await (const piece of pieces()) await this.#write(piece);
      this.sentWhole = true;
      return await this.#reply();
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  end(): void {
    this.#socket.destroy();
  }

  async #own(name: string, args: string[]): Promise<void> {
    await this.#write(command(name, ...args));
    const reply = await this.#reply();
    if (!(reply instanceof ErrorReply)) return;
    if (passes(reply)) throw new Error(reply.text);
    throw refusal(reply, { where: showEndpoint(this.#task.endpoint), command: name });
  }

  /** Writes a piece and waits until the system has taken it. */
  #write(piece: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#socket.write(piece, (error) => (error == null ? resolve() : reject(this.#failure ?? error)));
    });
  }

  async #reply(): Promise<Reply> {
    while (this.#replies.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#replies.shift() as Reply;
  }

  #take(reply: Reply): void {
    this.#replies.push(reply);
    this.#wake?.();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#wake?.();
  }
}
