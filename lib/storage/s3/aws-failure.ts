// What a failed call to AWS means: whether another try can help, and whether it is a matter of permission.

/** What the clients of the SDK throw, as far as it is looked at. */
export interface AwsFailure {
  readonly name: string;
  readonly message: string;
  /** Of the system, where the service was not reached. */
  readonly code: string | undefined;
  /** The HTTP status of the answer, where there was one. */
  readonly status: number | undefined;
}

export function asAwsFailure(error: unknown): AwsFailure {
  const { name = '', message = '', code, $metadata } = error as Partial<NodeJS.ErrnoException> & AwsMetadata;
  return {
    name,
    message: message === '' || message === 'UnknownError' ? name : message,
    code,
    status: $metadata?.httpStatusCode,
  };
}

interface AwsMetadata {
  $metadata?: { httpStatusCode?: number };
}

/** An answer that is not what was asked for, as a broken proxy gives it. */
export class OddAnswer extends Error {}

/** Nothing came for longer than is borne. */
export class Stalled extends Error {
  constructor(limitMs: number) {
    super(`nothing came for ${limitMs / 1000} s`);
  }
}

/** Names that services give to "later, please" with a status of 400. */
const LATER = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestTimeout',
  'SlowDown',
  'ThrottlingException',
  'Throttling',
  'TooManyRequestsException',
  'TransactionConflictException',
  'TransactionInProgressException',
]);

/** The network, by the system's codes. ENOTFOUND is left out: a name that does not exist is a mistake, not trouble. */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

const NETWORK_NAMES = new Set(['TimeoutError', 'RequestTimeout']);

/** True when the same call may work later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof Stalled || error instanceof OddAnswer) return true;
  const { name, code, status } = asAwsFailure(error);
  if (LATER.has(name)) return true;
  if (code !== undefined && NETWORK.has(code)) return true;
  if (NETWORK_NAMES.has(name)) return true;
  // An answer of success that could not be read was cut off on its way.
  return status !== undefined && (status >= 500 || status === 429 || (status >= 200 && status < 300));
}

const CREDENTIALS = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidSignatureException',
  'InvalidToken',
  'UnrecognizedClientException',
]);

/** True when the caller may not, or is not known. */
export function isForbidden(error: unknown): boolean {
  const { name, status } = asAwsFailure(error);
  // DynamoDB and KMS say it with a status of 400.
  return status === 401 || status === 403 || CREDENTIALS.has(name) || /AccessDenied/.test(name);
}

/** True when the bucket stands in another region than the client asks. */
export function isElsewhere(error: unknown): boolean {
  const { name, status } = asAwsFailure(error);
  return status === 301 || name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed';
}
