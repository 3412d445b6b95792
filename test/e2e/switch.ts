// A port on which a server is or is not: connections are passed on while it is on, refused while it is off.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../support/server-process.ts';

export class Switch implements AsyncDisposable {
  readonly port: number;
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(port: number, to: number) {
    this.port = port;
    this.#to = to;
  }

  /** Off at first. */
  static async before(port: number): Promise<Switch> {
    return new Switch(await freePort(), port);
  }

  async on(): Promise<void> {
    this.#server = createServer((socket) => {
      const onward = connect(this.#to, '127.0.0.1');
      for (const [one, other] of [[socket, onward] as const, [onward, socket] as const]) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    await new Promise<void>((settle) => this.#server?.listen(this.port, '127.0.0.1', settle));
  }

  /** Resets what is connected, and refuses what comes. */
  async off(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server !== undefined) await new Promise((settle) => server.close(settle));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.off();
  }
}
