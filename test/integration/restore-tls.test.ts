// A restore over every way to reach a server, and what keeps it from being reached told by name, before the first write.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreReport } from '../../lib/jobs/report.ts';
import { restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl, type TlsSettings } from '../../lib/redis/endpoint.ts';
import { blocks, read, section } from '../docs/documents.ts';
import { Certificates, lacksOpenssl, type Pair, pem, tlsConfig } from '../support/certificates.ts';
import { differences, filledFile, nativeState, type State, stateOf, WorkFolder, wipe } from '../support/restore-run.ts';
import { freePort } from '../support/server-process.ts';
import { anyServer, featuresOf, type Server, startServer } from '../support/servers.ts';

const name = anyServer();
const work = new WorkFolder();
let file = '';
let native: State;

beforeAll(async () => {
  file = await filledFile(work.file('all.rdb'), name, { seed: 12, scale: 0.5 });
  native = await nativeState(name, file);
});
afterAll(() => work[Symbol.dispose]());

/** Restores the file into whatever the URL names. */
function restoreTo(url: string, tls?: TlsSettings): Promise<RestoreReport> {
  return restore({
    files: [file],
    target: parseRedisUrl(url, { tls }),
    workDir: work.folder(),
    chunkBytes: 16 * 1024,
    patienceMs: 30_000,
  });
}

async function expectWhole(report: RestoreReport, server: Server): Promise<void> {
  expect(report.error?.describe()).toBeUndefined();
  expect(report.outcome).toBe('complete');
  expect(differences(native, await stateOf(server))).toEqual([]);
}

/** The restore ends with that error, at once and without a key written. */
async function expectRefusal(server: Server, restoring: Promise<RestoreReport>, text: RegExp): Promise<void> {
  const started = performance.now();
  const report = await restoring;
  expect(report.error?.describe()).toMatch(text);
  expect(report.error?.code).toBe('TARGET_TLS');
  expect(report.outcome).toBe('stopped');
  expect(performance.now() - started, 'ms: no use in trying for 30 s').toBeLessThan(15_000);
  expect(await server.call('DBSIZE')).toBe(0);
}

test('over a unix socket and IPv6', async ({ annotate }) => {
  await using server = await startServer(name, { config: { bind: '127.0.0.1 -::1', unixsocket: 'socket' } });
  const report = await restoreTo(`unix://${join(server.dir, 'socket')}`);
  expect(report.target).toBe(`unix://${join(server.dir, 'socket')}`);
  await expectWhole(report, server);
  await wipe(server);
  if (server.log().includes('::1')) await annotate('this machine has no IPv6');
  else await expectWhole(await restoreTo(`redis://[::1]:${server.port}`), server);
});

describe.skipIf(lacksOpenssl !== '')(`TLS${lacksOpenssl}`, () => {
  const certificates = new Certificates();
  afterAll(() => certificates[Symbol.dispose]());
  const ca = () => pem(certificates.authority().cert);
  const identity = ({ cert, key }: Pair): TlsSettings => ({ ca: ca(), cert: pem(cert), key: pem(key) });

  /** A server with this certificate at a second port. */
  async function serving(pair: Pair, clients?: Pair): Promise<{ server: Server; url: string; port: number }> {
    const port = await freePort();
    const server = await startServer(name, { config: tlsConfig(pair, port, clients) });
    return { server, port, url: `rediss://127.0.0.1:${port}` };
  }

  test('with a client certificate, and a user with exactly the documented commands', async () => {
    const { server, port, url } = await serving(certificates.server(), certificates.authority());
    await using _ = server;
    const client = identity(certificates.client());
    const lines = blocks(section(read('README.md'), '## What the target user needs'));
    const line = lines[featuresOf(name).seven ? 0 : 1]?.text ?? '';
    const [, , user = '', ...rules] = line.trim().split(/\s+/);
    await server.call('ACL', 'SETUSER', user, ...rules.map((rule) => (rule.startsWith('>') ? '>pass-phrase' : rule)));
    await server.call('ACL', 'LOG', 'RESET');
    const report = await restoreTo(`rediss://${user}:pass-phrase@127.0.0.1:${port}`, client);
    await expectWhole(report, server);
    expect(report.target).toBe(`rediss://${user}@127.0.0.1:${port}`);
    expect(JSON.stringify(report)).not.toMatch(/pass-phrase|PRIVATE KEY/);
    expect(await server.call('ACL', 'LOG')).toEqual([]);
    await wipe(server);

    await expectRefusal(server, restoreTo(url, { ca: ca() }), /demands a client certificate.*--tls-cert FILE/s);
    const stranger = identity(certificates.client('stranger', { by: 'strange-ca' }));
    await expectRefusal(server, restoreTo(url, stranger), /does not accept the client certificate/);
    await expectRefusal(
      server,
      restoreTo(url, { ...client, key: pem(certificates.server('b').key) }),
      /does not belong/,
    );
  });

  test('not to a server whose certificate is of another CA or for another name', async () => {
    const { server, url } = await serving(certificates.server('named', { names: 'DNS:cache.example.test' }));
    await using _ = server;
    const other = pem(certificates.authority('other').cert);
    await expectRefusal(server, restoreTo(url), /this machine trusts.*--tls-ca FILE/s);
    await expectRefusal(server, restoreTo(url, { ca: other }), /--tls-ca holds/);
    await expectRefusal(server, restoreTo(url, { ca: ca() }), /another name.*--tls-server-name/s);
    await expectWhole(await restoreTo(url, { ca: ca(), serverName: 'cache.example.test' }), server);
  });

  test('not to a server whose certificate has expired', async () => {
    const { server, url } = await serving(certificates.expired());
    await using _ = server;
    await expectRefusal(server, restoreTo(url, { ca: ca() }), /has expired/);
  });

  test('to a self-signed server with its own certificate as the CA', async () => {
    const pair = certificates.selfSigned('self-signed', { names: 'IP:127.0.0.1' });
    const { server, url } = await serving(pair);
    await using _ = server;
    await expectRefusal(server, restoreTo(url), /--tls-ca FILE. For a self-signed certificate/);
    await expectWhole(await restoreTo(url, { ca: pem(pair.cert) }), server);
  });

  test('without TLS to a port that has it, and the other way round', async () => {
    const { server, port } = await serving(certificates.server('both'));
    await using _ = server;
    await expectRefusal(server, restoreTo(`redis://127.0.0.1:${port}`), /speaks TLS only.*rediss:/s);
    await expectRefusal(server, restoreTo(`rediss://127.0.0.1:${server.port}`, { ca: ca() }), /handshake.*redis:/s);
  });

  test('a certificate that expires in the middle stops the job at once; a new one lets it go on', async () => {
    const { server, port, url } = await serving(certificates.server('changing'));
    await using _ = server;
    const workDir = work.folder();
    const given = { files: [file], workDir, chunkBytes: 16 * 1024, patienceMs: 30_000, concurrency: 1, connections: 1 };
    const target = parseRedisUrl(url, { tls: { ca: ca() } });
    const bad = certificates.expired('expired-meanwhile');
    const good = certificates.server('renewed');
    const use = (pair: Pair) => server.call('CONFIG', 'SET', 'tls-cert-file', pair.cert, 'tls-key-file', pair.key);
    const stopping = restore({ ...given, target, rate: { keysPerSecond: 2000 } });
    while (Number(await server.call('DBSIZE')) < 100) await new Promise((settle) => setTimeout(settle, 5));
    await use(bad);
    await server.call('CLIENT', 'KILL', 'LADDR', `127.0.0.1:${port}`);
    const stopped = await stopping;
    expect(stopped.error?.describe()).toMatch(/^TARGET_TLS .*has expired/s);
    await use(good);
    const report = await restore({ ...given, target });
    expect(report.resumed).toBe(true);
    await expectWhole(report, server);
  });
});
