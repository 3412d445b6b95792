// Opens a socket to a server: the one place that knows how its bytes travel.
import { connect, type Socket } from 'node:net';
import type { Endpoint } from './endpoint.ts';

/**
 * Begins to connect. `onReady` is called when bytes can be written; what goes wrong comes as the socket's `error` and
 * `close`.
 */
export function dial({ host, port }: Endpoint, onReady: () => void): Socket {
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  socket.on('connect', onReady);
  return socket;
}
