// From files to the settings of TLS: what they hold is looked at here, so that a wrong one is told by its name.
import { readFileSync } from 'node:fs';
import { UsageError } from '../lib/errors.ts';
import type { TlsSettings } from '../lib/redis/endpoint.ts';

export interface TlsFlags {
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
  tlsServerName?: string;
}

/**
 * @returns `undefined` where no option of TLS is given
 * @throws {UsageError} `OPTIONS_CONFLICT` for a certificate without a key, or a key without one; `TLS_FILE`
 */
export function tlsSettings({ tlsCa, tlsCert, tlsKey, tlsServerName }: TlsFlags): TlsSettings | undefined {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError('OPTIONS_CONFLICT', '--tls-cert and --tls-key go together.', {
      remedy: 'Give both; they can be the same file.',
    });
  }
  if ([tlsCa, tlsCert, tlsServerName].every((flag) => flag === undefined)) return undefined;
  return {
    ca: read('--tls-ca', tlsCa, 'CERTIFICATE'),
    cert: read('--tls-cert', tlsCert, 'CERTIFICATE'),
    key: read('--tls-key', tlsKey, 'PRIVATE KEY'),
    serverName: tlsServerName,
  };
}

/** A file in PEM with something of that kind in it. */
function read(option: string, path: string | undefined, kind: string): Buffer | undefined {
  if (path === undefined) return undefined;
  const wrong = (message: string, remedy: string, cause?: unknown) =>
    new UsageError('TLS_FILE', message, { where: `${option} ${path}`, remedy, cause });
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw wrong(`the file cannot be read: ${code ?? message}.`, 'Check its path and permissions.', error);
  }
  // `RSA PRIVATE KEY`, `TRUSTED CERTIFICATE` and others of the kind.
  if (new RegExp(`-----BEGIN (?:[A-Z0-9]+ )*${kind}-----`).test(content.toString('latin1'))) return content;
  throw wrong(
    `there is no ${kind.toLowerCase()} in PEM in it.`,
    'PEM has a line -----BEGIN …-----; openssl x509 or openssl pkey with -inform DER makes it of DER.',
  );
}
