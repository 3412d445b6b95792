// What the object of a load brings: its own lines, or, where it is the manifest of a decode, those of the manifest's parts.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { InputError } from '../../errors.ts';
import { LINE_SHAPES, type LineShape } from '../../sources/json/json-records.ts';
import type { ByteSource } from '../../storage/byte-source.ts';
import { ReadAhead } from '../../storage/read-ahead.ts';
import { type ObjectLocation, objectUrl, parseObjectUrl } from '../../storage/s3/location.ts';
import { openObject } from '../../storage/s3/s3-source.ts';
import { unpackedPieces } from '../../storage/unpack.ts';
import { formatCount } from '../../text/count.ts';
import { type DecodeManifest, type ManifestPart, parseManifest } from '../decode-manifest.ts';
import type { LineInput } from '../lines-to-rdb.ts';
import type { AwsJob, Cloud } from './job.ts';
import { openInput } from './work.ts';

/** All lines of a job, each object opened and pinned. */
export interface LoadInput {
  readonly inputs: readonly ObjectLines[];
  /** Bytes of all objects. */
  readonly bytes: number;
  /** As the manifest has it. */
  readonly shape: LineShape | undefined;
  /** What the report should tell. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

/** A part takes some 250 bytes there. */
const MOST_MANIFEST_BYTES = 32 * 1024 * 1024;
/** Parts that are looked for at once. */
const AT_ONCE = 16;
const PIECE_BYTES = 1024 * 1024;
/** Of three windows; small, for the memory is the keys'. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const LINE_FEED = 0x0a;

/**
 * Opens the job's object and, where it is a manifest, all parts that are to be loaded.
 *
 * @throws {InputError} those of openInput; `MANIFEST_FORMAT`; `MANIFEST_INCOMPLETE` unless that is allowed; `MANIFEST_PART`
 *   for a part that is not there or has another size
 */
export async function openLoadInput(
  cloud: Cloud,
  job: AwsJob,
  options: { readonly allowIncomplete?: boolean | undefined; readonly signal: AbortSignal },
): Promise<LoadInput> {
  const source = await openInput(cloud, job, options.signal);
  if (!/\.json$/i.test(job.key)) {
    const lines = new ObjectLines(source);
    return { inputs: [lines], bytes: source.size, shape: undefined, warnings: [], close: () => source.close() };
  }
  try {
    const manifest = await readManifest(source);
    const { parts, warnings } = wanted(manifest, source.name, options.allowIncomplete ?? false);
    const folder = folderOf(manifest, job, source.name);
    const inputs = await openParts(cloud, folder, parts, options.signal);
    return {
      inputs,
      bytes: inputs.reduce((sum, { size }) => sum + size, 0),
      shape: manifest.shape as LineShape,
      warnings,
      close: async () => {
        await Promise.all(inputs.map((input) => input.close()));
      },
    };
  } finally {
    await source.close();
  }
}

async function readManifest(source: ByteSource): Promise<DecodeManifest> {
  const { name, size } = source;
  if (size > MOST_MANIFEST_BYTES) {
    throw new InputError('MANIFEST_FORMAT', 'this is no manifest: it is too large.', { where: name });
  }
  const manifest = parseManifest((await source.read(0, size)).toString('utf8'), name);
  if ((LINE_SHAPES as readonly string[]).includes(manifest.shape)) return manifest;
  throw new InputError('MANIFEST_FORMAT', `lines of the shape ${JSON.stringify(manifest.shape)} cannot be loaded.`, {
    where: name,
    remedy: 'Decode the RDB anew, in the shape keyferry.',
  });
}

/** The parts to load, and what is to be said of the others. */
function wanted({ complete, parts, damaged }: DecodeManifest, where: string, allowIncomplete: boolean) {
  const whole = parts.filter((part) => part.complete);
  const cut = parts.length - whole.length;
  if ((!complete || cut > 0) && !allowIncomplete) {
    throw new InputError('MANIFEST_INCOMPLETE', 'the decode did not get to its end: not all keys are in its parts.', {
      where,
      remedy: 'Decode the RDB anew. Or load what is there: the option {"allow-incomplete": true}, with a retry.',
    });
  }
  const warnings = [
    ...(complete && cut === 0 ? [] : [`The decode was incomplete: ${formatCount(cut)} parts were left out.`]),
    ...(damaged.length === 0 ? [] : [`The decode left out ${formatCount(damaged.length)} damaged keys.`]),
  ];
  return { parts: whole, warnings };
}

/** Where the parts lie: where the manifest says, else beside it. */
function folderOf({ location }: DecodeManifest, { bucket, key }: AwsJob, where: string): ObjectLocation {
  if (location === undefined) return { bucket, key: key.slice(0, key.lastIndexOf('/') + 1) };
  const folder = parseObjectUrl(location);
  if (folder === undefined) {
    const message = 'its location is not a folder in S3: s3://BUCKET/FOLDER/';
    throw new InputError('MANIFEST_FORMAT', `${message}.`, { where });
  }
  const { bucket: of, key: prefix } = folder;
  return { bucket: of, key: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` };
}

async function openParts(
  { s3 }: Cloud,
  folder: ObjectLocation,
  parts: readonly ManifestPart[],
  signal: AbortSignal,
): Promise<ObjectLines[]> {
  const opened: ObjectLines[] = [];
  try {
    for (let at = 0; at < parts.length; at += AT_ONCE) {
      const found = await Promise.allSettled(
        parts.slice(at, at + AT_ONCE).map(async (part) => {
          const location = { bucket: folder.bucket, key: folder.key + part.file };
          return new ObjectLines(await openPart(() => openObject(s3, location, { signal }), location), part);
        }),
      );
      for (const each of found) if (each.status === 'fulfilled') opened.push(each.value);
      for (const each of found) if (each.status === 'rejected') throw each.reason;
    }
    for (const part of opened) part.refuseOtherSize();
    return opened;
  } catch (error) {
    await Promise.all(opened.map((part) => part.close()));
    throw error;
  }
}

async function openPart(open: () => Promise<ByteSource>, location: ObjectLocation): Promise<ByteSource> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'INPUT_NOT_FOUND') throw error;
    throw partProblem('a part that the manifest names is not there', objectUrl(location), error);
  }
}

/** The lines of one object, packed or not; where it is a part, held against what the manifest says of it. */
export class ObjectLines implements LineInput {
  readonly name: string;
  readonly size: number;
  /** So far. */
  lines = 0;
  /** Told the packed bytes as they are read. */
  onBytes: ((bytes: number) => void) | undefined;
  readonly #source: ByteSource;
  readonly #part: ManifestPart | undefined;
  readonly #hash = createHash('sha256');
  #read = 0;
  #jsonBytes = 0;

  constructor(source: ByteSource, part?: ManifestPart) {
    this.name = source.name;
    this.size = source.size;
    this.#source = source;
    this.#part = part;
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  async *pieces(): AsyncGenerator<Buffer, void, undefined> {
    const ahead = new ReadAhead(this.#source, WINDOW_BYTES);
    let last = LINE_FEED;
    try {
      for await (const piece of unpackedPieces(this.name, Readable.from(this.#packed(ahead)))) {
        this.#jsonBytes += piece.length;
        for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) this.lines++;
        last = piece.at(-1) ?? last;
        yield piece;
      }
      // A last line may lack its end.
      if (last !== LINE_FEED) this.lines++;
    } finally {
      await ahead.close();
    }
  }

  /** @throws {InputError} `MANIFEST_PART` for one that has not the size that the manifest says */
  refuseOtherSize(): void {
    if (this.#part === undefined || this.size === this.#part.bytes) return;
    throw this.#changed(`it has ${formatCount(this.size)} bytes, not ${formatCount(this.#part.bytes)}`);
  }

  /** @throws {InputError} `MANIFEST_PART` where what was read is not what the manifest says */
  check(keys: number): void {
    const part = this.#part;
    if (part === undefined) return;
    if (this.#hash.digest('hex') !== part.sha256) throw this.#changed('it has another SHA-256');
    const found = { keys, lines: this.lines, 'bytes of JSON': this.#jsonBytes };
    const said = { keys: part.keys, lines: part.lines, 'bytes of JSON': part.jsonBytes };
    for (const [what, count] of Object.entries(found)) {
      const expected = said[what as keyof typeof said];
      if (count !== expected) throw this.#changed(`it has ${formatCount(count)} ${what}, not ${formatCount(expected)}`);
    }
  }

  /** True when reading has begun. */
  get begun(): boolean {
    return this.#read > 0;
  }

  /** Why a part can't be read: that it is not what was decoded says more than what is wrong in its lines. */
  async explain(error: unknown): Promise<unknown> {
    if (this.#part === undefined || !(error instanceof InputError)) return error;
    const hash = createHash('sha256');
    try {
      for (let at = 0; at < this.size; at += PIECE_BYTES) {
        hash.update(await this.#source.read(at, Math.min(at + PIECE_BYTES, this.size)));
      }
    } catch {
      return error;
    }
    return hash.digest('hex') === this.#part.sha256 ? error : this.#changed('it has another SHA-256');
  }

  async *#packed(source: ByteSource): AsyncGenerator<Buffer, void, undefined> {
    while (this.#read < this.size) {
      const piece = await source.read(this.#read, Math.min(this.#read + PIECE_BYTES, this.size));
      this.#read += piece.length;
      this.#hash.update(piece);
      this.onBytes?.(piece.length);
      yield piece;
    }
  }

  #changed(how: string): InputError {
    return partProblem(`a part is not what the manifest says: ${how}`, this.name);
  }
}

const partProblem = (message: string, where: string, cause?: unknown): InputError =>
  new InputError('MANIFEST_PART', `${message}.`, {
    where,
    remedy: 'Put it back as it was decoded and retry the job, or decode anew. Nothing was written.',
    cause,
  });
