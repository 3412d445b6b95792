// A master that says what a test has written down for it, and remembers what its replica has said.
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Endpoint } from '../../lib/redis/endpoint.ts';

export interface FakeMaster {
  readonly endpoint: Endpoint;
  /** Every command of every connection, its words joined by spaces; a newline of its own is `\n`. */
  readonly heard: string[];
  readonly connections: () => number;
}

/** What is sent; a number is a pause in ms. `close` ends the connection. */
export type Said = Buffer | string | number | { close: true };

export interface FakeOptions {
  /** By the first word of a command; what is not here is answered +OK. A list is said one after the other. */
  readonly answers?:
    | Readonly<Record<string, string | readonly Said[] | ((connection: number) => readonly Said[])>>
    | undefined;
  /** At most so many bytes at a time. */
  readonly pieceBytes?: number;
  /** Listens at a unix socket of this path. */
  readonly path?: string;
}

export async function fakeMaster({ answers = {}, pieceBytes, path }: FakeOptions): Promise<FakeMaster> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    const number = ++connections;
    sockets.add(socket);
    let pending = '';
    let saying: Promise<void> = Promise.resolve();
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      pending += bytes.toString('latin1');
      for (let [command, rest] = nextCommand(pending); command !== undefined; [command, rest] = nextCommand(pending)) {
        pending = rest;
        heard.push(command.join(' '));
        const [name = ''] = command;
        if (name === '\n' || (name === 'REPLCONF' && command[1] === 'ACK')) continue;
        const answer = answers[name] ?? '+OK\r\n';
        const said = typeof answer === 'function' ? answer(number) : typeof answer === 'string' ? [answer] : answer;
        saying = saying.then(() => say(socket, said, pieceBytes));
      }
    });
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: { host: '127.0.0.1', port, path, username: undefined, password: undefined },
    heard,
    connections: () => connections,
  };
}

async function say(socket: Socket, said: readonly Said[], pieceBytes = Number.POSITIVE_INFINITY): Promise<void> {
  for (const each of said) {
    if (typeof each === 'number') await sleep(each);
    else if (typeof each === 'object' && 'close' in each) socket.end();
    else {
      const bytes = typeof each === 'string' ? Buffer.from(each, 'latin1') : each;
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        socket.write(bytes.subarray(at, at + pieceBytes));
        if (pieceBytes < bytes.length) await new Promise(setImmediate);
      }
    }
  }
}

/** The first whole command of RESP, or a newline, and what is left. */
function nextCommand(text: string): [string[] | undefined, string] {
  if (text.startsWith('\n')) return [['\n'], text.slice(1)];
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return [undefined, text];
  let at = head[0].length;
  const words: string[] = [];
  for (let left = Number(head[1]); left > 0; left--) {
    const bulk = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (bulk === null) return [undefined, text];
    const start = at + bulk[0].length;
    const end = start + Number(bulk[1]);
    if (text.length < end + 2) return [undefined, text];
    words.push(text.slice(start, end));
    at = end + 2;
  }
  return [words, text.slice(at)];
}
