// Writes a file that a test has built in one of the shapes, as a job would.
import { hasParts } from '../../../../lib/rdb/read-parts.ts';
import { RdbScanner, ScanEvent } from '../../../../lib/rdb/scanner.ts';
import { readString } from '../../../../lib/rdb/strings.ts';
import type { ValueType } from '../../../../lib/rdb/types.ts';
import { JsonBuffer } from '../../../../lib/targets/json/json-buffer.ts';
import { heldParts, readLineParts } from '../../../../lib/targets/json/line-parts.ts';
import { type Shape, type ShapeName, type ShapeOptions, shapeNamed } from '../../../../lib/targets/json/shape.ts';
import { piecesOf } from '../../../rdb/parts/pieces.ts';
import { sampleTemplates as templates } from '../../../support/value-samples.ts';

export interface Shaped {
  /** What was written, a byte a character. */
  readonly text: string;
  readonly lossy: Readonly<Record<string, number>>;
  /** The damage that the writing ended in. */
  readonly error: Error | undefined;
}

/** @param partBytes where given, every value that can be taken apart comes in parts of that size */
export async function shaped(
  name: ShapeName,
  file: Buffer,
  options: ShapeOptions = {},
  partBytes?: number,
): Promise<Shaped> {
  const out = new JsonBuffer(Buffer.alloc(16));
  const shape = shapeNamed(name, out, { now: 0, templates, ...options });
  const written: Buffer[] = [];
  const flush = () => {
    written.push(Buffer.from(out.written));
    out.at = 0;
  };
  shape.head();
  let error: Error | undefined;
  try {
    for await (const _ of records(shape, file, partBytes)) flush();
  } catch (thrown) {
    error = thrown as Error;
  }
  shape.tail();
  flush();
  return { text: Buffer.concat(written).toString('latin1'), lossy: Object.fromEntries(shape.lossy), error };
}

async function* records(shape: Shape, file: Buffer, partBytes: number | undefined): AsyncGenerator<void> {
  const scanner = new RdbScanner({ crc: false });
  scanner.feed(file, 0, file.length);
  for (;;) {
    const event = scanner.next();
    if (event === ScanEvent.END || event === ScanEvent.MORE) return;
    const value = () => readString(file, scanner.valueStart, 0).value;
    if (event === ScanEvent.AUX) shape.aux(Buffer.from(scanner.auxName() as string, 'latin1'), value());
    if (event === ScanEvent.FUNCTION) shape.functionLibrary(readString(file, scanner.recordStart + 1, 0).value);
    if (event !== ScanEvent.KEY) continue;
    const type = scanner.type as ValueType;
    const inParts = partBytes !== undefined && type.kind !== 'module';
    if (inParts || !shape.entry(scanner, file, 0)) yield* inPieces(shape, scanner, file, partBytes ?? 1000);
    yield;
  }
}

function inPieces(shape: Shape, scanner: RdbScanner, file: Buffer, partBytes: number): AsyncGenerator<void> {
  const type = scanner.type as ValueType;
  const value = Buffer.from(file.subarray(scanner.valueStart, scanner.recordEnd));
  const options = { partBytes, templates, base: scanner.valueStart };
  const parts = hasParts(type) ? readLineParts(type, piecesOf(value), options) : heldParts(type, value, options);
  const head = Buffer.from(file.subarray(0, scanner.valueStart + 1));
  return shape.large(scanner, head, 0, parts);
}
