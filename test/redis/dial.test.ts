// Sockets come up over TCP, TLS and unix sockets, and what keeps them from it is told by name.
import { createServer, type Server as Listener } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectionFailure, isPermanent } from '../../lib/redis/connect-errors.ts';
import { dial } from '../../lib/redis/dial.ts';
import type { Endpoint, TlsSettings } from '../../lib/redis/endpoint.ts';
import { speaksTls } from '../../lib/redis/speaks-tls.ts';
import { Certificates, lacksOpenssl, type Pair, pem, tlsConfig } from '../support/certificates.ts';
import { freePort } from '../support/server-process.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';

const login = { username: undefined, password: undefined };

/** What a server answers to a PING over this endpoint. */
function ping(endpoint: Endpoint, timeoutMs?: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const socket = dial(endpoint, () => socket.write('PING\r\n'), timeoutMs);
    socket.on('data', (data) => {
      resolve(String(data).trim());
      socket.destroy();
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => reject(failure ?? new Error('closed')));
  });
}

/** The error of the family that keeps a PING from being answered, and whether it is tried again. */
async function trouble(endpoint: Endpoint, timeoutMs?: number) {
  const cause = await ping(endpoint, timeoutMs).then(
    (answer) => {
      throw new Error(`it was answered: ${answer}`);
    },
    (error: Error) => error,
  );
  const { code, message, remedy } = connectionFailure('redis://name', cause, endpoint);
  return { code, text: `${message} ${remedy}`, permanent: isPermanent(cause) };
}

describe('without TLS', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(anyServer(), { config: { unixsocket: '"socket"', bind: '127.0.0.1 -::1' } });
  });
  afterAll(() => server.stop());

  test('over IPv4, IPv6 and a unix socket', async ({ annotate }) => {
    const { port, dir } = server;
    expect(await ping({ host: '127.0.0.1', port, ...login })).toBe('+PONG');
    expect(await ping({ host: '', port: 0, path: join(dir, 'socket'), ...login })).toBe('+PONG');
    if (server.log().includes('::1')) await annotate('this machine has no IPv6');
    else expect(await ping({ host: '::1', port, ...login })).toBe('+PONG');
  });

  test('nobody there is no trouble of TLS, and worth another try', async () => {
    const port = await freePort();
    expect(await trouble({ host: '127.0.0.1', port, ...login })).toMatchObject({
      code: 'TARGET_UNREACHABLE',
      text: expect.stringMatching(/ECONNREFUSED.*rediss:/s),
      permanent: false,
    });
    expect(await trouble({ host: '', port: 0, path: join(server.dir, 'none'), ...login })).toMatchObject({
      code: 'TARGET_UNREACHABLE',
      text: expect.stringMatching(/ENOENT.*unixsocket/s),
      permanent: false,
    });
  });

  test('TLS to a port without it is told when the handshake gets no answer', async () => {
    const endpoint = { host: '127.0.0.1', port: server.port, tls: {}, ...login };
    expect(await trouble(endpoint, 300)).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/handshake.*redis:\/\/ instead/s),
    });
    expect(await speaksTls({ ...endpoint, tls: undefined })).toBe(false);
  });

  test('TLS to a port that answers something else', async () => {
    const other = await listening((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const { port } = other.address() as { port: number };
    expect(await trouble({ host: '127.0.0.1', port, tls: {}, ...login })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/does not speak TLS/),
      permanent: true,
    });
    other.close();
  });
});

describe.skipIf(lacksOpenssl !== '')(`TLS${lacksOpenssl}`, () => {
  const certificates = new Certificates();
  const servers: Server[] = [];
  afterAll(async () => {
    for (const server of servers) await server.stop();
    certificates[Symbol.dispose]();
  });

  /** A server with this certificate; gives the endpoint without TLS. */
  async function serving(pair: Pair, clients?: Pair, config: Record<string, string> = {}): Promise<Endpoint> {
    const port = await freePort();
    servers.push(await startServer(anyServer(), { config: { ...tlsConfig(pair, port, clients), ...config } }));
    return { host: '127.0.0.1', port, ...login };
  }

  const ca = () => pem(certificates.authority().cert);
  const identity = ({ cert, key }: Pair): TlsSettings => ({ cert: pem(cert), key: pem(key) });

  test('the server is who its certificate says, by name and by address', async () => {
    const endpoint = await serving(certificates.server('by-name'));
    expect(await ping({ ...endpoint, tls: { ca: ca() } })).toBe('+PONG');
    expect(await ping({ ...endpoint, host: 'localhost', tls: { ca: Buffer.from(ca()) } })).toBe('+PONG');
    expect(await trouble({ ...endpoint, tls: {} })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/not signed by a CA that this machine trusts.*--tls-ca/s),
      permanent: true,
    });
    const stranger = pem(certificates.authority('stranger').cert);
    expect(await trouble({ ...endpoint, tls: { ca: stranger } })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/not signed by a CA that --tls-ca holds/),
      permanent: true,
    });
  });

  test('no environment turns verification off', async () => {
    const endpoint = await serving(certificates.server('unverified'));
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await trouble({ ...endpoint, tls: {} })).toMatchObject({ code: 'TARGET_TLS' });
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  test('a certificate for another name, unless that name is the one that is meant', async () => {
    const endpoint = await serving(certificates.server('other-name', { names: 'DNS:cache.example.test' }));
    expect(await trouble({ ...endpoint, tls: { ca: ca() } })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/another name: .*127\.0\.0\.1.*--tls-server-name/s),
      permanent: true,
    });
    expect(await ping({ ...endpoint, tls: { ca: ca(), serverName: 'cache.example.test' } })).toBe('+PONG');
    expect(await trouble({ ...endpoint, tls: { ca: ca(), serverName: '127.0.0.2' } })).toMatchObject({
      text: expect.stringMatching(/another name: .*127\.0\.0\.2/),
    });
  });

  test('a self-signed certificate is trusted when it is named as its own CA, and under its name only', async () => {
    const pair = certificates.selfSigned('self-signed', { names: 'DNS:localhost' });
    const endpoint = await serving(pair);
    expect(await trouble({ ...endpoint, tls: { ca: ca() } })).toMatchObject({ code: 'TARGET_TLS', permanent: true });
    expect(await ping({ ...endpoint, host: 'localhost', tls: { ca: pem(pair.cert) } })).toBe('+PONG');
    expect(await trouble({ ...endpoint, tls: { ca: pem(pair.cert) } })).toMatchObject({
      text: expect.stringMatching(/another name/),
    });
  });

  test('an expired certificate', async () => {
    const endpoint = await serving(certificates.expired());
    expect(await trouble({ ...endpoint, tls: { ca: ca() } })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/has expired/),
      permanent: true,
    });
  });

  test.each(['TLSv1.2', 'TLSv1.3'])('a client certificate over %s', async (version) => {
    const pair = certificates.server(`for-clients-${version}`);
    const endpoint = await serving(pair, certificates.authority(), { 'tls-protocols': version });
    const client = identity(certificates.client(`client-${version}`));
    expect(await ping({ ...endpoint, tls: { ca: ca(), ...client } })).toBe('+PONG');
    expect(await trouble({ ...endpoint, tls: { ca: ca() } })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/demands a client certificate.*--tls-cert FILE --tls-key FILE/s),
      permanent: true,
    });
    const strange = identity(certificates.client(`stranger-${version}`, { by: 'stranger' }));
    expect(await trouble({ ...endpoint, tls: { ca: ca(), ...strange } })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/does not accept the client certificate/),
      permanent: true,
    });
    const mixed = { cert: client.cert, key: strange.key };
    expect(await trouble({ ...endpoint, tls: { ca: ca(), ...mixed } })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/key does not belong/),
      permanent: true,
    });
    expect(await trouble({ ...endpoint, tls: { ca: ca(), cert: client.cert, key: 'no key' } })).toMatchObject({
      code: 'TARGET_TLS',
      text: expect.stringMatching(/PEM/),
      permanent: true,
    });
  });

  test('a port that speaks TLS is known for one, whoever its certificate is from and whomever it wants', async () => {
    expect(await speaksTls(await serving(certificates.server('probed')))).toBe(true);
    const demanding = await serving(certificates.server('demanding'), certificates.authority());
    expect(await speaksTls(demanding)).toBe(true);
  });
});

test('a port that hangs up is not taken for TLS', async () => {
  const other = await listening((socket) => socket.end());
  const { port } = other.address() as { port: number };
  expect(await speaksTls({ host: '127.0.0.1', port, ...login })).toBe(false);
  other.close();
});

function listening(answer: (socket: import('node:net').Socket) => void): Promise<Listener> {
  return new Promise((resolve) => {
    const listener = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    listener.listen(0, '127.0.0.1', () => resolve(listener));
  });
}
