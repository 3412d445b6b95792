// Opens a socket to a server, plain, TLS or unix: the one place that knows how its bytes travel.
import { connect, isIP, type OnReadOpts, Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { Endpoint, TlsSettings } from './endpoint.ts';

/** How long a connection, handshake included, may take to come up, in ms. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** The port is open, and what listens there leaves a TLS handshake without an answer. */
export class HandshakeTimeout extends Error {}

/**
 * Begins to connect. `onReady` is called when bytes can be written, with TLS when the server has proved who it is: nothing
 * may be written before. What goes wrong comes as the socket's `error` and `close`.
 *
 * @param onread where the bytes go, for somebody who reads very many: then there are no `data` events
 */
export function dial(
  endpoint: Endpoint,
  onReady: () => void,
  timeoutMs = CONNECT_TIMEOUT_MS,
  onread?: OnReadOpts,
): Socket {
  const { host, port, path, tls } = endpoint;
  const address = path === undefined ? { host, port } : { path };
  const reading = onread === undefined ? {} : { onread };
  const socket = tls === undefined ? connect({ ...address, ...reading }) : secure(endpoint, tls, reading);
  if (path === undefined) socket.setNoDelay(true).setKeepAlive(true);
  const timer = setTimeout(() => socket.destroy(late(socket, timeoutMs)), timeoutMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
    clearTimeout(timer);
    onReady();
  });
  return socket;
}

/** A socket of TLS. The server's certificate is always verified; no option and no environment turns that off. */
function secure({ host, port }: Endpoint, tls: TlsSettings, reading: { onread?: OnReadOpts }): Socket {
  const name = tls.serverName ?? host;
  try {
    return connectTls({
      host,
      port,
      ...reading,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      // RFC 6066 has no SNI for addresses.
      ...(isIP(name) ? {} : { servername: name }),
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    });
  } catch (error) {
    // A key that does not fit, or is none: told like every other failure.
    const socket = new Socket();
    setImmediate(() => socket.destroy(error as Error));
    return socket;
  }
}

function late(socket: Socket, timeoutMs: number): Error {
  const seconds = `${timeoutMs / 1000} s`;
  if (!socket.connecting) return new HandshakeTimeout(`no answer to the TLS handshake for ${seconds}`);
  return Object.assign(new Error(`no connection for ${seconds}`), { code: 'ETIMEDOUT' });
}
