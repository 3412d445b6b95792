// The manifest of a decode in parts: what each part holds, and whether all of it is there. docs/json-format.md describes it.
import { InputError } from '../errors.ts';
import type { Packing } from '../storage/output.ts';
import { JsonBuffer } from '../targets/json/json-buffer.ts';

export const MANIFEST_FILE = 'manifest.json';
/** What is not lines of JSON. */
const KINDS: Readonly<Record<string, string>> = { 'rdb-cli': 'json', 'rdbtools-csv': 'csv' };
const FORMAT = 'keyferry-decode';
const VERSION = 1;

/** One part. Its lines are those of whole keys: a key's lines never cross parts. */
export interface ManifestPart {
  /** Its name in the manifest's folder. */
  readonly file: string;
  /** The RDB that it is of. */
  readonly source: string;
  readonly keys: number;
  readonly lines: number;
  /** Bytes of JSON, before packing. */
  readonly jsonBytes: number;
  /** Bytes of the file. */
  readonly bytes: number;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** False for the part that damage or a stop cut off. */
  readonly complete: boolean;
}

export interface DecodeManifest {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  /** All keys of all files, but those that the filter left out and the damaged ones named below, are in the parts. */
  readonly complete: boolean;
  /** Where the parts lie, as `s3://BUCKET/FOLDER/`, so that a copy of the manifest finds them. Without it: beside it. */
  readonly location?: string;
  readonly shape: string;
  readonly keys: number;
  readonly filtered: number;
  readonly lines: number;
  readonly jsonBytes: number;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly rdb: string }[];
  readonly parts: readonly ManifestPart[];
  /** Keys whose values are left out, being damaged. A key that is no text is `{"base64":…}`, one that is itself damaged null. */
  readonly damaged: readonly {
    readonly file: string;
    readonly db: number;
    readonly key: unknown;
    readonly offset: number;
    readonly code: string;
    readonly message: string;
  }[];
  readonly warnings: readonly string[];
  readonly error: { readonly code: string; readonly message: string; readonly where?: string | undefined } | null;
}

/** The file name of the n-th part, from 0 on. */
export function partName(n: number, shape: string, packing: Packing): string {
  const plain = `part-${String(n).padStart(5, '0')}.${KINDS[shape] ?? 'jsonl'}`;
  return packing === 'none' ? plain : `${plain}.${packing}`;
}

/** A damaged key as the manifest has it. */
export function manifestKey(key: Buffer | undefined): unknown {
  if (key === undefined) return null;
  const out = new JsonBuffer();
  out.string(key);
  return JSON.parse(out.written.toString());
}

export function newManifest(facts: Omit<DecodeManifest, 'format' | 'version'>): DecodeManifest {
  return { format: FORMAT, version: VERSION, ...facts };
}

/** The manifest as its file holds it. */
export function manifestText(manifest: DecodeManifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** @throws {InputError} `MANIFEST_FORMAT` for anything but a manifest of this version */
export function parseManifest(text: string, where: string): DecodeManifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new InputError('MANIFEST_FORMAT', 'this is no manifest: it is not JSON.', { where, cause });
  }
  const manifest = parsed as Partial<DecodeManifest> | null | undefined;
  if (manifest?.format !== FORMAT || !Array.isArray(manifest.parts)) {
    throw new InputError('MANIFEST_FORMAT', 'this is no manifest of a decode.', { where });
  }
  if (manifest.version !== VERSION) {
    throw new InputError('MANIFEST_FORMAT', `version ${manifest.version} of the manifest is not known here.`, {
      where,
    });
  }
  const wrong = wrongField(manifest);
  if (wrong !== undefined) throw new InputError('MANIFEST_FORMAT', `this is no manifest: ${wrong}.`, { where });
  return manifest as DecodeManifest;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Which of the fields that readers go by is not as it has to be, in words. */
function wrongField({ complete, shape, location, damaged, parts = [] }: Partial<DecodeManifest>): string | undefined {
  if (typeof complete !== 'boolean') return 'it does not say whether it is complete';
  if (typeof shape !== 'string') return 'it names no shape';
  if (location !== undefined && typeof location !== 'string') return 'its location is no text';
  if (!Array.isArray(damaged)) return 'it has no list of damaged keys';
  const n = parts.findIndex((part: Partial<ManifestPart> | null) => {
    const { file, keys, lines, jsonBytes, bytes, sha256, complete } = part ?? {};
    const isNamed = typeof file === 'string' && /^[^/]+$/.test(file);
    const isCounted = [keys, lines, jsonBytes, bytes].every(isCount);
    const isHashed = typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
    return !(isNamed && isCounted && isHashed && typeof complete === 'boolean');
  });
  return n < 0 ? undefined : `its part ${n} lacks a file name, counts, a SHA-256, or whether it is complete`;
}
