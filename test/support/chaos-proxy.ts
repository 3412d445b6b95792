// A TCP proxy between keyferry and a server that does what networks do: it resets, delays, refuses, and loses replies.
import { createServer, type Server as Listener, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';

/** What may happen to a piece of traffic. */
export type Fault =
  /** It comes some ms later. */
  | 'delay'
  /** The connection is reset on both sides; the piece is lost. */
  | 'reset'
  /** Half of the piece goes through, then the connection is reset. */
  | 'cut'
  /** The piece goes to the server, which runs it, but the client's connection is gone before the answer. */
  | 'reply-lost'
  /** All connections are reset, and new ones refused for a while. */
  | 'refuse';

export interface Chaos {
  random: Random;
  /** Chance of a fault for each piece of traffic. */
  probability: number;
  /** No faults any more after so many, so that the run ends. */
  most: number;
  kinds?: readonly Fault[];
}

const FAULTS: readonly Fault[] = ['delay', 'reset', 'cut', 'reply-lost', 'refuse'];

interface Pair {
  client: Socket;
  server: Socket;
}

/** Begins at `startProxy`; ends, with all its connections, when disposed of. */
export class ChaosProxy implements AsyncDisposable {
  /** Where connections go; may be changed at any time, for those to come. */
  upstream: { readonly host: string; readonly port: number };
  chaos: Chaos | undefined;
  /** What was done so far. */
  readonly faults: Record<Fault, number> = { delay: 0, reset: 0, cut: 0, 'reply-lost': 0, refuse: 0 };
  /** Bytes that went to servers. */
  sentBytes = 0;
  connections = 0;
  readonly #listener: Listener;
  readonly #pairs = new Set<Pair>();
  #port = 0;
  #held: { at: number; act: () => Promise<unknown>; settle: (done: Promise<void>) => void } | undefined;
  #gate: Promise<void> | undefined;
  #ended = false;

  constructor(upstream: { readonly host: string; readonly port: number }, chaos?: Chaos) {
    this.upstream = upstream;
    this.chaos = chaos;
    this.#listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens: at first on any port, later on the same one again. */
  listen(): Promise<void> {
    return new Promise((settle, fail) => {
      this.#listener.once('error', fail);
      this.#listener.listen(this.#port, '127.0.0.1', () => {
        this.#listener.off('error', fail);
        const address = this.#listener.address();
        if (typeof address === 'object' && address !== null) this.#port = address.port;
        settle();
      });
    });
  }

  /** Refuses new connections until `listen`, and resets all that there are. */
  refuse(): void {
    this.#listener.close();
    this.resetAll();
  }

  resetAll(): void {
    for (const pair of this.#pairs) this.#reset(pair);
  }

  /**
   * Holds all traffic once exactly so many bytes have gone to servers, in the middle of a command if need be, runs `act`
   * and lets the traffic go on.
   *
   * @returns resolves when `act` has; never when there is not so much traffic
   */
  holdAt(bytes: number, act: () => Promise<unknown>): Promise<void> {
    return new Promise((settle) => {
      this.#held = { at: bytes, act, settle };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#listener.close();
    this.resetAll();
  }

  #accept(client: Socket): void {
    if (this.#ended) {
      client.destroy();
      return;
    }
    this.connections++;
    const server = new Socket({ allowHalfOpen: true });
    server.setNoDelay(true);
    server.connect(this.upstream);
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (piece) => {
        from.pause();
        void this.#forward(pair, from, to, piece).then(() => from.resume());
      });
      from.on('end', () => void this.#afterGate().then(() => to.end()));
      from.on('error', () => this.#reset(pair));
      from.on('close', () => this.#pairs.delete(pair));
    }
  }

  async #forward(pair: Pair, from: Socket, to: Socket, piece: Buffer): Promise<void> {
    await this.#afterGate();
    const fault = this.#draw();
    if (fault !== undefined) {
      this.faults[fault]++;
      if (fault === 'delay') await sleep(this.chaos?.random.int(1, 40));
      else return this.#break(pair, fault, from, to, piece);
    }
    await this.#pass(pair, from, to, piece);
  }

  /** Writes to the other side, up to the point where traffic is to be held, and waits for room there. */
  async #pass({ client }: Pair, from: Socket, to: Socket, piece: Buffer): Promise<void> {
    let rest = piece;
    if (from === client) {
      const held = this.#held;
      if (held !== undefined && this.sentBytes + piece.length >= held.at) {
        this.#held = undefined;
        const first = Math.max(0, held.at - this.sentBytes);
        to.write(piece.subarray(0, first));
        this.sentBytes += first;
        rest = piece.subarray(first);
        const done = held.act().then(() => undefined);
        held.settle(done);
        this.#gate = done.catch(() => undefined);
      }
      await this.#afterGate();
      this.sentBytes += rest.length;
    }
    if (!to.write(rest) && !to.destroyed) {
      await new Promise<void>((settle) => {
        const goOn = () => {
          to.off('drain', goOn).off('close', goOn);
          settle();
        };
        to.on('drain', goOn).on('close', goOn);
      });
    }
  }

  async #break(pair: Pair, fault: Fault, from: Socket, to: Socket, piece: Buffer): Promise<void> {
    if (fault === 'cut') await this.#flush(to, piece.subarray(0, piece.length >> 1));
    if (fault === 'reply-lost' && from === pair.client) {
      // The server still reads and runs what it has got, and hears only then that nobody waits.
      this.#pairs.delete(pair);
      await this.#flush(to, piece);
      pair.client.resetAndDestroy();
      pair.server.resume();
      pair.server.end();
      return;
    }
    if (fault === 'refuse') {
      this.refuse();
      await sleep(this.chaos?.random.int(20, 300));
      if (!this.#ended) await this.listen();
      return;
    }
    this.#reset(pair);
  }

  #flush(to: Socket, piece: Buffer): Promise<void> {
    return new Promise((settle) => {
      if (to.destroyed) settle();
      else to.write(piece, () => settle());
    });
  }

  #draw(): Fault | undefined {
    if (this.chaos === undefined) return undefined;
    const { random, probability, most, kinds = FAULTS } = this.chaos;
    const sum = Object.values(this.faults).reduce((a, b) => a + b, 0);
    if (sum >= most || !random.chance(probability)) return undefined;
    const fault = random.pick(kinds);
    // While nobody is let in, there is no second door to close.
    return fault === 'refuse' && !this.#listener.listening ? 'reset' : fault;
  }

  async #afterGate(): Promise<void> {
    while (this.#gate !== undefined) {
      const gate = this.#gate;
      await gate;
      if (this.#gate === gate) this.#gate = undefined;
    }
  }

  #reset(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }
}

/** Starts a proxy on a free port. */
export async function startProxy(upstream: { host: string; port: number }, chaos?: Chaos): Promise<ChaosProxy> {
  const proxy = new ChaosProxy(upstream, chaos);
  await proxy.listen();
  return proxy;
}
