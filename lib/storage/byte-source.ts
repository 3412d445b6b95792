// The one seam through which stored bytes are read: ranges of something whose size is known and which must not change.

/** What tells that an input is still the one that was planned. */
export interface SourcePin {
  /** Size in bytes. */
  readonly size: number;
  /** Time of the last change in ms, for files. */
  readonly mtimeMs?: number | undefined;
  /** Entity tag, and version id where the bucket keeps versions, for objects. */
  readonly etag?: string | undefined;
  readonly version?: string | undefined;
}

/** Stored bytes, read by range. Reads may overlap in time. */
export interface ByteSource {
  /** What people call it: a path or an object's URL. */
  readonly name: string;
  readonly size: number;
  readonly pin: SourcePin;
  /** Of a local file: where another thread can open it. */
  readonly path?: string;
  /**
   * Reads the bytes from `start` to `end` (exclusive).
   *
   * @param into where to put them; a new buffer of exactly that size when left out
   * @returns the buffer, filled from its beginning with `end - start` bytes
   * @throws {InputError} `INPUT_CHANGED` when the source is no longer what it was when it was opened, `INPUT_READ` when
   * the bytes cannot be had
   */
  read(start: number, end: number, into?: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

/** True when two pins speak of the same bytes, as far as pins can tell. */
export function samePin(a: SourcePin, b: SourcePin): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.etag === b.etag && a.version === b.version;
}
