// The CDK app: the stack that keyferry.toml describes, or the file named by `-c config=PATH`. `-c stack=NAME` names the stack.
import { App } from 'aws-cdk-lib';
import { readConfig, showRemark } from '../lib/config/index.ts';
import { KeyferryError } from '../lib/errors.ts';
import { KeyferryStack } from './keyferry-stack.ts';
import { checkRules } from './rules.ts';

try {
  const app = new App();
  const { config, warnings } = readConfig(app.node.tryGetContext('config') ?? 'keyferry.toml');
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
