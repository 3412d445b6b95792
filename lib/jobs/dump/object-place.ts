// A backup's place in S3: an object appears when its upload is completed, and none before all of them are good.
import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { OutputError } from '../../errors.ts';
import type { Output } from '../../storage/output.ts';
import { objectUrl, parseObjectUrl } from '../../storage/s3/location.ts';
import { asOutputError } from '../../storage/s3/output-error.ts';
import { createObject } from '../../storage/s3/s3-output.ts';
import type { BackupPlace, Packing, PlacedFile, PlaceNames } from './place.ts';

export class ObjectPlace implements BackupPlace {
  readonly manifest: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #manifestKey: string;
  readonly #own: boolean;
  readonly #completed: string[] = [];

  /** @throws {OutputError} `OUTPUT_NOT_FOUND` where the URL names no bucket */
  constructor(client: S3Client, { folder, manifest, own }: PlaceNames) {
    const location = parseObjectUrl(folder);
    if (location === undefined) throw new OutputError('OUTPUT_NOT_FOUND', 'this names no bucket.', { where: folder });
    const { bucket, key: prefix } = location;
    this.#client = client;
    this.#own = own;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#manifestKey = `${prefix}${manifest}`;
    this.manifest = objectUrl({ bucket, key: this.#manifestKey });
  }

  async begin(name: string, packing: Packing): Promise<PlacedFile> {
    const key = `${this.#prefix}${name}`;
    const upload = createObject(this.#client, { bucket: this.#bucket, key });
    const output: Output = {
      write: (bytes) => upload.write(bytes),
      commit: async () => {
        await upload.commit();
        this.#completed.push(key);
      },
      leave: () => upload.leave(),
    };
    // An upload that was left has no parts any more.
    return { name, packing, output, discard: async () => undefined };
  }

  async clear(): Promise<void> {
    // A set's name is new with its time: who makes sets needs no right to delete.
    if (this.#own) return;
    try {
      await this.#delete(this.#manifestKey);
    } catch (cause) {
      throw asOutputError(this.manifest, cause);
    }
  }

  async seal(text: string): Promise<void> {
    const output = createObject(this.#client, { bucket: this.#bucket, key: this.#manifestKey });
    await output.write(Buffer.from(text));
    await output.commit();
  }

  /** Objects whose uploads were completed before the last of them failed. */
  async remove(): Promise<void> {
    for (const key of this.#completed) await this.#delete(key).catch(() => undefined);
  }

  async #delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
  }
}
