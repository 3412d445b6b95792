// The manifest of a decode in parts: what each part holds, and whether all of it is there. docs/json-format.md describes it.
import { InputError } from '../errors.ts';

export const MANIFEST_FILE = 'manifest.json';
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
  const manifest = parsed as Partial<DecodeManifest> | null;
  if (manifest?.format !== FORMAT || !Array.isArray(manifest.parts)) {
    throw new InputError('MANIFEST_FORMAT', 'this is no manifest of a decode.', { where });
  }
  if (manifest.version !== VERSION) {
    throw new InputError('MANIFEST_FORMAT', `version ${manifest.version} of the manifest is not known here.`, {
      where,
    });
  }
  return manifest as DecodeManifest;
}
