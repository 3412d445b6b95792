// The CDK app: the stack that keyferry.toml describes, or the file named by `-c config=PATH`. `-c stack=NAME` names the stack.
import { App } from 'aws-cdk-lib';
import { type Config, readConfig, showRemark } from '../lib/config/index.ts';
import { KeyferryError, UsageError } from '../lib/errors.ts';
import { KeyferryStack } from './keyferry-stack.ts';
import { checkRules } from './rules.ts';

try {
  const app = new App();
  const { config, warnings } = readConfig(app.node.tryGetContext('config') ?? 'keyferry.toml');
  refuseIam(config);
  for (const warning of warnings) console.error(`warning: ${showRemark(warning)}`);
  new KeyferryStack(app, app.node.tryGetContext('stack') ?? 'Keyferry', { config });
  checkRules(app);
  app.synth();
} catch (error) {
  // What is wrong with the configuration is told in its own words; a stack trace would bury it.
  if (!(error instanceof KeyferryError)) throw error;
  console.error(error.describe());
  process.exitCode = 1;
}

/** The functions can't log in that way yet, and without it they would knock without a password. */
function refuseIam({ targets }: Config): void {
  const [name] = Object.entries(targets).find(([, target]) => target.iam !== undefined) ?? [];
  if (name === undefined) return;
  throw new UsageError('CONFIG_INVALID', 'logging in by IAM is not possible in this release.', {
    where: `targets.${name}.iam`,
    remedy: 'Give the target a user with a password, and name the ARN of its secret: secret = "arn:…"',
  });
}
