// Tells whether a port that turns plain connections away speaks TLS, so that the error can say so.
import { dial } from './dial.ts';
import type { Endpoint } from './endpoint.ts';

/** How long the port may take to answer, in ms. */
const PATIENCE_MS = 2000;

/**
 * Begins a TLS handshake and ends it; no word of ours is sent. Any certificate proves TLS, and so does a refusal of ours.
 */
export function speaksTls({ host, port, path, tls }: Endpoint): Promise<boolean> {
  if (tls !== undefined || path !== undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    const endpoint = { host, port, tls: {}, username: undefined, password: undefined };
    const socket = dial(endpoint, () => settle(true), PATIENCE_MS);
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => settle(/CERT|UNABLE_TO_|ALERT/.test(code)));
    socket.on('close', () => settle(false));
  });
}
