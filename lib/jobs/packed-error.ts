// Errors of the family as plain data, for their way from one thread to another.
import {
  ConnectionError,
  InputError,
  InterruptedError,
  KeyferryError,
  LocalError,
  OutputError,
  RdbError,
  StoreError,
  TargetError,
  UsageError,
} from '../errors.ts';

export interface PackedError {
  /** The class's name; of a defect, which is no error of the family, its own. */
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
  readonly where?: string | undefined;
  readonly remedy?: string | undefined;
  readonly place?: { readonly offset: number; readonly db: number | undefined; readonly key: Uint8Array | undefined };
  readonly stack: string | undefined;
}

const CLASSES = {
  ConnectionError,
  InputError,
  InterruptedError,
  LocalError,
  OutputError,
  StoreError,
  TargetError,
  UsageError,
} as const;

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { name: 'Error', code: undefined, message: String(error), stack: undefined };
  const { name, message, stack } = error;
  if (!(error instanceof KeyferryError)) return { name, code: undefined, message, stack };
  const { code, where, remedy } = error;
  const packed = { name, code, message, where, remedy, stack };
  if (!(error instanceof RdbError)) return packed;
  const { offset, db, key } = error;
  return { ...packed, place: { offset, db, key } };
}

/** The error again, of its class; anything else becomes an Error with the stack of where it was thrown. */
export function unpackError({ name, code, message, where, remedy, place, stack }: PackedError): Error {
  if (code === undefined) return Object.assign(new Error(message), { name, stack });
  if (place !== undefined) return new RdbError(code, message, place, { remedy });
  const Class = CLASSES[name as keyof typeof CLASSES] ?? KeyferryError;
  return new Class(code, message, { where, remedy });
}
