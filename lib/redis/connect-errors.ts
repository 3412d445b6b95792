// What a connection's failure means: which trouble of TLS or of the network, whether trying again can help, what to do.
import { ConnectionError } from '../errors.ts';
import { HandshakeTimeout } from './dial.ts';
import type { Endpoint } from './endpoint.ts';

interface Trouble {
  readonly message: string;
  readonly remedy: string;
}

const AGAIN = 'The same command again goes on from here.';
const PLAIN = 'If that port is without TLS, write redis:// instead of rediss://; else check address and port.';

/** Troubles that stay until somebody does something, by the error's code as OpenSSL and Node name it. The first counts. */
const TLS_TROUBLES: readonly [RegExp, (cause: Error, endpoint: Endpoint) => Trouble][] = [
  [
    /^CERT_HAS_EXPIRED$/,
    () => ({
      message: "the server's certificate, or one that it is signed with, has expired.",
      remedy: `Renew it on the server, or check this machine's clock. ${AGAIN}`,
    }),
  ],
  [
    /^CERT_NOT_YET_VALID$/,
    () => ({ message: "the server's certificate is not valid yet.", remedy: "Check this machine's clock." }),
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$|^HOSTNAME_MISMATCH$/,
    ({ message }) => ({
      message: `the server's certificate is for another name: ${message}`,
      remedy: 'Use a name that stands in the certificate: in the URL, or as --tls-server-name NAME',
    }),
  ],
  [
    /SELF_SIGNED|^UNABLE_TO_|^CERT_SIGNATURE_FAILURE$|^CERT_UNTRUSTED$|^INVALID_CA$/,
    ({ message }, { tls }) => ({
      message: `the server's certificate is not signed by a CA that ${tls?.ca === undefined ? 'this machine trusts' : '--tls-ca holds'}: ${message.split(';')[0]}.`,
      remedy: 'Name the CA: --tls-ca FILE. For a self-signed certificate that is the certificate itself.',
    }),
  ],
  [
    /^(?:CERT|CRL)_|^INVALID_PURPOSE$/,
    ({ message }) => ({
      message: `the server's certificate is not valid: ${message}.`,
      remedy: 'Look at it with openssl s_client -connect HOST:PORT -showcerts',
    }),
  ],
  [
    /ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|NO_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED|DECRYPT_ERROR)/,
    (cause, { tls }) =>
      tls?.cert === undefined
        ? {
            message: `the server demands a client certificate (${codeOf(cause)}).`,
            remedy: 'Give one, with its key: --tls-cert FILE --tls-key FILE',
          }
        : {
            message: `the server does not accept the client certificate (${codeOf(cause)}).`,
            remedy: 'Has --tls-cert expired, and is it signed by the CA that the server trusts (tls-ca-cert-file)?',
          },
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS/,
    (cause) => ({
      message: `the server speaks no version of TLS from 1.2 on (${codeOf(cause)}).`,
      remedy: 'Let the server offer TLS 1.2 or 1.3 (tls-protocols).',
    }),
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE/,
    () => ({ message: 'what answers there does not speak TLS.', remedy: PLAIN }),
  ],
  [
    /KEY_VALUES_MISMATCH/,
    () => ({
      message: 'the key does not belong to the client certificate.',
      remedy: 'Give the two that were made together: --tls-cert FILE --tls-key FILE',
    }),
  ],
  [
    /^ERR_OSSL_|^ERR_CRYPTO_|^ERR_INVALID_ARG/,
    (cause) => ({
      message: `CA, certificate or key cannot be used (${codeOf(cause)}).`,
      remedy: 'All are PEM, and the key is without a pass phrase: openssl pkey -in KEY takes it away.',
    }),
  ],
];

/**
 * The error that a connection's end becomes: `TARGET_TLS` for what has to do with TLS, else `TARGET_UNREACHABLE`.
 *
 * @param name  the server as people may see it
 * @param cause the socket's error; `undefined` when it was closed without one
 */
export function connectionFailure(name: string, cause: Error | undefined, endpoint: Endpoint): ConnectionError {
  const trouble = tlsTrouble(cause, endpoint);
  if (trouble !== undefined) {
    return new ConnectionError('TARGET_TLS', trouble.message, { where: name, remedy: trouble.remedy, cause });
  }
  const why = cause === undefined ? 'it closes the connection' : codeOf(cause) || cause.message;
  return new ConnectionError('TARGET_UNREACHABLE', `the server cannot be reached: ${why}.`, {
    where: name,
    remedy: `${whereToLook(endpoint)} ${AGAIN}`,
    cause,
  });
}

/** True when the same connection would fail in the same way again, until somebody changes something. */
export function isPermanent(cause: Error | undefined): boolean {
  return cause !== undefined && TLS_TROUBLES.some(([pattern]) => pattern.test(codeOf(cause)));
}

/** The error for a port that speaks TLS and was spoken to without. */
export function tlsExpected(name: string, cause: Error | undefined): ConnectionError {
  return new ConnectionError('TARGET_TLS', 'this port speaks TLS only.', {
    where: name,
    remedy: 'Write rediss:// (or rediss-sentinel://) instead of redis://; --tls-ca FILE names a CA of your own.',
    cause,
  });
}

function tlsTrouble(cause: Error | undefined, endpoint: Endpoint): Trouble | undefined {
  if (cause instanceof HandshakeTimeout) {
    return { message: `the port is open, but there is ${cause.message}.`, remedy: PLAIN };
  }
  if (cause === undefined || endpoint.tls === undefined) return undefined;
  const code = codeOf(cause);
  const known = TLS_TROUBLES.find(([pattern]) => pattern.test(code))?.[1](cause, endpoint);
  if (known !== undefined || !/^ERR_(?:SSL|TLS)_/.test(code)) return known;
  return { message: `TLS has failed (${code}).`, remedy: AGAIN };
}

function whereToLook({ path, tls }: Endpoint): string {
  if (path !== undefined) return 'Check the path of the socket (unixsocket) and who may use it (unixsocketperm).';
  if (tls === undefined) return 'Check address, port and network; a port that speaks TLS wants rediss://.';
  const certificate =
    tls.cert === undefined ? '; the server may ask for a client certificate (--tls-cert, --tls-key)' : '';
  return `Check address, port and network${certificate}.`;
}

function codeOf({ code, message }: NodeJS.ErrnoException): string {
  // What OpenSSL says while Node writes comes under the system's code, and only its text tells.
  const reason = code === 'EPROTO' ? /SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] : undefined;
  return reason === undefined ? (code ?? '') : `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}
