// A socket of one's own for commands that follow each other: pipelined, each answer given to who asked.
import type { Socket } from 'node:net';
import { type KeyferryError, TargetError } from '../errors.ts';
import { ARGUMENT_OVERHEAD_BYTES, FrameWriter } from '../resp/frame-writer.ts';
import { ErrorReply, ProtocolError, type Reply, ReplyReader } from '../resp/reply-reader.ts';
import { passes } from './batch.ts';
import { dial } from './dial.ts';
import { type Endpoint, showEndpoint } from './endpoint.ts';
import { authOf } from './login.ts';
import { refusal } from './refusals.ts';

/** An argument: bytes, or ASCII text. */
export type Argument = Buffer | string;
/** A command's name and its arguments. */
export type Command = readonly Argument[];

export interface CommandPipeOptions {
  readonly endpoint: Endpoint;
  readonly db: number;
  /** How long answers may be owed, and nothing be sent or heard, before the connection counts as dead; ms. */
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** The connection broke, or the server had no time for it: another one may do better. */
export class PipeBroken extends Error {}

/** Arguments from here on are handed to the socket as they are instead of being copied; bytes. */
const UNCOPIED_BYTES = 4096;

/** Commands that were sent together and the replies so far. */
interface Asked {
  left: number;
  readonly replies: Reply[];
  readonly answer: (replies: Reply[]) => void;
  readonly fail: (error: Error) => void;
}

export class CommandPipe {
  readonly #options: CommandPipeOptions;
  readonly #socket: Socket;
  readonly #asked: Asked[] = [];
  readonly #abort = () => this.#interrupt();
  #connecting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;

  private constructor(options: CommandPipeOptions) {
    this.#options = options;
    const reader = new ReplyReader({
      ok: (count) => {
        for (let i = 0; i < count; i++) this.#take(Buffer.from('OK'));
      },
      reply: (reply) => this.#take(reply),
    });
    this.#socket = dial(options.endpoint, () => this.#connecting?.resolve());
    this.#socket.setTimeout(options.replyTimeoutMs);
    this.#socket.on('timeout', () => {
      const seconds = Math.ceil(options.replyTimeoutMs / 1000);
      if (this.#asked.length > 0) this.#fail(new PipeBroken(`no answer for ${seconds} s`));
    });
    this.#socket.on('data', (piece) => {
      try {
        reader.feed(piece);
      } catch (error) {
        this.#fail(error instanceof ProtocolError ? this.#unfitting(error) : (error as Error));
      }
    });
    this.#socket.on('error', (cause) => this.#fail(new PipeBroken(cause.message, { cause })));
    this.#socket.on('close', () => this.#fail(new PipeBroken('the server closed the connection')));
    options.signal.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Connects, logs in and selects the database.
   *
   * @throws {PipeBroken} when another try may succeed; {TargetError} when the login is refused for good; the signal's
   * reason
   */
  static async open(options: CommandPipeOptions): Promise<CommandPipe> {
    options.signal.throwIfAborted();
    const pipe = new CommandPipe(options);
    try {
      await pipe.#connected();
      await pipe.#login();
      return pipe;
    } catch (error) {
      pipe.end();
      throw error;
    }
  }

  /**
   * Sends commands behind whatever is on its way, and gives their replies, error replies among them.
   *
   * @param commands large arguments are not copied: they must stay as they are until the answer has come
   * @throws {PipeBroken} when the connection is gone: any of them may have been run; the signal's reason
   */
  send(commands: readonly Command[]): Promise<Reply[]> {
    if (this.#options.signal.aborted) return Promise.reject(this.#options.signal.reason);
    return this.#send(commands);
  }

  /**
   * The same for commands that are in bytes already.
   *
   * @param count how many they are
   */
  sendFramed(bytes: Buffer, count: number): Promise<Reply[]> {
    if (this.#options.signal.aborted) return Promise.reject(this.#options.signal.reason);
    return this.#write([bytes], count);
  }

  /** Sends a last word, also after an abort, and ends when it is answered or the time is up. Never rejects. */
  async leave(commands: readonly Command[], withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#send(commands).catch(() => undefined), late]);
    clearTimeout(timer);
    this.end();
  }

  /** Ends the connection; what is owed an answer is rejected. */
  end(): void {
    this.#fail(new PipeBroken('the connection was ended'));
  }

  get #name(): string {
    return showEndpoint(this.#options.endpoint);
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connecting = { resolve, reject };
    });
  }

  /** A server that turns a client away says so unasked: nothing else is sent before PING has its answer. */
  async #login(): Promise<void> {
    const { endpoint, db } = this.#options;
    const auth = await authOf(endpoint);
    if (auth !== undefined) await this.#own(['AUTH', ...auth]);
    await this.#own(['PING']);
    if (db !== 0) await this.#own(['SELECT', String(db)]);
  }

  async #own(command: Command): Promise<void> {
    const name = String(command[0]);
    const [reply] = await this.send([command]);
    if (!(reply instanceof ErrorReply) || (name === 'PING' && reply.code === 'NOPERM')) return;
    if (passes(reply)) throw new PipeBroken(reply.text);
    throw refusal(reply, { where: this.#name, command: name });
  }

  #send(commands: readonly Command[]): Promise<Reply[]> {
    return this.#write(encode(commands), commands.length);
  }

  #write(pieces: readonly Buffer[], count: number): Promise<Reply[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (count === 0) return Promise.resolve([]);
    return new Promise((answer, fail) => {
      this.#asked.push({ left: count, replies: [], answer, fail });
      this.#socket.cork();
      for (const piece of pieces) this.#socket.write(piece);
      this.#socket.uncork();
    });
  }

  #take(reply: Reply): void {
    const head = this.#asked[0];
    if (head === undefined) {
      this.#fail(this.#unfitting(undefined));
      return;
    }
    head.replies.push(reply);
    if (--head.left > 0) return;
    this.#asked.shift();
    head.answer(head.replies);
  }

  /** Nobody waits any longer. The answers still come, and are counted for the sake of {@link leave}. */
  #interrupt(): void {
    this.#connecting?.reject(this.#options.signal.reason as Error);
    for (const { fail } of this.#asked) fail(this.#options.signal.reason as Error);
  }

  #unfitting(cause: ProtocolError | undefined): KeyferryError {
    return new TargetError('RESP_PROTOCOL', cause?.message ?? 'the server answered more than it was asked.', {
      where: this.#name,
      remedy: cause?.remedy ?? 'Is there a proxy between, or another service on this port?',
      cause,
    });
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#options.signal.removeEventListener('abort', this.#abort);
    this.#socket.destroy();
    this.#connecting?.reject(error);
    for (const { fail } of this.#asked.splice(0)) fail(error);
  }
}

/** The commands' bytes as pieces to be written one after another. */
function encode(commands: readonly Command[]): Buffer[] {
  let gathered = 0;
  for (const command of commands) {
    gathered += ARGUMENT_OVERHEAD_BYTES * (command.length + 1);
    for (const argument of command) if (!staysApart(argument)) gathered += argument.length;
  }
  const frame = new FrameWriter(Buffer.allocUnsafe(gathered));
  const pieces: Buffer[] = [];
  let written = 0;
  for (const command of commands) {
    frame.array(command.length);
    for (const argument of command) {
      if (staysApart(argument)) {
        frame.bulkHead(argument.length);
        pieces.push(frame.buffer.subarray(written, frame.at), argument);
        written = frame.at;
        frame.crlf();
      } else if (typeof argument === 'string') {
        frame.bulkText(argument);
      } else {
        frame.bulk(argument);
      }
    }
  }
  pieces.push(frame.buffer.subarray(written, frame.at));
  return pieces;
}

const staysApart = (argument: Argument): argument is Buffer =>
  typeof argument !== 'string' && argument.length >= UNCOPIED_BYTES;
