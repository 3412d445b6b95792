// The app with stand-ins for its functions, which do as the name of the object says: what the machine makes of it is seen.
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import { codeFrom } from '../../../infra/function-code.ts';
import { KeyferryStack } from '../../../infra/keyferry-stack.ts';
import { readConfig } from '../../../lib/config/index.ts';

const app = new App();
const { config } = readConfig(app.node.tryGetContext('config') as string);
new KeyferryStack(app, 'Keyferry', { config, code: codeFrom(fileURLToPath(new URL('.', import.meta.url))) });
app.synth();
