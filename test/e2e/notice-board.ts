// Hears what a topic tells, as a subscriber by HTTP: notices in the order in which they came.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfirmSubscriptionCommand, type SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';

export interface Notice {
  readonly subject: string;
  readonly text: string;
}

export interface NoticeBoard extends AsyncDisposable {
  readonly notices: Notice[];
}

interface Envelope {
  readonly Type: string;
  readonly Token?: string;
  readonly Subject?: string;
  readonly Message?: string;
}

/** Subscribes to a topic and waits until that is confirmed. */
export async function hear(sns: SNSClient, TopicArn: string): Promise<NoticeBoard> {
  const notices: Notice[] = [];
  let confirm: (token: string) => void = () => {};
  const token = new Promise<string>((settle) => {
    confirm = settle;
  });
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => (body += data));
    request.on('end', () => {
      response.end();
      const { Type, Token = '', Subject = '', Message = '' } = JSON.parse(body) as Envelope;
      if (Type === 'Notification') notices.push({ subject: Subject, text: Message });
      else confirm(Token);
    });
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const Endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'http', Endpoint }));
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: await token }));
  return {
    notices,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((settle) => server.close(settle));
    },
  };
}
