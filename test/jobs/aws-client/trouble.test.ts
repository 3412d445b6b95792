// Failures of the SDK, as it and the services shape them, and what the terminal calls them.
import { expect, test } from 'vitest';
import { UsageError } from '../../../lib/errors.ts';
import { asAwsTrouble } from '../../../lib/jobs/aws-client/trouble.ts';

const thrown = (name: string, message: string, more: object = {}) => Object.assign(new Error(message), { name }, more);

test.each([
  ['AWS_EXPIRED', thrown('ExpiredTokenException', 'The security token included in the request is expired')],
  [
    'AWS_EXPIRED',
    thrown('ExpiredToken', 'The security token included in the request is expired', {
      $metadata: { httpStatusCode: 403 },
    }),
  ],
  [
    'AWS_EXPIRED',
    thrown('CredentialsProviderError', 'Token is expired. To refresh this SSO session run "aws sso login".'),
  ],
  ['AWS_CREDENTIALS', thrown('CredentialsProviderError', 'Could not load credentials from any providers')],
  [
    'AWS_CREDENTIALS',
    thrown('InvalidClientTokenId', 'The security token included in the request is invalid.', {
      $metadata: { httpStatusCode: 403 },
    }),
  ],
  ['AWS_CREDENTIALS', thrown('UnrecognizedClientException', 'The security token included in the request is invalid.')],
  [
    'AWS_FORBIDDEN',
    thrown(
      'AccessDenied',
      'User: arn:aws:iam::123456789012:user/eve is not authorized to perform: cloudformation:DescribeStacks',
      { $metadata: { httpStatusCode: 403 } },
    ),
  ],
  ['AWS_FORBIDDEN', thrown('AccessDeniedException', 'not authorized to perform: states:StartExecution')],
  ['AWS_REGION', thrown('Error', 'Region is missing')],
  ['AWS_UNREACHABLE', thrown('Error', 'getaddrinfo ENOTFOUND sts.nowhere-1.amazonaws.com', { code: 'ENOTFOUND' })],
  ['AWS_UNREACHABLE', thrown('TimeoutError', 'Connection timed out')],
  ['AWS_FAILED', thrown('ValidationError', '1 validation error detected')],
])('%s', (code, cause) => {
  const error = asAwsTrouble('the stack cannot be looked up', cause);
  expect(error).toMatchObject({ code, cause, remedy: expect.stringMatching(/\.$/) });
  expect(error.message).toMatch(/^the stack cannot be looked up: .*[^.]\.$/);
});

test('what has a name already keeps it', () => {
  const error = new UsageError('AWS_TARGET', 'there is no target.');
  expect(asAwsTrouble('…', error)).toBe(error);
});
