// The connection of a replica: bytes that are pulled, so that whoever is slow holds the server back, and a limit to silence.
import type { Socket } from 'node:net';
import { SourceError } from '../../errors.ts';
import { connectionFailure, tlsExpected } from '../../redis/connect-errors.ts';
import { dial } from '../../redis/dial.ts';
import { type Endpoint, showEndpoint } from '../../redis/endpoint.ts';
import { speaksTls } from '../../redis/speaks-tls.ts';
import { formatCount } from '../../text/count.ts';

/** Bytes that are pulled as they arrive. */
export interface Bytes {
  /** At least one byte; good until the next read. @throws {SourceError} when none comes any more */
  read(): Promise<Buffer>;
  /** Gives bytes back, for the next read. */
  unread(bytes: Buffer): void;
}

export interface LinkOptions {
  readonly endpoint: Endpoint;
  /** How long the source may send nothing while it is waited for, in ms. */
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What one read of the socket can bring; bytes. Large ones are few. */
const BUFFER_BYTES = 256 * 1024;
/** So many reads that nobody has asked for, and the socket is not read. */
const MOST_HELD = 4;
/** No answer of a server is a longer line; bytes. */
const MAX_LINE_BYTES = 64 * 1024;
const LF = 0x0a;

export class ReplicaLink implements Bytes {
  readonly name: string;
  readonly #options: LinkOptions;
  readonly #socket: Socket;
  readonly #pieces: Buffer[] = [];
  /** Buffers that can be read into: hundreds of megabytes in new ones keep the garbage collector busy. */
  readonly #spare: Buffer[] = [];
  /** The memory of the piece that was read last. */
  #lent: ArrayBufferLike | undefined;
  #ready = false;
  /** The server has sent something. */
  #answered = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(options: LinkOptions) {
    this.#options = options;
    this.name = showEndpoint(options.endpoint);
    const onReady = () => {
      this.#ready = true;
      this.#wake?.();
    };
    this.#socket = dial(options.endpoint, onReady, undefined, {
      buffer: () => this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES),
      callback: (bytes, buffer) => this.#take((buffer as Buffer).subarray(0, bytes)),
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('closed')));
    options.signal?.addEventListener('abort', this.#aborted, { once: true });
    if (options.signal?.aborted) this.#aborted();
  }

  /** @throws {ConnectionError} `TARGET_UNREACHABLE`, `TARGET_TLS`; the signal's reason */
  static async open(options: LinkOptions): Promise<ReplicaLink> {
    const link = new ReplicaLink(options);
    while (!link.#ready && link.#failure === undefined) await link.#change();
    if (link.#failure !== undefined) throw await link.#error();
    return link;
  }

  write(bytes: Buffer): void {
    if (this.#failure === undefined) this.#socket.write(bytes);
  }

  async read(): Promise<Buffer> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#lend(piece);
        if (this.#pieces.length < MOST_HELD) this.#socket.resume();
        return piece;
      }
      if (this.#failure !== undefined) throw await this.#error();
      await this.#waitForMore();
    }
  }

  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#pieces.unshift(bytes);
  }

  /** The next line without its end; lines of nothing, by which a server shows that it lives, are left out. */
  async line(): Promise<string> {
    let line = Buffer.alloc(0);
    for (;;) {
      const piece = await this.read();
      const end = piece.indexOf(LF);
      line = Buffer.concat([line, end < 0 ? piece : piece.subarray(0, end)]);
      if (line.length > MAX_LINE_BYTES) {
        throw new SourceError('SOURCE_PROTOCOL', 'what the source sends is no answer of a server.', {
          where: this.name,
          remedy: 'Check address and port: another service may listen there.',
        });
      }
      if (end < 0) continue;
      this.unread(piece.subarray(end + 1));
      const text = line.toString('utf8').trimEnd();
      if (text !== '') return text;
      line = Buffer.alloc(0);
    }
  }

  end(): void {
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    this.#fail(new Error('ended'));
    this.#socket.destroy();
  }

  readonly #aborted = (): void => {
    this.#fail(this.#options.signal?.reason as Error);
    this.#socket.destroy();
  };

  /** @returns false to pause the socket */
  #take(piece: Buffer): boolean {
    this.#answered = true;
    this.#pieces.push(piece);
    this.#wake?.();
    return this.#pieces.length < MOST_HELD;
  }

  /** The memory of the piece before is free, unless a rest of it is still to be read. */
  #lend({ buffer }: Buffer): void {
    const before = this.#lent;
    this.#lent = buffer;
    if (before?.byteLength !== BUFFER_BYTES || before === buffer) return;
    if (!this.#pieces.some((piece) => piece.buffer === before)) this.#spare.push(Buffer.from(before));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #waitForMore(): Promise<void> {
    const { stallMs } = this.#options;
    const timer = setTimeout(() => {
      const seconds = formatCount(Math.ceil(stallMs / 1000));
      this.#fail(
        new SourceError('SOURCE_STALLED', `the source has sent nothing for ${seconds} s.`, {
          where: this.name,
          remedy: 'Look at its log and at the network. A server that is slow to begin may be given longer: --stall 5m',
        }),
      );
      this.#socket.destroy();
    }, stallMs);
    await this.#change();
    clearTimeout(timer);
  }

  async #error(): Promise<Error> {
    const cause = this.#failure as NodeJS.ErrnoException;
    const { endpoint, signal } = this.#options;
    if (cause instanceof SourceError || (signal?.aborted && cause === signal.reason)) return cause;
    if (!this.#ready) return connectionFailure(this.name, cause, endpoint);
    // A port that speaks TLS only resets a plain connection at its first word.
    if (!this.#answered && (await speaksTls(endpoint))) return tlsExpected(this.name, cause);
    const why = cause.code === undefined ? 'closed the connection' : `broke off the connection (${cause.code})`;
    return new SourceError('SOURCE_CLOSED', `the source ${why} before it had sent everything.`, {
      where: this.name,
      remedy:
        'Its log says why. A limit on what waits for a replica is a frequent reason (client-output-buffer-limit replica, repl-timeout).',
      cause,
    });
  }
}
