// Sends one command that is too large to hold, piece by piece, over a socket of its own.
import type { Socket } from 'node:net';
import { KeyferryError } from '../errors.ts';
import { command } from '../resp/frame-writer.ts';
import { ErrorReply, type Reply, ReplyReader } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { passes, redirects } from './batch.ts';
import { connectionFailure, isPermanent } from './connect-errors.ts';
import { dial } from './dial.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { CONFIRM_MS } from './fleet.ts';
import type { Locator } from './locator.ts';
import { authOf } from './login.ts';
import { refusal } from './refusals.ts';

export interface StreamedCommand {
  locator: Locator;
  /** Decides which server it goes to. */
  key: Buffer;
  db: number;
  /** True where a replica follows that server: it is asked whether it has the write too. */
  replicas(endpoint: Endpoint): boolean;
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
  /** The server that answered. */
  endpoint: Endpoint;
  /** A replica of it has the write too. */
  replicated: boolean;
}

/** Sends the command until it is answered; a server cuts a command that breaks off out of its input. */
export async function sendStreamed(task: StreamedCommand): Promise<StreamedReply> {
  const backoff = new Backoff(task.clock, task.patienceMs);
  let uncertain = false;
  let endpoint = task.locator.locate(task.key);
  let asking = false;
  for (;;) {
    task.signal.throwIfAborted();
    let problem: Error | undefined;
    const attempt = new Attempt(task, endpoint, asking);
    try {
      const reply = await attempt.run();
      const elsewhere =
        reply instanceof ErrorReply && redirects(reply) ? await whereTo(task, reply, endpoint) : undefined;
      if (elsewhere === undefined && !(reply instanceof ErrorReply && passes(reply))) {
        const asks = !(reply instanceof ErrorReply) && task.replicas(endpoint);
        const replicated = asks && (await attempt.replicated());
        return { reply, uncertain, endpoint, replicated };
      }
      if (elsewhere !== undefined && !asking && (reply as ErrorReply).code === 'ASK') {
        endpoint = elsewhere;
        asking = true;
        continue;
      }
    } catch (error) {
      // What the source or the login says is final; only the connection's own failures are tried again.
      if (error instanceof KeyferryError || task.signal.aborted) throw error;
      problem = error as Error;
      uncertain ||= attempt.sentWhole;
    } finally {
      attempt.end();
    }
    const wait = isPermanent(problem) ? undefined : backoff.fail();
    if (wait === undefined) throw connectionFailure(showEndpoint(endpoint), problem, endpoint);
    await task.clock.sleep(wait, task.signal);
    await task.locator.refresh();
    endpoint = task.locator.locate(task.key);
    asking = false;
  }
}

/** The server that a refusal names, or that has become the master since; `undefined` where it is the same as before. */
async function whereTo(
  { locator, key }: StreamedCommand,
  reply: ErrorReply,
  asked: Endpoint,
): Promise<Endpoint | undefined> {
  const named = locator.redirect(reply);
  if (named !== undefined) return named;
  await locator.refresh();
  const now = locator.locate(key);
  return showEndpoint(now) === showEndpoint(asked) ? undefined : now;
}

class Attempt {
  sentWhole = false;
  readonly #task: StreamedCommand;
  readonly #endpoint: Endpoint;
  readonly #asking: boolean;
  readonly #socket: Socket;
  readonly #replies: Reply[] = [];
  #ready = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(task: StreamedCommand, endpoint: Endpoint, asking: boolean) {
    this.#task = task;
    this.#endpoint = endpoint;
    this.#asking = asking;
    this.#socket = dial(endpoint, () => {
      this.#ready = true;
      this.#wake?.();
    });
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
    const { db, pieces, signal } = this.#task;
    const abort = () => this.#fail(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.#until(() => this.#ready);
      const auth = await authOf(this.#endpoint);
      if (auth !== undefined) await this.#own('AUTH', auth);
      // In database 0 too: a server that turns a client away says so unasked, and is heard before anything is sent.
      if (!this.#endpoint.proxy) await this.#own('SELECT', [String(db)]);
      if (this.#asking) await this.#own('ASKING', []);
      for await (const piece of pieces()) await this.#write(piece);
      this.sentWhole = true;
      return await this.#reply();
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Asks the server, over this same socket, whether a replica has what went over it. */
  async replicated(): Promise<boolean> {
    try {
      await this.#write(command('WAIT', 1, CONFIRM_MS));
      const replicas = await this.#reply();
      return typeof replicas === 'bigint' && replicas > 0n;
    } catch {
      return false; // the write itself was confirmed before
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
    throw refusal(reply, { where: showEndpoint(this.#endpoint), command: name });
  }

  /** Writes a piece and waits until the system has taken it. */
  #write(piece: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#socket.write(piece, (error) => (error == null ? resolve() : reject(this.#failure ?? error)));
    });
  }

  async #reply(): Promise<Reply> {
    await this.#until(() => this.#replies.length > 0);
    return this.#replies.shift() as Reply;
  }

  async #until(come: () => boolean): Promise<void> {
    while (!come()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
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
