// What a function needs to log in to a server: its secrets, or the right to connect as an IAM user.
import { ArnFormat, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { TargetSettings } from '../lib/config/index.ts';
import { allow } from './permissions.ts';

/** What of a target, or of a source, says how to log in. */
type Server = Pick<TargetSettings, 'secret' | 'tls' | 'iam'>;

export function allowLogin(role: iam.IRole, server: Server): void {
  const secrets = secretsOf(server);
  if (secrets.length > 0) allow(role, ['secretsmanager:GetSecretValue'], secrets);
  if (server.iam !== undefined) allow(role, [`${server.iam.service}:Connect`], connectArns(role, server.iam));
}

function secretsOf({ secret, tls }: Server): string[] {
  const ca = tls?.ca !== undefined && 'secret' in tls.ca ? tls.ca.secret : undefined;
  return [secret, ca, tls?.clientCertSecret].filter((arn) => arn !== undefined);
}

/** A cache and the user to connect as: IAM asks for both. */
function connectArns(scope: iam.IRole, { service, user, cache, serverless }: NonNullable<Server['iam']>): string[] {
  const kind = service === 'memorydb' ? 'cluster' : serverless ? 'serverlesscache' : 'replicationgroup';
  const arnFormat = service === 'memorydb' ? ArnFormat.SLASH_RESOURCE_NAME : ArnFormat.COLON_RESOURCE_NAME;
  const arn = (resource: string, resourceName: string) =>
    Stack.of(scope).formatArn({ service, resource, resourceName, arnFormat });
  return [arn(kind, cache), arn('user', user)];
}
