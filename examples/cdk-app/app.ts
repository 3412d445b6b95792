// A CDK app with keyferry in it: its stack as it is, and a stack of one's own made of its constructs.
import { App, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import {
  type Config,
  KeyferryStack,
  Notices,
  ownCode,
  RestorePipeline,
  readConfig,
  SharedFunctions,
  Store,
} from 'keyferry/infra';
import { checkRules } from 'keyferry/infra/rules';

/** Doors to restore and to load, none to decode, and results that go after a year. */
class CacheStack extends Stack {
  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    const store = new Store(this, 'Store', { resultDays: 365 });
    const notices = new Notices(this, 'Notices', { email: 'ops@example.com' });
    const functions = new SharedFunctions(this, 'Shared', {
      store,
      code: ownCode,
      lost: notices.lost,
      logDays: 30,
      settings: config,
    });
    for (const [name, target] of Object.entries(config.targets)) {
      new RestorePipeline(this, `Restore-${name}`, { name, target, functions, notices });
    }
  }
}

const app = new App();
const { config } = readConfig('keyferry.toml');
new KeyferryStack(app, 'Keyferry', { config });
new CacheStack(app, 'Cache', config);
checkRules(app);
app.synth();
