// Objects in S3 as outputs: sent in parts while they are written, visible whole under their name or not at all.
import type { S3Client } from '@aws-sdk/client-s3';
import type { RewritableSink } from '../file-sink.ts';
import type { Output } from '../output.ts';
import { type ObjectLocation, objectUrl } from './location.ts';
import { type ObjectProperties, ObjectUpload, type StoredPart } from './object-upload.ts';
import { asOutputError, OutputError } from './output-error.ts';

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

export interface ObjectOutputOptions extends ObjectProperties {
  /** Bytes of the first parts, at least 5 MiB; later ones grow. An object that is no larger goes in one request. Default 8 MiB. */
  partBytes?: number;
  /** Bytes of parts under way at once, beside the one that is being filled; one part is always allowed. Default 32 MiB. */
  memoryBytes?: number;
  /**
   * Holds the first part back until the commit, so that {@link ObjectOutput.rewrite} can write over it. Such an output can't
   * be saved.
   */
  rewritable?: boolean;
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

export class ObjectOutput implements Output, RewritableSink {
  readonly name: string;
  readonly #location: Pick<ObjectLocation, 'bucket' | 'key'>;
  readonly #upload: ObjectUpload;
  readonly #options: ObjectOutputOptions;
  /** Ends what is under way. */
  readonly #stop = new AbortController();
  /** By part number - 1; a hole is under way. */
  readonly #parts: (StoredPart | undefined)[];
  readonly #underWay = new Set<Promise<void>>();
  /** The first part, where it is held back. */
  #first: Buffer | undefined;
  #part: Buffer | undefined;
  #filled = 0;
  /** Buffers of parts that have been sent. */
  readonly #spare: Buffer[] = [];
  #bytes: number;
  #failure: OutputError | undefined;
  #ended = false;

  constructor(client: S3Client, saved: SavedOutput, options: ObjectOutputOptions) {
    const { bucket, key, uploadId } = saved;
    this.#location = { bucket, key };
    this.name = objectUrl(saved);
    this.#options = options;
    this.#upload = new ObjectUpload(client, saved, { ...options, signal: this.#stop.signal }, uploadId);
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

  /** Writes over bytes that an output that is `rewritable` holds back: those of the first part. */
  async rewrite(bytes: Buffer, position: number): Promise<void> {
    this.#throwFailure();
    const part = this.#first ?? this.#part?.subarray(0, this.#filled);
    const isHeld = this.#options.rewritable && part !== undefined && position + bytes.length <= part.length;
    if (!isHeld) throw new Error('only the first part of a rewritable output can be written over');
    bytes.copy(part, position);
  }

  /** Gives the object its name. */
  async commit(): Promise<void> {
    this.#throwFailure();
    try {
      if (this.#parts.length === 0) {
        await this.#upload.put(this.#part?.subarray(0, this.#filled) ?? Buffer.alloc(0));
      } else {
        if (this.#filled > 0) await this.#sendPart();
        if (this.#first !== undefined) this.#send(0, this.#first, this.#first);
        await this.#settled();
        await this.#upload.complete(this.#parts as StoredPart[]);
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
    this.#end();
    await this.#upload.abort();
  }

  /**
   * Stops here, so that another process can go on; this output takes nothing more. What was saved stays good until the
   * upload is ended: by the commit or leave of a successor, or by a lifecycle rule.
   */
  async save(): Promise<SavedOutput> {
    this.#throwFailure();
    if (this.#options.rewritable) throw new Error('a rewritable output cannot be saved');
    if (this.#filled >= LEAST_PART_BYTES) await this.#sendPart();
    await this.#settled();
    const saved = {
      ...this.#location,
      uploadId: await this.#upload.uploadId,
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
    if (index === 0 && this.#options.rewritable) {
      this.#first = bytes;
      return;
    }
    this.#send(index, bytes, part);
    const most = Math.max(1, Math.floor((this.#options.memoryBytes ?? MEMORY_BYTES) / part.length));
    while (this.#underWay.size >= most && this.#failure === undefined) await Promise.race(this.#underWay);
    this.#throwFailure();
  }

  /** @param part the buffer, free again when its bytes are there */
  #send(index: number, bytes: Buffer, part: Buffer): void {
    const sent = this.#upload.part(index, bytes).then(
      (stored) => {
        this.#parts[index] = stored;
        this.#spare.push(part);
      },
      (error: unknown) => void this.#told(error),
    );
    this.#underWay.add(sent);
    void sent.then(() => this.#underWay.delete(sent));
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
    this.#first = undefined;
    this.#part = undefined;
    this.#spare.length = 0;
  }

  readonly #onAbort = (): void => this.#stop.abort(this.#options.signal?.reason);
}
