// The little of S3 that the functions ask for, over local files: ranges of objects, uploads, lists, tags.
//
// The local AWS of the tests is no use for speed: it holds objects in memory, and reads a gigabyte as a whole for each
// range. This one reads what is asked for, and checks nothing: no signature, no checksum. It speaks plain HTTP.
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A file, or a part of an upload. */
interface Piece {
  readonly path: string;
  readonly bytes: number;
}

interface StoredObject {
  readonly etag: string;
  readonly bytes: number;
  readonly pieces: readonly Piece[];
}

export class LocalS3 {
  readonly #objects = new Map<string, StoredObject>();
  readonly #uploads = new Map<string, Map<number, Piece>>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'keyferry-s3-'));
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      // A client that has read enough closes the connection.
      if (!response.headersSent) response.writeHead(500).end(String(error));
      else response.destroy();
    });
  });

  static async start(): Promise<LocalS3> {
    const s3 = new LocalS3();
    await new Promise<void>((listening) => s3.#server.listen(0, '127.0.0.1', listening));
    return s3;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Gives a file a key; it is not copied. @param name bucket and key, with a slash between them */
  addFile(name: string, path: string): void {
    this.#store(name, [{ path, bytes: statSync(path).size }]);
  }

  async text(name: string): Promise<string> {
    return (await fetch(`${this.url}/${name}`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
    rmSync(this.#folder, { recursive: true });
  }

  #store(name: string, pieces: readonly Piece[]): string {
    const etag = `"${randomUUID()}"`;
    this.#objects.set(name, { etag, pieces, bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 0) });
    return etag;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const name = decodeURIComponent(pathname.slice(1));
    const upload = searchParams.get('uploadId');
    const about = ['tagging', 'list-type'].find((each) => searchParams.has(each)) ?? (upload === null ? '' : 'upload');
    const asked = `${request.method} ${about}`.trim();
    switch (asked) {
      case 'HEAD':
      case 'GET':
        return this.#give(name, request, response);
      case 'PUT':
        return reply(response, 200, { etag: this.#store(name, [await this.#take(request)]) });
      case 'DELETE':
        this.#objects.delete(name);
        return reply(response, 204);
      case 'POST': {
        const id = randomUUID();
        this.#uploads.set(id, new Map());
        return reply(response, 200, {}, `<R><UploadId>${id}</UploadId></R>`);
      }
      case 'PUT upload':
        this.#uploads.get(upload ?? '')?.set(Number(searchParams.get('partNumber')), await this.#take(request));
        return reply(response, 200, { etag: '"part"' });
      case 'POST upload': {
        const parts = [...(this.#uploads.get(upload ?? '') ?? [])].sort(([a], [b]) => a - b);
        const etag = this.#store(
          name,
          parts.map(([, piece]) => piece),
        );
        return reply(response, 200, {}, `<R><ETag>${etag}</ETag></R>`);
      }
      case 'DELETE upload':
        return reply(response, 204);
      case 'GET list-type':
        return reply(response, 200, {}, this.#list(name, searchParams.get('prefix') ?? ''));
      case 'GET tagging':
        return reply(response, 200, {}, '<Tagging><TagSet/></Tagging>');
      case 'PUT tagging':
        return reply(response, 200);
      default:
        return reply(response, 501, {}, `<Error><Code>NotImplemented</Code><Message>${asked}</Message></Error>`);
    }
  }

  /** All at once, however many they are. */
  #list(bucket: string, prefix: string): string {
    const root = `${bucket.replace(/\/$/, '')}/`;
    const found = [...this.#objects].filter(([name]) => name.startsWith(root + prefix));
    const contents = found.map(
      ([name, { bytes }]) => `<Contents><Key>${name.slice(root.length)}</Key><Size>${bytes}</Size></Contents>`,
    );
    return `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`;
  }

  async #take(request: IncomingMessage): Promise<Piece> {
    const path = join(this.#folder, randomUUID());
    await pipeline(request, createWriteStream(path));
    return { path, bytes: statSync(path).size };
  }

  async #give(name: string, { method, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const object = this.#objects.get(name);
    if (object === undefined) {
      return reply(response, 404, {}, method === 'HEAD' ? '' : '<Error><Code>NoSuchKey</Code></Error>');
    }
    const { etag, bytes, pieces } = object;
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag) return reply(response, 412);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = Math.min(Number(last ?? bytes) + 1, bytes);
    const range = first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${bytes}` };
    response.writeHead(first === undefined ? 200 : 206, { etag, 'content-length': end - start, ...range });
    if (method === 'HEAD') response.end();
    else await pipeline(Readable.from(read(pieces, start, end), { objectMode: false }), response);
  }
}

async function* read(pieces: readonly Piece[], start: number, end: number): AsyncGenerator<Buffer> {
  let at = 0;
  for (const { path, bytes } of pieces) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, bytes);
    if (from < to) yield* createReadStream(path, { start: from, end: to - 1, highWaterMark: 1024 * 1024 });
    at += bytes;
  }
}

function reply(response: ServerResponse, status: number, headers: Record<string, string> = {}, body = ''): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
}
