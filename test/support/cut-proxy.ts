// A proxy that lets so many bytes of a server through to its client, and then does something about the next one.
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Cut {
  /** Bytes from the server that pass. */
  readonly after: number;
  /** Runs once when they have; the bytes behind them are never passed on. */
  readonly act: (client: Socket, server: Socket) => void;
}

/** @returns where it listens */
export async function cutProxy(
  upstream: { readonly port: number },
  cut: () => Cut,
): Promise<{ port: number; url: string }> {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(upstream.port, '127.0.0.1');
    const { after, act } = cut();
    let passed = 0;
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.on('data', (bytes) => server.write(bytes));
    client.on('close', () => server.destroy());
    server.on('close', () => {
      if (passed <= after) client.destroy();
    });
    server.on('data', (bytes) => {
      if (passed > after) return;
      client.write(bytes.subarray(0, after - passed));
      passed += bytes.length;
      if (passed > after) act(client, server);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, url: `redis://127.0.0.1:${port}` };
}
