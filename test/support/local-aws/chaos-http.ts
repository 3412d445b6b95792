// An HTTP proxy before the local AWS that does what networks and busy services do: it resets, stalls, cuts and refuses.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../random.ts';

/** What may happen to a request. */
export type HttpFault =
  /** 503 SlowDown, or for DynamoDB a throttling error; the service hears nothing. */
  | 'busy'
  /** 500 InternalError; the service hears nothing. */
  | 'broken'
  /** The connection is reset before the service hears anything. */
  | 'reset'
  /** The service does it, but its answer is lost. */
  | 'reply-lost'
  /** Half of the answer's body comes, then the connection is reset. */
  | 'cut'
  /** Half of the answer's body comes and it ends as if that were all. */
  | 'short'
  /** Half of the answer's body comes, then nothing more. */
  | 'stall'
  /** No answer comes at all; the service hears nothing. */
  | 'silence';

export const HTTP_FAULTS: readonly HttpFault[] = [
  ...(['busy', 'broken', 'reset', 'reply-lost', 'cut', 'short', 'stall', 'silence'] as const),
];

/** A request as the proxy sees it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  /** Bytes of the body. */
  readonly bytes: number;
  readonly range: string | undefined;
}

export interface ChaosHttp extends AsyncDisposable {
  readonly url: string;
  /** What was asked, in order. */
  readonly seen: SeenRequest[];
  readonly faults: Record<HttpFault, number>;
  /** Says what is to happen to a request; may be set at any time. */
  decide: ((request: SeenRequest) => HttpFault | undefined) | undefined;
}

/** Faults drawn by chance, not more than `most`, so that the run ends. */
export function byChance(random: Random, probability: number, most: number, kinds = HTTP_FAULTS) {
  let left = most;
  return (): HttpFault | undefined => {
    if (left === 0 || !random.chance(probability)) return undefined;
    left--;
    return random.pick(kinds);
  };
}

export async function startChaosHttp(upstream: { readonly host: string; readonly port: number }): Promise<ChaosHttp> {
  const server = createServer((incoming, outgoing) => {
    handle(proxy, upstream, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const proxy: ChaosHttp = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    faults: Object.fromEntries(HTTP_FAULTS.map((fault) => [fault, 0])) as Record<HttpFault, number>,
    decide: undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((settle) => server.close(settle));
    },
  };
  return proxy;
}

async function handle(
  proxy: ChaosHttp,
  upstream: { readonly host: string; readonly port: number },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { method = '', url: path = '', headers } = incoming;
  const body = await whole(incoming);
  const seen = { method, path, bytes: body.length, range: headers.range };
  proxy.seen.push(seen);
  const fault = proxy.decide?.(seen);
  if (fault !== undefined) proxy.faults[fault]++;
  if (fault === 'silence') return;
  if (fault === 'reset') return void outgoing.socket?.resetAndDestroy();
  if (fault === 'busy' || fault === 'broken') return refuse(outgoing, fault, headers['x-amz-target'] !== undefined);
  const answer = await forward(upstream, incoming, body);
  const content = await whole(answer);
  if (fault === 'reply-lost') return void outgoing.socket?.resetAndDestroy();
  const { connection: _, 'transfer-encoding': __, ...kept } = answer.headers;
  const half = content.subarray(0, content.length >> 1);
  if (fault === 'short' && method !== 'HEAD') {
    // Without a length that tells on it: only who counts the bytes finds out.
    const { 'content-length': _length, ...rest } = kept;
    outgoing.writeHead(answer.statusCode ?? 502, rest);
    outgoing.end(half);
    return;
  }
  outgoing.writeHead(answer.statusCode ?? 502, kept);
  if (fault !== 'cut' && fault !== 'stall') {
    outgoing.end(content);
    return;
  }
  outgoing.flushHeaders();
  outgoing.write(half, () => {
    if (fault === 'cut') outgoing.socket?.resetAndDestroy();
  });
}

function refuse(outgoing: ServerResponse, fault: 'busy' | 'broken', isDynamo: boolean): void {
  const name = fault === 'broken' ? 'InternalError' : isDynamo ? 'ThrottlingException' : 'SlowDown';
  if (isDynamo) {
    outgoing.writeHead(fault === 'broken' ? 500 : 400, { 'content-type': 'application/x-amz-json-1.0' });
    outgoing.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'later, please' }));
    return;
  }
  outgoing.writeHead(fault === 'broken' ? 500 : 503, { 'content-type': 'application/xml' });
  outgoing.end(`<?xml version="1.0"?><Error><Code>${name}</Code><Message>later, please</Message></Error>`);
}

function forward(
  upstream: { readonly host: string; readonly port: number },
  incoming: IncomingMessage,
  body: Buffer,
): Promise<IncomingMessage> {
  const { method, url: path, headers } = incoming;
  return new Promise((settle, fail) => {
    const { 'transfer-encoding': _, ...kept } = headers;
    const options = { ...upstream, method, path, headers: { ...kept, 'content-length': body.length } };
    request(options, settle).on('error', fail).end(body);
  });
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
