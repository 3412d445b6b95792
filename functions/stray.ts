// Reports objects that lie below no door. Called by an event for each object below restore/, load/ and decode/.
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { describeFailure } from '../lib/jobs/aws/failure.ts';
import { type Notice, quarantineStray } from '../lib/jobs/aws/stray.ts';
import { config, type FunctionConfig, openCloud, variable } from './environment.ts';
import { strayEvent } from './inputs.ts';
import { observed } from './runtime.ts';

export interface StrayConfig extends FunctionConfig {
  /** Prefixes, each with a slash at its end. */
  readonly doors: readonly string[];
}

export const handler = observed(
  'stray',
  strayEvent,
  async (object) => {
    const { doors } = config<StrayConfig>();
    return { ok: true, ignored: (await quarantineStray(openCloud(), object, doors, publish)) ?? null };
  },
  // Nobody waits for the answer: what is thrown is tried again, and ends in the queue of lost events.
  (failure) => {
    throw new Error(describeFailure(failure));
  },
);

async function publish({ subject, text }: Notice): Promise<void> {
  const sns = new SNSClient({});
  await sns.send(new PublishCommand({ TopicArn: variable('KEYFERRY_TOPIC'), Subject: subject, Message: text }));
  sns.destroy();
}
