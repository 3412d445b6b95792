// The parts of a decode as files of one folder, and their manifest, which is written last.
import { createHash, type Hash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalError, UsageError } from '../errors.ts';
import { createFile } from '../storage/file-sink.ts';
import { type Output, openOutput, type Packing } from '../storage/output.ts';
import type { DecodeReport } from './decode.ts';
import {
  MANIFEST_FILE,
  type ManifestPart,
  manifestKey,
  manifestText,
  newManifest,
  partName,
} from './decode-manifest.ts';
import type { DecodeTally } from './record-decoder.ts';

export interface PartFilesOptions {
  /** Parts that each file is cut into, about equal in the RDB's bytes. Default 1. */
  readonly parts?: number | undefined;
  /** How the parts are packed. Default: not at all. */
  readonly packing?: 'gz' | 'zst' | undefined;
  readonly shape?: string | undefined;
}

type Counts = Pick<DecodeTally, 'keys' | 'lines' | 'bytes'>;

interface OpenPart {
  readonly file: string;
  readonly source: string;
  readonly output: Output;
  readonly hash: Hash;
  stored: number;
  /** What was counted before it. */
  readonly before: Counts;
}

/** Writes `part-00000.jsonl` and so on. Each has its name when it is whole; what is cut off keeps `.partial` behind it. */
export class PartFiles {
  readonly parts: number;
  readonly #folder: string;
  readonly #packing: Packing;
  readonly #shape: string;
  readonly #written: ManifestPart[] = [];
  #open: OpenPart | undefined;

  /**
   * @throws {UsageError} `OUTPUT_NOT_EMPTY` where parts of another decode lie there
   * @throws {LocalError} when the folder can't be made or read
   */
  static async open(folder: string, options: PartFilesOptions = {}): Promise<PartFiles> {
    let names: string[];
    try {
      await mkdir(folder, { recursive: true });
      names = await readdir(folder);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new LocalError('LOCAL_NOT_WRITABLE', `the folder cannot be used: ${why}.`, { where: folder, cause });
    }
    // Whoever reads part-* would read those too.
    if (names.some((name) => name === MANIFEST_FILE || name.startsWith('part-'))) {
      throw new UsageError('OUTPUT_NOT_EMPTY', 'the folder holds the parts of another decode.', {
        where: folder,
        remedy: 'Name a new folder, or remove that one.',
      });
    }
    return new PartFiles(folder, options);
  }

  constructor(folder: string, { parts = 1, packing, shape = 'keyferry' }: PartFilesOptions) {
    this.parts = parts;
    this.#folder = folder;
    this.#packing = packing ?? 'none';
    this.#shape = shape;
  }

  /** Ends the part at hand, and begins the next one. `counted` is what has been counted until now. */
  async next(source: string, counted: Counts): Promise<void> {
    await this.commit(counted);
    const file = partName(this.#written.length, this.#shape, this.#packing);
    const hash = createHash('sha256');
    const onStored = (bytes: Buffer): void => {
      hash.update(bytes);
      open.stored += bytes.length;
    };
    const output = await openOutput(join(this.#folder, file), onStored);
    const { keys, lines, bytes } = counted;
    const open: OpenPart = { file, source, output, hash, stored: 0, before: { keys, lines, bytes } };
    this.#open = open;
  }

  async write(bytes: Buffer): Promise<void> {
    await (this.#open as OpenPart).output.write(bytes);
  }

  /** The part at hand is whole. */
  async commit(counted: Counts): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    await open.output.commit();
    this.#end(open, counted, true);
  }

  /** The part at hand is not whole. */
  async leave(counted: Counts): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    await open.output.leave();
    this.#end(open, counted, false);
  }

  /** Writes the manifest. */
  async finish(report: DecodeReport): Promise<void> {
    const { keys, filtered, lines, bytes, files, warnings, error, outcome } = report;
    const manifest = newManifest({
      complete: outcome === 'complete' || outcome === 'partial',
      shape: this.#shape,
      keys,
      filtered,
      lines,
      jsonBytes: bytes,
      files,
      parts: this.#written,
      damaged: report.damaged.map((damage) => ({
        ...damage,
        key: manifestKey(damage.key),
      })),
      warnings,
      error: error === undefined ? null : { code: error.code, message: error.message, where: error.where },
    });
    const file = await createFile(join(this.#folder, MANIFEST_FILE));
    await file.write(Buffer.from(manifestText(manifest)));
    await file.commit();
  }

  #end({ file, source, hash, stored, before }: OpenPart, counted: Counts, complete: boolean): void {
    this.#open = undefined;
    this.#written.push({
      file: complete ? file : `${file}.partial`,
      source,
      keys: counted.keys - before.keys,
      lines: counted.lines - before.lines,
      jsonBytes: counted.bytes - before.bytes,
      bytes: stored,
      sha256: hash.digest('hex'),
      complete,
    });
  }
}
