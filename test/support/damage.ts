// Damages RDB files, and judges what became of one: a named error, or a result that can do no harm.
import { crc64 } from '../../lib/bytes/crc64.ts';
import { KeyferryError, RdbError } from '../../lib/errors.ts';
import { decodeTemplateNames, decodeValue } from '../../lib/rdb/decode.ts';
import { dumpPayload } from '../../lib/rdb/payload.ts';
import { RdbScanner, ScanEvent } from '../../lib/rdb/scanner.ts';
import { readString } from '../../lib/rdb/strings.ts';
import { asDumpForm, TEMPLATE_REFERENCES } from '../../lib/rdb/templates.ts';
import type { ValueType } from '../../lib/rdb/types.ts';
import { planRdb } from '../../lib/sources/rdb/plan.ts';
import { memorySource } from './memory-source.ts';
import type { Random } from './random.ts';
import { length } from './rdb-builders.ts';

/** How the checksum of a damaged file is left: as it was, made right again, or as `rdbchecksum no` writes it. */
export type Checksum = 'kept' | 'repaired' | 'disabled';

/** One to three bits that are turned. */
export function flipBits(bytes: Buffer, random: Random): Buffer {
  const damaged = Buffer.from(bytes);
  for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left--) {
    const at = random.int(0, damaged.length - 1);
    damaged[at] = (damaged[at] as number) ^ (1 << random.int(0, 7));
  }
  return damaged;
}

/** Lengths that nobody can have, or that are only just wrong. */
const FORGED: readonly bigint[] = [
  ...[0n, 1n, 63n, 64n, 255n, 16_383n, 16_384n, 65_535n],
  ...[2n ** 24n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 1n],
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];

/**
 * A length that is forged: over a place where a length is likely, in the RDB's own form, or in the little-endian form
 * of the blobs inside strings.
 *
 * @param places offsets where lengths are known to be
 */
export function forgeLength(bytes: Buffer, places: readonly number[], random: Random): Buffer {
  const at = places.length > 0 && random.chance(0.6) ? random.pick(places) : random.int(9, bytes.length - 1);
  const value = random.pick(FORGED);
  if (random.chance(0.25)) {
    const damaged = Buffer.from(bytes);
    const width = random.pick([2, 4, 4, 8]);
    let rest = BigInt.asUintN(8 * width, value);
    for (let i = 0; i < width && at + i < damaged.length; i++, rest >>= 8n) damaged[at + i] = Number(rest & 0xffn);
    return damaged;
  }
  const forged = random.chance(0.1) ? Buffer.concat([Buffer.of(0xc3), length(5), length(value)]) : length(value);
  // In the place of a length, or of whatever stands there; or between.
  const replaced = random.pick([0, 1, forged.length]);
  return Buffer.concat([bytes.subarray(0, at), forged, bytes.subarray(at + replaced)]);
}

export function withChecksum(bytes: Buffer, checksum: Checksum): Buffer {
  if (checksum === 'kept' || bytes.length < 18) return bytes;
  const changed = Buffer.from(bytes);
  changed.writeBigUInt64LE(checksum === 'disabled' ? 0n : crc64(bytes, 0, bytes.length - 8), bytes.length - 8);
  return changed;
}

/** What came of a file: the code of its error, or `read`. */
export type Verdict = { code: string } | { read: ReadFile };

export interface ReadFile {
  /** Bytes up to the end of the RDB. */
  end: number;
  /** Codes of the errors that values, keys and templates ended in, with how often. */
  inside: Record<string, number>;
}

/**
 * Reads a file the way that a restore does: scans it, decodes its keys and values, makes payloads of them; plans it too
 * where `planned` says so.
 *
 * @param pieces bytes of each feed
 * @throws {Error} when anything happens that should not: an error of another class, one without a place in the file, a
 * record out of order
 */
export async function judge(bytes: Buffer, pieces: number, planned = true): Promise<Verdict> {
  let verdict: Verdict;
  try {
    verdict = { read: readAll(bytes, pieces) };
  } catch (error) {
    verdict = { code: placed(error, bytes).code };
  }
  if (!planned) return verdict;
  // Planning sees the same, and more: what it keeps of a file has to be read, too.
  try {
    await planRdb(memorySource(bytes), { chunkBytes: 300 });
  } catch (error) {
    const { code } = placed(error, bytes);
    if ('code' in verdict && verdict.code !== code && !isInner(code)) {
      throw new Error(`the scan says ${verdict.code}, the plan ${code}`, { cause: error });
    }
    if ('read' in verdict && !isInner(code)) throw new Error(`only the plan says ${code}`, { cause: error });
    return 'read' in verdict ? { code } : verdict;
  }
  if ('code' in verdict && verdict.code !== 'RDB_CHECKSUM') {
    throw new Error(`the scan says ${verdict.code}, the plan nothing`);
  }
  return verdict;
}

/** Codes of what is inside a record, of which a scan sees nothing. */
function isInner(code: string): boolean {
  return code === 'RDB_LZF' || code === 'RDB_STRING' || code === 'RDB_TEMPLATE';
}

/** The error, which must be one of ours with a place in the file. */
function placed(error: unknown, bytes: Buffer): RdbError {
  if (!(error instanceof KeyferryError)) throw new Error(`not an error of ours: ${error}`, { cause: error });
  if (!(error instanceof RdbError)) throw new Error(`an error without an offset: ${error.code}`, { cause: error });
  if (!(error.offset >= 0 && error.offset <= bytes.length)) {
    throw new Error(`${error.code} at ${error.offset} of ${bytes.length}`, { cause: error });
  }
  // What a person sees has to be there, whatever is in the key.
  error.describe();
  return error;
}

function readAll(bytes: Buffer, pieces: number): ReadFile {
  const scanner = new RdbScanner({ size: bytes.length });
  const inside: Record<string, number> = {};
  const templates = new Map<bigint, { names: Buffer; offset: number }>();
  const within = (read: () => void) => {
    try {
      read();
    } catch (error) {
      const { code } = placed(error, bytes);
      inside[code] = (inside[code] ?? 0) + 1;
    }
  };
  let fed = 0;
  let before = 9;
  for (let event = scanner.next(); event !== ScanEvent.END; event = scanner.next()) {
    if (event === ScanEvent.MORE) {
      if (fed === bytes.length) scanner.finish();
      scanner.feed(Buffer.from(bytes.subarray(fed, fed + pieces)));
      fed = Math.min(bytes.length, fed + pieces);
      continue;
    }
    const { recordStart, recordEnd, keyStart, valueStart, metaStart, metaEnd, type } = scanner;
    // AUX among a key's attributes begins where the key does.
    if (!(recordStart >= before || event === ScanEvent.AUX || event === ScanEvent.KEY) || recordEnd > bytes.length) {
      throw new Error(`a record from ${recordStart} to ${recordEnd}, the one before ends at ${before}`);
    }
    if (recordEnd <= before) throw new Error(`a record ends at ${recordEnd}, the one before at ${before}`);
    before = recordEnd;
    if (event === ScanEvent.HASH_TEMPLATE) {
      const { id, offset, bytes: count } = scanner.template();
      templates.set(id, { names: bytes.subarray(offset, offset + count), offset });
      continue;
    }
    if (event !== ScanEvent.KEY) continue;
    if (!(keyStart < valueStart && valueStart <= recordEnd && metaStart <= metaEnd && metaEnd < keyStart)) {
      throw new Error(`key at ${keyStart}, value at ${valueStart}, metadata ${metaStart} to ${metaEnd}`);
    }
    within(() => readString(bytes, keyStart));
    const value = bytes.subarray(valueStart, recordEnd);
    within(() => {
      const lookup = (id: bigint) => {
        const template = templates.get(id);
        return template === undefined ? undefined : decodeTemplateNames(template.names, template.offset);
      };
      decodeValue(type as ValueType, value, { base: valueStart, templates: lookup });
    });
    within(() => {
      const meta = metaStart > 0 ? bytes.subarray(metaStart, metaEnd) : undefined;
      const dialect = scanner.dialect;
      if (type === undefined || dialect === undefined) throw new Error('a key without a type');
      const refers = TEMPLATE_REFERENCES[type.name] !== undefined;
      const form = refers ? asDumpForm(type, value, dialect, (id) => templates.get(id)?.names) : { type, value };
      dumpPayload(form.type, form.value, meta);
    });
  }
  return { end: scanner.recordEnd, inside };
}
