// The requests that make an object: in one, or in parts that S3 joins at the end. Each is tried until patience runs out.
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
import { asAwsFailure } from './aws-failure.ts';
import type { ObjectLocation } from './location.ts';
import { type PatienceOptions, patiently, unlessStalled } from './patience.ts';

const STALL_MS = 30_000;
/** The slowest line on which an upload is not taken for stalled, bytes a ms. */
const SLOWEST = 64;

/** What S3 is told of the object. */
export interface ObjectProperties extends PatienceOptions {
  /** Refuses to write over an object: `OUTPUT_EXISTS`. One that holds the very same bytes counts as written. */
  createOnly?: boolean;
  contentType?: string | undefined;
  /** User metadata, names in lower case. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /** Encrypts with this KMS key. Default: as the bucket does. */
  kmsKeyId?: string | undefined;
}

/** A part that S3 has. */
export interface StoredPart {
  readonly etag: string;
  /** SHA-256 of its bytes, base64. */
  readonly sha256: string;
}

/** One object on its way. S3 checks all bytes by their SHA-256. Errors are those of the client. */
export class ObjectUpload {
  readonly #client: S3Client;
  readonly #target: { readonly Bucket: string; readonly Key: string };
  readonly #options: ObjectProperties;
  #uploadId: Promise<string> | undefined;

  /**
   * @param options whose `signal` ends all requests but {@link abort}
   * @param uploadId of an upload in parts that has begun already
   */
  constructor(
    client: S3Client,
    { bucket, key }: Pick<ObjectLocation, 'bucket' | 'key'>,
    options: ObjectProperties,
    uploadId?: string,
  ) {
    this.#client = client;
    this.#target = { Bucket: bucket, Key: key };
    this.#options = options;
    this.#uploadId = uploadId === undefined ? undefined : Promise.resolve(uploadId);
  }

  /** The upload's id; `undefined` where no part was sent yet. */
  get uploadId(): Promise<string> | undefined {
    return this.#uploadId;
  }

  /** Makes the object at once. */
  async put(bytes: Buffer): Promise<void> {
    const sha256 = hash(bytes).toString('base64');
    const put = { ...this.#target, ...this.#properties(), Body: bytes, ChecksumSHA256: sha256, ...this.#condition() };
    await this.#orAlready(sha256, () =>
      this.#call(timeFor(bytes), (abortSignal) => this.#client.send(new PutObjectCommand(put), { abortSignal })),
    );
  }

  /** Sends a part. Parts may be sent in any order, and at once. @param index from 0 on */
  async part(index: number, bytes: Buffer): Promise<StoredPart> {
    this.#uploadId ??= this.#begin();
    const UploadId = await this.#uploadId;
    const sha256 = hash(bytes).toString('base64');
    const part = { ...this.#target, UploadId, PartNumber: index + 1, Body: bytes, ChecksumSHA256: sha256 };
    const { ETag: etag = '' } = await this.#call(timeFor(bytes), (abortSignal) =>
      this.#client.send(new UploadPartCommand(part), { abortSignal }),
    );
    return { etag, sha256 };
  }

  /** Makes the object of all its parts. */
  async complete(parts: readonly StoredPart[]): Promise<void> {
    const complete = new CompleteMultipartUploadCommand({
      ...this.#target,
      UploadId: await this.#uploadId,
      MultipartUpload: {
        Parts: parts.map(({ etag, sha256 }, i) => ({ PartNumber: i + 1, ETag: etag, ChecksumSHA256: sha256 })),
      },
      ...this.#condition(),
    });
    // S3 joins parts for minutes where they are many, and sends spaces meanwhile.
    const limitMs = 10 * STALL_MS;
    const sum = hash(Buffer.concat(parts.map(({ sha256 }) => Buffer.from(sha256, 'base64'))));
    await this.#orAlready(`${sum.toString('base64')}-${parts.length}`, () =>
      this.#call(limitMs, (abortSignal) => this.#client.send(complete, { abortSignal })),
    );
  }

  /** Removes the parts; also after `signal`. Where that fails, the bucket's lifecycle rule does it. */
  async abort(): Promise<void> {
    const UploadId = await this.#uploadId?.catch(() => undefined);
    if (UploadId === undefined) return;
    const abort = new AbortMultipartUploadCommand({ ...this.#target, UploadId });
    const send = (abortSignal: AbortSignal) => this.#client.send(abort, { abortSignal });
    const options = { ...this.#options, signal: undefined };
    await patiently(options, () => unlessStalled(STALL_MS, undefined, send)).catch(() => undefined);
  }

  async #begin(): Promise<string> {
    const create = new CreateMultipartUploadCommand({
      ...this.#target,
      ...this.#properties(),
      ChecksumAlgorithm: 'SHA256',
    });
    const { UploadId } = await this.#call(STALL_MS, (abortSignal) => this.#client.send(create, { abortSignal }));
    return UploadId as string;
  }

  /** An answer that was lost lets the next try fail on what the first one did: then the object is there, whole. */
  async #orAlready(sha256: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      const { name } = asAwsFailure(error);
      if (name !== 'NoSuchUpload' && name !== 'PreconditionFailed') throw error;
      const head = new HeadObjectCommand({ ...this.#target, ChecksumMode: 'ENABLED' });
      const there = await this.#call(STALL_MS, (abortSignal) => this.#client.send(head, { abortSignal })).catch(
        () => undefined,
      );
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

  #condition() {
    return { IfNoneMatch: this.#options.createOnly ? '*' : undefined };
  }

  #call<T>(limitMs: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return patiently(this.#options, () => unlessStalled(limitMs, this.#options.signal, call));
  }
}

const hash = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** How long the upload of so many bytes may take, ms. */
const timeFor = (bytes: Buffer): number => STALL_MS + bytes.length / SLOWEST;
