// Objects in S3 as outputs: sent in parts while they are written, visible whole under their name or not at all.
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { Output } from '../output.ts';
import { asAwsFailure } from './aws-failure.ts';
import { type ObjectLocation, objectUrl } from './location.ts';
import { asOutputError, OutputError } from './output-error.ts';
import { type PatienceOptions, patiently, unlessStalled } from './patience.ts';

const MIB = 1024 * 1024;
/** S3 takes no smaller part than this but as the last one. */
const LEAST_PART_BYTES = 5 * MIB;
const PART_BYTES = 8 * MIB;
/**
 * A part is at least this share of what is written already. S3 takes 10,000 parts; so they suffice for its 5 TiB from
 * 5 MiB on, and parts stay small as long as the object does: 8 MiB up to 10 GB, 80 MiB at 100 GB.
 */
const PART_SHARE = 1 / 1250;
const MEMORY_BYTES = 32 * MIB;
const STALL_MS = 30_000;
/** The slowest line on which an upload is not taken for stalled, bytes a ms. */
const SLOWEST = 64;

export interface ObjectOutputOptions extends PatienceOptions {
  /** Bytes of the first parts, at least 5 MiB; later ones grow. An object that is no larger goes in one request. Default 8 MiB. */
  partBytes?: number;
  /** Bytes of parts under way at once, beside the one that is being filled; one part is always allowed. Default 32 MiB. */
  memoryBytes?: number;
  /** Refuses to write over an object: `OUTPUT_EXISTS`. One that holds the very same bytes counts as written. */
  createOnly?: boolean;
  contentType?: string | undefined;
  /** User metadata, names in lower case. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /** Encrypts with this KMS key. Default: as the bucket does. */
  kmsKeyId?: string | undefined;
}

/** A part that S3 has. */
interface StoredPart {
  readonly etag: string;
  /** SHA-256 of its bytes, base64. */
  readonly sha256: string;
}

/** An output half written: with it another process goes on. All but `tail` is JSON. */
export interface SavedOutput {
  readonly bucket: string;
  readonly key: string;
  /** None where no part was sent yet. */
  readonly uploadId: string | undefined;
  readonly parts: readonly StoredPart[];
  /** Bytes written so far, `tail` included. */
  readonly bytes: number;
  /** The last bytes, too few for a part: less than 5 MiB. */
  readonly tail: Buffer;
}

/**
 * Begins an object. Nothing is sent before the first part is full; S3 checks each part by its SHA-256.
 *
 * A process that dies leaves at most an upload that nobody sees; a lifecycle rule of the bucket
 * (AbortIncompleteMultipartUpload) is to remove those.
 *
 * Errors of the methods are {@link OutputError}s: `OUTPUT_FORBIDDEN`, `OUTPUT_NOT_FOUND`, `OUTPUT_EXISTS`,
 * `OUTPUT_CONFLICT`, `OUTPUT_UPLOAD_GONE`, or `OUTPUT_WRITE`, where another run may help.
 */
export function createObject(
  client: S3Client,
  location: ObjectLocation,
  options: ObjectOutputOptions = {},
): ObjectOutput {
  const { bucket, key } = location;
  return new ObjectOutput(
    client,
    { bucket, key, uploadId: undefined, parts: [], bytes: 0, tail: Buffer.alloc(0) },
    options,
  );
}

/** Goes on with an object from where {@link ObjectOutput.save} left it; a saved output can be gone on with again and again. */
export function resumeObject(client: S3Client, saved: SavedOutput, options: ObjectOutputOptions = {}): ObjectOutput {
  return new ObjectOutput(client, saved, options);
}

export class ObjectOutput implements Output {
  readonly name: string;
  readonly #client: S3Client;
  readonly #target: { readonly Bucket: string; readonly Key: string };
  readonly #options: ObjectOutputOptions;
  /** Ends what is under way. */
  readonly #stop = new AbortController();
  #uploadId: Promise<string> | undefined;
  /** By part number - 1; a hole is under way. */
  readonly #parts: (StoredPart | undefined)[];
  readonly #underWay = new Set<Promise<void>>();
  #part: Buffer | undefined;
  #filled = 0;
  /** Buffers of parts that have been sent. */
  readonly #spare: Buffer[] = [];
  #bytes: number;
  #failure: OutputError | undefined;
  #ended = false;

  constructor(client: S3Client, saved: SavedOutput, options: ObjectOutputOptions) {
    this.#client = client;
    this.#target = { Bucket: saved.bucket, Key: saved.key };
    this.name = objectUrl(saved);
    this.#options = options;
    this.#uploadId = saved.uploadId === undefined ? undefined : Promise.resolve(saved.uploadId);
    this.#parts = [...saved.parts];
    this.#bytes = saved.bytes - saved.tail.length;
    if (saved.tail.length > 0) this.#take(saved.tail, 0);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted) this.#onAbort();
  }

  /** Bytes written so far, sent or not. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(bytes: Buffer): Promise<void> {
    this.#throwFailure();
    for (let at = 0; at < bytes.length; ) {
      if (this.#part !== undefined && this.#filled === this.#part.length) await this.#sendPart();
      at += this.#take(bytes, at);
    }
  }

  /** Gives the object its name. */
  async commit(): Promise<void> {
    this.#throwFailure();
    try {
      if (this.#parts.length === 0) await this.#put();
      else {
        if (this.#filled > 0) await this.#sendPart();
        await this.#settled();
        await this.#complete(await (this.#uploadId as Promise<string>));
      }
    } catch (error) {
      throw this.#told(error);
    }
    this.#end();
  }

  /** Removes the parts. Where that fails, the bucket's lifecycle rule does it. */
  async leave(): Promise<void> {
    if (this.#ended) return;
    this.#stop.abort(new OutputError('OUTPUT_WRITE', 'the object was left before its end.', { where: this.name }));
    // A part that arrives after the end of its upload would stay.
    await Promise.allSettled(this.#underWay);
    const uploadId = await this.#uploadId?.catch(() => undefined);
    this.#end();
    if (uploadId === undefined) return;
    const abort = new AbortMultipartUploadCommand({ ...this.#target, UploadId: uploadId });
    await this.#call(STALL_MS, undefined, (abortSignal) => this.#client.send(abort, { abortSignal })).catch(
      () => undefined,
    );
  }

  /**
   * Stops here, so that another process can go on; this output takes nothing more. What was saved stays good until the
   * upload is ended: by the commit or leave of a successor, or by a lifecycle rule.
   */
  async save(): Promise<SavedOutput> {
    this.#throwFailure();
    if (this.#filled >= LEAST_PART_BYTES) await this.#sendPart();
    await this.#settled();
    const saved = {
      bucket: this.#target.Bucket,
      key: this.#target.Key,
      uploadId: await this.#uploadId,
      parts: this.#parts as StoredPart[],
      bytes: this.#bytes,
      tail: this.#part?.subarray(0, this.#filled) ?? Buffer.alloc(0),
    };
    this.#end();
    return saved;
  }

  /** Copies into the part as much as it has room for. */
  #take(bytes: Buffer, from: number): number {
    this.#part ??= this.#newPart();
    const taken = bytes.copy(this.#part, this.#filled, from);
    this.#filled += taken;
    this.#bytes += taken;
    return taken;
  }

  #newPart(): Buffer {
    const least = Math.max(this.#options.partBytes ?? PART_BYTES, LEAST_PART_BYTES);
    const size = Math.max(least, Math.ceil((this.#bytes * PART_SHARE) / MIB) * MIB);
    for (let spare = this.#spare.pop(); spare !== undefined; spare = this.#spare.pop()) {
      if (spare.length === size) return spare;
    }
    return Buffer.allocUnsafeSlow(size);
  }

  /** Sends what is in the part, in the background as far as memory allows. */
  async #sendPart(): Promise<void> {
    const part = this.#part as Buffer;
    const bytes = part.subarray(0, this.#filled);
    this.#part = undefined;
    this.#filled = 0;
    const index = this.#parts.push(undefined) - 1;
    const sent = this.#upload(index, bytes).then(
      () => void this.#spare.push(part),
      (error: unknown) => void this.#told(error),
    );
    this.#underWay.add(sent);
    void sent.then(() => this.#underWay.delete(sent));
    const most = Math.max(1, Math.floor((this.#options.memoryBytes ?? MEMORY_BYTES) / part.length));
    while (this.#underWay.size >= most && this.#failure === undefined) await Promise.race(this.#underWay);
    this.#throwFailure();
  }

  async #upload(index: number, bytes: Buffer): Promise<void> {
    this.#uploadId ??= this.#begin();
    const UploadId = await this.#uploadId;
    const sha256 = hash(bytes).toString('base64');
    const part = { ...this.#target, UploadId, PartNumber: index + 1, Body: bytes, ChecksumSHA256: sha256 };
    const { ETag: etag = '' } = await this.#call(timeFor(bytes), this.#stop.signal, (abortSignal) =>
      this.#client.send(new UploadPartCommand(part), { abortSignal }),
    );
    this.#parts[index] = { etag, sha256 };
  }

  async #begin(): Promise<string> {
    const create = new CreateMultipartUploadCommand({
      ...this.#target,
      ...this.#properties(),
      ChecksumAlgorithm: 'SHA256',
    });
    const { UploadId } = await this.#call(STALL_MS, this.#stop.signal, (abortSignal) =>
      this.#client.send(create, { abortSignal }),
    );
    return UploadId as string;
  }

  async #complete(UploadId: string): Promise<void> {
    const parts = this.#parts as StoredPart[];
    const complete = new CompleteMultipartUploadCommand({
      ...this.#target,
      UploadId,
      MultipartUpload: {
        Parts: parts.map(({ etag, sha256 }, i) => ({ PartNumber: i + 1, ETag: etag, ChecksumSHA256: sha256 })),
      },
      IfNoneMatch: this.#options.createOnly ? '*' : undefined,
    });
    // S3 joins parts for minutes where they are many, and sends spaces meanwhile.
    const limitMs = 10 * STALL_MS;
    const sum = hash(Buffer.concat(parts.map(({ sha256 }) => Buffer.from(sha256, 'base64'))));
    await this.#orAlready(`${sum.toString('base64')}-${parts.length}`, () =>
      this.#call(limitMs, this.#stop.signal, (abortSignal) => this.#client.send(complete, { abortSignal })),
    );
  }

  async #put(): Promise<void> {
    const bytes = this.#part?.subarray(0, this.#filled) ?? Buffer.alloc(0);
    const sha256 = hash(bytes).toString('base64');
    const put = {
      ...this.#target,
      ...this.#properties(),
      Body: bytes,
      ChecksumSHA256: sha256,
      IfNoneMatch: this.#options.createOnly ? '*' : undefined,
    };
    await this.#orAlready(sha256, () =>
      this.#call(timeFor(bytes), this.#stop.signal, (abortSignal) =>
        this.#client.send(new PutObjectCommand(put), { abortSignal }),
      ),
    );
  }

  /** An answer that was lost lets the next try fail on what the first one did: then the object is there, whole. */
  async #orAlready(sha256: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      const { name } = asAwsFailure(error);
      if (name !== 'NoSuchUpload' && name !== 'PreconditionFailed') throw error;
      const head = new HeadObjectCommand({ ...this.#target, ChecksumMode: 'ENABLED' });
      const there = await this.#call(STALL_MS, this.#stop.signal, (abortSignal) =>
        this.#client.send(head, { abortSignal }),
      ).catch(() => undefined);
      if (there?.ChecksumSHA256 !== sha256) throw error;
    }
  }

  #properties() {
    const { contentType, metadata, kmsKeyId } = this.#options;
    return {
      ContentType: contentType,
      Metadata: metadata,
      ServerSideEncryption: kmsKeyId === undefined ? undefined : ('aws:kms' as const),
      SSEKMSKeyId: kmsKeyId,
    };
  }

  #call<T>(limitMs: number, outer: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return patiently({ ...this.#options, signal: outer }, () => unlessStalled(limitMs, outer, call));
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#throwFailure();
  }

  /** Remembers the first failure, and ends the rest. */
  #told(error: unknown): unknown {
    const { signal } = this.#options;
    if (signal?.aborted) return signal.reason;
    this.#failure ??= asOutputError(this.name, error);
    this.#stop.abort(this.#failure);
    return this.#failure;
  }

  #throwFailure(): void {
    if (this.#ended) throw new Error('the output has ended');
    this.#options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #end(): void {
    this.#ended = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#part = undefined;
    this.#spare.length = 0;
  }

  readonly #onAbort = (): void => this.#stop.abort(this.#options.signal?.reason);
}

const hash = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** How long the upload of so many bytes may take, ms. */
const timeFor = (bytes: Buffer): number => STALL_MS + bytes.length / SLOWEST;
