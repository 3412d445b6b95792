// What stands in the way between a person's terminal and AWS, by name, and what to do about it.
import { KeyferryError, LocalError, UsageError } from '../../errors.ts';
import { asAwsFailure, isForbidden, isTransient } from '../../storage/s3/aws-failure.ts';

const EXPIRED = /^(?:ExpiredToken(?:Exception)?|RequestExpired|TokenRefreshRequired)$/;
const UNKNOWN_KEY =
  /^(?:InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|AuthFailure|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature|InvalidToken)$/;
const NO_REGION = /^region (?:is missing|not accepted)/i;
const LOG_IN =
  'Log in (aws sso login), or name a profile that has some (--profile, AWS_PROFILE), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';

/**
 * @param what was to be done, as in "the stack cannot be looked up"
 * @returns `AWS_REGION`, `AWS_CREDENTIALS`, `AWS_EXPIRED`, `AWS_FORBIDDEN`, `AWS_UNREACHABLE`, else `AWS_FAILED`
 */
export function asAwsTrouble(what: string, cause: unknown): KeyferryError {
  if (cause instanceof KeyferryError) return cause;
  const { name, message, code } = asAwsFailure(cause);
  const usage = (errorCode: string, text: string, remedy: string) => new UsageError(errorCode, text, { remedy, cause });
  if (NO_REGION.test(message)) {
    return usage(
      'AWS_REGION',
      `${what}: no region is set, or none that could be one.`,
      'Give --region, or set AWS_REGION or the profile’s region.',
    );
  }
  if (EXPIRED.test(name) || /expired/i.test(message)) {
    return usage('AWS_EXPIRED', `${what}: the login has expired: ${sentence(message)}`, `${LOG_IN} Then run it again.`);
  }
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return usage('AWS_CREDENTIALS', `${what}: there are no credentials: ${sentence(message)}`, LOG_IN);
  }
  if (UNKNOWN_KEY.test(name)) {
    return usage('AWS_CREDENTIALS', `${what}: AWS does not accept the credentials: ${sentence(message)}`, LOG_IN);
  }
  if (isForbidden(cause)) {
    const remedy =
      'Ask for that permission, or use another profile (--profile). docs/aws.md lists what the terminal needs.';
    return usage('AWS_FORBIDDEN', `${what}: this is not allowed: ${sentence(message)}`, remedy);
  }
  if (isTransient(cause) || code === 'ENOTFOUND') {
    return new LocalError('AWS_UNREACHABLE', `${what}: AWS does not answer: ${sentence(message)}`, {
      remedy: 'Check the network, and the region’s name. Then run it again.',
      cause,
    });
  }
  return usage('AWS_FAILED', `${what}: ${sentence(message)}`, 'Read what AWS says; then run it again.');
}

/** The first line of what was said, with its full stop. */
const sentence = (message: string): string => `${(message.split('\n')[0] ?? '').trim().replace(/\.$/, '')}.`;
