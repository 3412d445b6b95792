// A small proxy that shards keys over servers, as Twemproxy and Codis do: no MULTI, no CLUSTER, few commands.
import { createServer, type Server as Listener, Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { type ProxyKind, passes, SPLIT } from './resp-proxy-rules.ts';

export interface ProxyOptions {
  kind: ProxyKind;
  /** The servers behind it, without passwords. */
  backends: readonly { readonly host: string; readonly port: number }[];
  /** What AUTH is to say. */
  password?: string;
  /** `false` as Twemproxy was before 0.4: PING is one more unknown command. */
  ping?: boolean;
}

/** Starts a proxy on a free port; it ends, with all its connections, when disposed of. */
export async function startRespProxy(options: ProxyOptions): Promise<RespProxy> {
  const proxy = new RespProxy(options);
  await proxy.listen();
  return proxy;
}

export class RespProxy implements AsyncDisposable {
  readonly host = '127.0.0.1';
  port = 0;
  /** Commands that were refused, in upper case, in their order. */
  readonly refused: string[] = [];
  readonly options: ProxyOptions;
  readonly #sessions = new Set<Session>();
  readonly #listener: Listener;

  constructor(options: ProxyOptions) {
    this.options = options;
    this.#listener = createServer({ noDelay: true }, (socket) => {
      const session = new Session(this, socket);
      this.#sessions.add(session);
      socket.once('close', () => this.#sessions.delete(session));
    });
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  listen(): Promise<void> {
    return new Promise((settle, fail) => {
      this.#listener.once('error', fail);
      this.#listener.listen(0, this.host, () => {
        const address = this.#listener.address();
        if (typeof address === 'object' && address !== null) this.port = address.port;
        settle();
      });
    });
  }

  /** The index of the server that holds a key. Codis hashes what stands between the first braces. */
  backendOf(key: Buffer | string): number {
    const text = Buffer.from(key).toString('latin1');
    const tag = this.options.kind === 'codis' ? /\{([^}]*)\}/s.exec(text)?.[1] : undefined;
    return crc32(Buffer.from(tag ?? text, 'latin1')) % this.options.backends.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const session of this.#sessions) session.close();
  }
}

/** A client's connection, and one of its own to each server. */
class Session {
  readonly #proxy: RespProxy;
  readonly #client: Socket;
  readonly #backends: Backend[];
  #authenticated: boolean;
  /** Settles when the replies so far are written: they leave in the order of the commands. */
  #written: Promise<void> = Promise.resolve();

  constructor(proxy: RespProxy, client: Socket) {
    this.#proxy = proxy;
    this.#client = client;
    this.#backends = proxy.options.backends.map((address) => new Backend(address));
    this.#authenticated = proxy.options.password === undefined;
    const frames = new Frames();
    client.on('data', (piece) => {
      for (const frame of frames.feed(piece)) if (!client.destroyed) this.#command(frame);
    });
    client.on('error', () => {});
    client.on('close', () => this.close());
  }

  close(): void {
    this.#client.destroy();
    for (const backend of this.#backends) backend.close();
  }

  #command(frame: Buffer): void {
    const parts = partsOf(frame);
    const reply = this.#answer(parts, frame);
    if (reply === undefined) {
      // as Twemproxy does, with all answers that are still on their way
      this.close();
      return;
    }
    this.#written = Promise.all([reply, this.#written]).then(([bytes]) => {
      if (!this.#client.destroyed) this.#client.write(bytes);
    });
  }

  /** `undefined`: the connection is to be closed without a word. */
  #answer(parts: Buffer[], frame: Buffer): Promise<Buffer> | Buffer | undefined {
    const { kind, ping = true } = this.#proxy.options;
    const command = String(parts[0]).toUpperCase();
    if (command === 'AUTH') return this.#authenticate(parts);
    if (!this.#authenticated) return error('NOAUTH Authentication required.');
    if (command === 'PING' && ping) return Buffer.from('+PONG\r\n');
    if (command === 'PING' || !passes(kind, command, parts.length)) return this.#refuse(command);
    const step = SPLIT[kind][command];
    if (step !== undefined && parts.length > 1 + step) return this.#split(command, parts, step);
    if (command === 'SELECT') return Promise.all(this.#backends.map((each) => each.send(frame))).then(firstError);
    const key = parts[/^EVAL/.test(command) ? 3 : 1] ?? Buffer.of();
    return this.#backends[this.#proxy.backendOf(key)]!.send(frame);
  }

  #authenticate([, password]: Buffer[]): Buffer {
    if (this.#proxy.options.password === undefined) return error('ERR Client sent AUTH, but no password is set');
    this.#authenticated = String(password) === this.#proxy.options.password;
    return this.#authenticated ? OK : error('ERR invalid password');
  }

  #refuse(command: string): Buffer | undefined {
    this.#proxy.refused.push(command);
    if (this.#proxy.options.kind === 'twemproxy') return undefined;
    return error(`ERR handle request, command '${command}' is not allowed`);
  }

  /** One command a key; the replies become one. */
  async #split(command: string, parts: Buffer[], step: number): Promise<Buffer> {
    if ((parts.length - 1) % step !== 0) return error(`ERR wrong number of arguments for '${command}' command`);
    const replies: Promise<Buffer>[] = [];
    for (let at = 1; at < parts.length; at += step) {
      const share = encode([parts[0]!, ...parts.slice(at, at + step)]);
      replies.push(this.#backends[this.#proxy.backendOf(parts[at]!)]!.send(share));
    }
    return joined(command, await Promise.all(replies));
  }
}

/** A connection to a server; commands in a row, their replies as bytes. */
class Backend {
  readonly #socket = new Socket();
  readonly #waiting: ((reply: Buffer) => void)[] = [];
  #failed = false;

  constructor(address: { readonly host: string; readonly port: number }) {
    const frames = new Frames();
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (piece) => {
      for (const frame of frames.feed(piece)) this.#waiting.shift()?.(frame);
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#failed = true;
      for (const settle of this.#waiting.splice(0)) settle(LOST);
    });
    this.#socket.connect({ host: address.host, port: address.port });
  }

  send(command: Buffer): Promise<Buffer> {
    if (this.#failed) return Promise.resolve(LOST);
    return new Promise((settle) => {
      this.#waiting.push(settle);
      this.#socket.write(command);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Cuts a stream into whole RESP2 values: commands are such values too. */
class Frames {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #needed = 1;

  feed(piece: Buffer): Buffer[] {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < this.#needed) return [];
    const all = Buffer.concat(this.#pieces);
    const frames: Buffer[] = [];
    let at = 0;
    for (;;) {
      const end = frameEnd(all, at);
      if (end > all.length) {
        this.#needed = end - at;
        break;
      }
      frames.push(all.subarray(at, end));
      at = end;
    }
    this.#pieces = [all.subarray(at)];
    this.#bytes = all.length - at;
    return frames;
  }
}

/** Where the value at `at` ends; where it is not all there, a position beyond the bytes, before which it does not. */
function frameEnd(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return bytes.length + 1;
  const count = Number(bytes.toString('latin1', at + 1, lineEnd));
  let end = lineEnd + 2;
  if (bytes[at] === 0x24 && count >= 0) end += count + 2;
  if (bytes[at] === 0x2a) for (let item = 0; item < count && end <= bytes.length; item++) end = frameEnd(bytes, end);
  return end;
}

/** The bulk strings of an array: a command's name and arguments. */
function partsOf(frame: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = frame.indexOf('\r\n') + 2; at < frame.length; ) {
    const start = frame.indexOf('\r\n', at) + 2;
    at = frameEnd(frame, at);
    parts.push(frame.subarray(start, at - 2));
  }
  return parts;
}

function encode(parts: readonly Buffer[]): Buffer {
  const bulks = parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...bulks]);
}

const OK = Buffer.from('+OK\r\n');
const LOST = error('ERR Connection reset by peer');

function error(text: string): Buffer {
  return Buffer.from(`-${text}\r\n`);
}

const firstError = (replies: readonly Buffer[]): Buffer => replies.find((reply) => reply[0] === 0x2d) ?? replies[0]!;

/** One reply of those for each key: values in their order, the sum of counts, or the one OK. */
function joined(command: string, replies: readonly Buffer[]): Buffer {
  const first = firstError(replies);
  if (first[0] === 0x2d || command === 'MSET') return first;
  if (command === 'MGET') {
    const values = replies.map((reply) => reply.subarray(reply.indexOf('\r\n') + 2));
    return Buffer.concat([Buffer.from(`*${values.length}\r\n`), ...values]);
  }
  const sum = replies.reduce((total, reply) => total + Number(reply.toString('latin1', 1)), 0);
  return Buffer.from(`:${sum}\r\n`);
}
