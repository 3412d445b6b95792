// The RDB engine on its own: where records begin and end, what values hold, and the payloads that RESTORE takes.
export { RdbError } from '../errors.ts';
export * from './decode.ts';
export { type ChecksumVerdict, type Dialect, type DialectName, dialectFromMagic } from './dialect.ts';
export { encodeValue } from './encode.ts';
export { dumpPayload } from './payload.ts';
export { hasParts, type PartOptions, type PieceSource, readValueParts } from './read-parts.ts';
export {
  type Conversion,
  conversion,
  LOSSES,
  type Loss,
  type Reencoded,
  type ReencodeOptions,
  reencode,
  type TypedValue,
  type TypeSupport,
  takes,
} from './reencode.ts';
export * from './same-value.ts';
export { HELD_RECORD_BYTES, RdbScanner, ScanEvent, type ScanOptions, type ScanState } from './scanner.ts';
export type { TemplateNames } from './templates.ts';
export { redisTypes, type ValueKind, type ValueType, valkeyTypes } from './types.ts';
export type { ValuePart } from './value-parts.ts';
