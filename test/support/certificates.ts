// Certificates for tests, made by the openssl of this machine: a CA and what it has signed, all thrown away afterwards.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Paths of a certificate and its key, both PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Empty when this machine has openssl; else a note for the title of a test that is skipped. */
export const lacksOpenssl: string =
  spawnSync('openssl', ['version']).status === 0 ? '' : ' [skipped: this machine lacks openssl]';

/** The names in a server's certificate: loopback by name and by both addresses. */
const LOOPBACK = 'DNS:localhost,IP:127.0.0.1,IP:::1';

export class Certificates implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'keyferry-certificates-'));
  readonly #authorities = new Map<string, Pair>();

  /** A CA of that name; the same one for the same name. */
  authority(name = 'ca'): Pair {
    const known = this.#authorities.get(name);
    if (known !== undefined) return known;
    const pair = this.selfSigned(name, { subject: `/CN=keyferry test ${name}` });
    this.#authorities.set(name, pair);
    return pair;
  }

  /** A certificate that is signed with its own key. */
  selfSigned(name: string, { subject = '/CN=localhost', names = '' } = {}): Pair {
    const pair = this.#pair(name);
    const extension = names === '' ? [] : ['-addext', `subjectAltName=${names}`];
    openssl('req', '-x509', ...newKey(pair), '-subj', subject, '-days', '1', ...extension, '-out', pair.cert);
    return pair;
  }

  /** A server's certificate for this machine; `names` as openssl writes them: `DNS:example.test`. */
  server(name = 'server', { names = LOOPBACK, by = 'ca', from = '', until = '' } = {}): Pair {
    return this.#signed(name, `subjectAltName=${names}`, by, from, until);
  }

  /** A server's certificate that was good for a day, years ago. */
  expired(name = 'expired'): Pair {
    return this.server(name, { from: '20200101000000Z', until: '20200102000000Z' });
  }

  client(name = 'client', { by = 'ca' } = {}): Pair {
    return this.#signed(name, 'extendedKeyUsage=clientAuth', by);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #pair(name: string): Pair {
    return { cert: join(this.folder, `${name}.pem`), key: join(this.folder, `${name}.key`) };
  }

  /** `openssl ca`, because `openssl x509` sets no past dates before 3.4. */
  #signed(name: string, extension: string, by: string, from = '', until = ''): Pair {
    const authority = this.authority(by);
    const pair = this.#pair(name);
    const desk = join(this.folder, `${name}.desk`);
    mkdirSync(desk);
    writeFileSync(join(desk, 'index'), '');
    const config = [
      '[ca]',
      'default_ca = desk',
      '[desk]',
      `new_certs_dir = ${desk}`,
      `database = ${join(desk, 'index')}`,
      'rand_serial = yes',
      'default_md = sha256',
      'policy = any',
      'x509_extensions = extensions',
      '[any]',
      'commonName = supplied',
      '[extensions]',
      extension,
    ];
    writeFileSync(join(desk, 'config'), `${config.join('\n')}\n`);
    const request = join(desk, 'request');
    openssl('req', ...newKey(pair), '-subj', `/CN=${name}`, '-out', request);
    const dates = from === '' ? ['-days', '1'] : ['-startdate', from, '-enddate', until];
    const files = ['-cert', authority.cert, '-keyfile', authority.key, '-in', request, '-out', pair.cert];
    openssl('ca', '-batch', '-notext', '-config', join(desk, 'config'), ...dates, ...files);
    return pair;
  }
}

/** Lines of a server's configuration for TLS with this certificate; it asks clients for one of `clients`' CA. */
export function tlsConfig(pair: Pair, port: number, clients?: Pair): Record<string, string> {
  return {
    'tls-port': String(port),
    'tls-cert-file': pair.cert,
    'tls-key-file': pair.key,
    'tls-ca-cert-file': (clients ?? pair).cert,
    'tls-auth-clients': clients === undefined ? 'no' : 'yes',
  };
}

/** What is in a file of {@link Pair}. */
export const pem = (path: string): string => readFileSync(path, 'utf8');

const newKey = ({ key }: Pair) => [
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:prime256v1',
  '-nodes',
  '-keyout',
  key,
];

function openssl(...words: string[]): void {
  const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${words.join(' ')} ended with ${status}:\n${stderr}`);
}
