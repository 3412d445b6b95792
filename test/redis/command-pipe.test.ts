// A pipe gives each caller the answers to its own commands, and says what kind of end it came to.
import { createServer, type Server as Listener, type Socket } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { TargetError } from '../../lib/errors.ts';
import { CommandPipe, type CommandPipeOptions, PipeBroken } from '../../lib/redis/command-pipe.ts';
import { ErrorReply } from '../../lib/resp/reply-reader.ts';
import { Random } from '../support/random.ts';
import { anyServer, startServer, withServer } from '../support/servers.ts';

const server = await startServer(anyServer());
afterAll(() => server.stop());
const open = (options: Partial<CommandPipeOptions> & { port?: number; password?: string; username?: string } = {}) =>
  CommandPipe.open({
    endpoint: {
      host: '127.0.0.1',
      port: options.port ?? server.port,
      username: options.username,
      password: options.password,
    },
    db: 0,
    replyTimeoutMs: 5000,
    signal: new AbortController().signal,
    ...options,
  });

describe('a pipe', () => {
  test('gives each of several callers its own answers, errors among them, and binary arguments as they are', async () => {
    const pipe = await open({ db: 3 });
    const small = Buffer.from([0, 13, 10, 255]);
    const large = new Random(1).bytes(200_000);
    const first = pipe.send([
      ['SET', 'a', small],
      ['GET', 'a'],
      ['LPUSH', 'a', 'x'],
    ]);
    const second = pipe.send([
      ['RPUSH', 'l', large, 'after', large],
      ['LRANGE', 'l', '0', '-1'],
    ]);
    const [set, get, wrong] = await first;
    expect([set, get]).toEqual([Buffer.from('OK'), small]);
    expect(wrong).toBeInstanceOf(ErrorReply);
    expect(await second).toEqual([3n, [large, Buffer.from('after'), large]]);
    expect(await pipe.send([])).toEqual([]);
    pipe.end();
    expect(await server.connect({ db: 3 }).exists('a', 'l')).toBe(2);
  });

  test('logs in, and tells a wrong password from a server that is away', async () => {
    await withServer(anyServer(), { config: { requirepass: 'secret' } }, async ({ port }) => {
      const pipe = await open({ port, password: 'secret' });
      expect(await pipe.send([['PING']])).toEqual([Buffer.from('PONG')]);
      pipe.end();
      await expect(open({ port, password: 'no' })).rejects.toMatchObject({ code: 'TARGET_AUTH' });
      await expect(open({ port })).rejects.toMatchObject({ code: 'TARGET_AUTH' });
    });
    await withListener(
      () => {},
      async (port, listener) => {
        listener.close();
        await expect(open({ port })).rejects.toBeInstanceOf(PipeBroken);
      },
    );
  });

  test('waits for a server that is loading or full only by another try', async () => {
    const says = (text: string) => (socket: Socket) => void socket.once('data', () => socket.write(text));
    await withListener(says('-LOADING Redis is loading the dataset in memory\r\n'), async (port) => {
      await expect(open({ port })).rejects.toBeInstanceOf(PipeBroken);
    });
    await withListener(says('HTTP/1.1 400 Bad Request\r\n\r\n'), async (port) => {
      await expect(open({ port })).rejects.toBeInstanceOf(TargetError);
    });
  });

  test('rejects what is owed an answer when the connection breaks, and everything after', async () => {
    const pipe = await open();
    const id = String((await pipe.send([['CLIENT', 'ID']]))[0]);
    const waiting = pipe.send([['BLPOP', 'nothing', '0']]);
    waiting.catch(() => undefined);
    await server.call('CLIENT', 'KILL', 'ID', id);
    await expect(waiting).rejects.toBeInstanceOf(PipeBroken);
    await expect(pipe.send([['PING']])).rejects.toBeInstanceOf(PipeBroken);
    await pipe.leave([['PING']], 1000);
  });

  test('takes a server that is silent for dead, but not one that is owed nothing', async () => {
    const pipe = await open({ replyTimeoutMs: 200 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await pipe.send([['PING']])).toEqual([Buffer.from('PONG')]);
    await expect(pipe.send([['BLPOP', 'nothing', '0']])).rejects.toThrow('no answer for 1 s');
  });

  test('stops at once when told to, and can still say a last word', async () => {
    const abort = new AbortController();
    const pipe = await open({ signal: abort.signal });
    await pipe.send([['SET', 'left', 'x']]);
    const waiting = pipe.send([['BLPOP', 'nothing', '0.2']]);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(pipe.send([['PING']])).rejects.toThrow('enough');
    await pipe.leave([['DEL', 'left']], 2000);
    expect(await server.client.exists('left')).toBe(0);
    await expect(open({ signal: abort.signal })).rejects.toThrow('enough');
  });
});

async function withListener(
  serve: (socket: Socket) => void,
  use: (port: number, listener: Listener) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  try {
    await use(typeof address === 'object' && address !== null ? address.port : 0, listener);
  } finally {
    for (const socket of sockets) socket.destroy();
    listener.close();
  }
}
