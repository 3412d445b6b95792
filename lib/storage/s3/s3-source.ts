// Objects in S3 as byte sources: ranges fetched in parallel, pinned to one version of the object, resumed after trouble.
import { addAbortSignal, type Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { InputError } from '../../errors.ts';
import type { ByteSource, SourcePin } from '../byte-source.ts';
import { asAwsFailure, isElsewhere, isForbidden, OddAnswer } from './aws-failure.ts';
import { type ObjectLocation, objectUrl } from './location.ts';
import { Patience, type PatienceOptions, patiently, unlessStalled } from './patience.ts';

export interface ObjectReadOptions extends PatienceOptions {
  /** Most bytes asked for in one request. Default 8 MiB. */
  requestBytes?: number;
  /** Most requests at once, over all reads of the source. Default 6. */
  parallel?: number;
  /** A request that gives nothing for so long is ended and made again, ms. Default 20 s. */
  stallMs?: number;
}

const REQUEST_BYTES = 8 * 1024 * 1024;
const PARALLEL = 6;
const STALL_MS = 20_000;

/**
 * Opens an object for ranged reads. What is read is what the object was at this moment: one that is written over later
 * fails the read by name. A version that `location` names stays readable whatever is written after it.
 *
 * A read takes no memory beyond the caller's buffer and the sockets': what comes is copied to its place at once. Reads
 * that are to be fast ask for several times `requestBytes`.
 *
 * @param client brings region, credentials and endpoint; it is not closed with the source
 * @throws {InputError} `INPUT_NOT_FOUND`, `INPUT_FORBIDDEN` or `INPUT_READ`; its reads throw `INPUT_CHANGED`,
 * `INPUT_FORBIDDEN`, `INPUT_ARCHIVED` or `INPUT_READ`
 */
export async function openObject(
  client: S3Client,
  location: ObjectLocation,
  options: ObjectReadOptions = {},
): Promise<ByteSource> {
  const { bucket, key, version } = location;
  const head = new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: version });
  try {
    const found = await patiently(options, () =>
      unlessStalled(options.stallMs ?? STALL_MS, options.signal, (abortSignal) => client.send(head, { abortSignal })),
    );
    const pin = { size: found.ContentLength ?? 0, etag: found.ETag, version: found.VersionId };
    return new S3Source(client, location, pin, options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw asInputError(location, cause, NOT_FOUND);
  }
}

class S3Source implements ByteSource {
  readonly name: string;
  readonly pin: SourcePin;
  readonly #client: S3Client;
  readonly #location: ObjectLocation;
  readonly #options: ObjectReadOptions;
  /** Ends all that is under way. */
  readonly #stop = new AbortController();
  readonly #slots: Slots;

  constructor(client: S3Client, location: ObjectLocation, pin: SourcePin, options: ObjectReadOptions) {
    this.name = objectUrl(location);
    this.pin = pin;
    this.#client = client;
    this.#location = location;
    this.#options = options;
    this.#slots = new Slots(options.parallel ?? PARALLEL);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted) this.#onAbort();
  }

  get size(): number {
    return this.pin.size;
  }

  async read(start: number, end: number, into: Buffer = Buffer.allocUnsafeSlow(end - start)): Promise<Buffer> {
    const { requestBytes = REQUEST_BYTES } = this.#options;
    const requests: Promise<void>[] = [];
    let failure: unknown;
    for (let at = start; at < end; at += requestBytes) {
      const to = Math.min(at + requestBytes, end);
      const fetched = this.#slots.use(async () => {
        if (failure === undefined) await this.#fetch(at, to, into.subarray(at - start, to - start));
      });
      requests.push(
        fetched.catch((error: unknown) => {
          failure ??= error;
        }),
      );
    }
    // All of them have ended when this does: the caller's buffer is its own again.
    await Promise.all(requests);
    if (failure === undefined) return into;
    this.#stop.signal.throwIfAborted();
    throw asInputError(this.#location, failure, CHANGED);
  }

  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#stop.abort(new InputError('INPUT_READ', 'the object was closed while it was read.', { where: this.name }));
  }

  readonly #onAbort = (): void => this.#stop.abort(this.#options.signal?.reason);

  /** Fetches one range, going on where an attempt broke off. */
  async #fetch(start: number, end: number, into: Buffer): Promise<void> {
    const patience = new Patience({ ...this.#options, signal: this.#stop.signal });
    let at = start;
    while (at < end) {
      try {
        await this.#attempt(at, end, (piece) => {
          if (piece.length === 0) return;
          piece.copy(into, at - start);
          at += piece.length;
          patience.progressed();
        });
      } catch (failure) {
        await patience.bear(failure);
      }
    }
  }

  /** One request; it may end before the range does. */
  async #attempt(start: number, end: number, take: (piece: Buffer) => void): Promise<void> {
    const { bucket: Bucket, key: Key, version: VersionId } = this.#location;
    const Range = `bytes=${start}-${end - 1}`;
    const get = new GetObjectCommand({ Bucket, Key, Range, IfMatch: this.pin.etag, VersionId });
    await unlessStalled(this.#options.stallMs ?? STALL_MS, this.#stop.signal, async (signal, alive) => {
      const { Body, ContentRange, ContentLength, ETag } = await this.#client.send(get, { abortSignal: signal });
      const body = addAbortSignal(signal, Body as Readable);
      // Not every store that speaks S3 knows ranges of a version: then all of it comes, which is right, but slow.
      const isWhole = ContentRange === undefined && ContentLength === this.size && ETag === this.pin.etag;
      if (!isWhole && ContentRange !== `bytes ${start}-${end - 1}/${this.size}`) {
        body.destroy();
        throw new OddAnswer(`the answer holds ${ContentRange ?? 'no range'}, not ${Range}`);
      }
      let skip = isWhole ? start : 0;
      let room = end - start;
      for await (const piece of body as AsyncIterable<Buffer>) {
        alive();
        const wanted = piece.subarray(skip, skip + room);
        skip -= Math.min(skip, piece.length);
        room -= wanted.length;
        take(wanted);
        if (isWhole && room === 0) break;
      }
      if (room > 0) throw new OddAnswer(`the answer ended ${room} bytes early`);
    });
  }
}

/** Lets a number of tasks run at once; others wait their turn. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

type Report = readonly [code: string, message: string, remedy: string];

/** What "there is none" means: when the object is opened, and later. */
const NOT_FOUND: Report = ['INPUT_NOT_FOUND', 'there is no such object.', 'Check bucket, key and version.'];
const CHANGED: Report = [
  'INPUT_CHANGED',
  'the object is no longer what it was when it was opened.',
  'It was written over or deleted. Upload it whole, then run the same command with --fresh.',
];
const FORBIDDEN: Report = [
  'INPUT_FORBIDDEN',
  'the object may not be read',
  'Look at the credentials and the policies of role, bucket and KMS key. Without s3:ListBucket, a key that does not exist is forbidden, too.',
];
const ARCHIVED: Report = [
  'INPUT_ARCHIVED',
  'the object lies in an archive (Glacier).',
  'Restore a copy of it first: aws s3api restore-object',
];

function asInputError(location: ObjectLocation, cause: unknown, missing: Report): InputError {
  const where = objectUrl(location);
  const { name, message, status } = asAwsFailure(cause);
  if (name === 'InvalidObjectState') return reported(ARCHIVED);
  // 405 is the answer to a version that is a delete marker, 416 to a range of an object that became shorter.
  if (status === 404 || status === 405 || status === 412 || status === 416) return reported(missing);
  if (isForbidden(cause)) return reported([FORBIDDEN[0], `${FORBIDDEN[1]}: ${message}.`, FORBIDDEN[2]]);
  const why = isElsewhere(cause) ? 'its bucket is in another region' : message;
  return new InputError('INPUT_READ', `the object cannot be read: ${why}.`, {
    where,
    remedy: isElsewhere(cause) ? 'Name the bucket’s region.' : 'Run the same command again: it goes on from here.',
    cause,
  });

  function reported([code, text, remedy]: Report): InputError {
    return new InputError(code, text, { where, remedy, cause });
  }
}
