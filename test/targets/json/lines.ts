// Lines of keys that a test builds: through a scanner over a real file, as a job would have them.
import { spawnSync } from 'node:child_process';
import { RdbScanner, ScanEvent } from '../../../lib/rdb/scanner.ts';
import type { ValueType } from '../../../lib/rdb/types.ts';
import { JsonBuffer } from '../../../lib/targets/json/json-buffer.ts';
import { type JsonLineOptions, JsonLines } from '../../../lib/targets/json/json-lines.ts';
import { heldParts, type LinePart, readLineParts } from '../../../lib/targets/json/line-parts.ts';
import { partLines } from '../../../lib/targets/json/part-lines.ts';
import { piecesOf } from '../../rdb/parts/pieces.ts';
import type { BuiltValue, Bytes } from '../../support/rdb-builders.ts';
import { RdbFileBuilder } from '../../support/rdb-file-builder.ts';
import { sampleTemplate, sampleTemplates as templates } from '../../support/value-samples.ts';

/** A record and the scanner that stands on it. */
export interface KeyRecord {
  readonly scanner: RdbScanner;
  readonly bytes: Buffer;
}

/** The first key of the file. */
export function firstKey(bytes: Buffer): KeyRecord {
  const scanner = new RdbScanner({ crc: false });
  scanner.feed(bytes, 0, bytes.length);
  for (;;) {
    const event = scanner.next();
    if (event === ScanEvent.KEY) return { scanner, bytes };
    if (event === ScanEvent.MORE || event === ScanEvent.END) throw new Error('the file has no key');
  }
}

export function recordOf(built: BuiltValue, key: Bytes = 'key', prepare?: (file: RdbFileBuilder) => void): KeyRecord {
  const isValkey = built.type.name === 'HASH_2' || built.type.name === 'PATH_HASH';
  const file = new RdbFileBuilder(isValkey ? 'VALKEY081' : 'REDIS0015');
  if (!isValkey) file.hashTemplate(sampleTemplate.id, sampleTemplate.fields);
  prepare?.(file);
  return firstKey(file.key(key, built).end('off'));
}

/** The key's line; `undefined` where it would be too long. */
export function lineOf({ scanner, bytes }: KeyRecord, options: JsonLineOptions = {}): string | undefined {
  const out = new JsonBuffer(Buffer.alloc(16));
  const wrote = new JsonLines(out, { templates, ...options }).entry(scanner, bytes, 0);
  if (!wrote && out.at !== 0) throw new Error('something was written of a line that was too long');
  return wrote ? out.written.toString() : undefined;
}

/** The key's lines when its value goes in parts; `out` is emptied at each. */
export async function partLinesOf(
  { scanner, bytes }: KeyRecord,
  maxLineBytes: number,
  partBytes: number,
  options: JsonLineOptions = {},
): Promise<string[]> {
  const out = new JsonBuffer(Buffer.alloc(16));
  const head = new JsonLines(out, { templates }).head(scanner, bytes, 0);
  const type = scanner.type as ValueType;
  const value = Buffer.from(bytes.subarray(scanner.valueStart, scanner.recordEnd));
  const held = type.kind === 'array' || type.name === 'PATH_HASH';
  const parts: Iterable<LinePart> | AsyncIterable<LinePart> = held
    ? heldParts(type, value)
    : readLineParts(type, piecesOf(value), { partBytes, templates });
  const lines: string[] = [];
  for await (const _ of partLines(head, parts, out, { maxLineBytes, ...options })) {
    lines.push(...out.written.toString().split(/(?<=\n)/));
    out.at = 0;
  }
  return lines;
}

const STRICT = `
import json, sys
def refuse(name):
    raise ValueError(name)
def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names): raise ValueError('a name comes twice')
    return dict(pairs)
for number, line in enumerate(sys.stdin.buffer, 1):
    try:
        value = json.loads(line.decode('utf-8', 'strict'), parse_constant=refuse, object_pairs_hook=unique)
        assert isinstance(value, dict)
    except Exception as error:
        sys.exit('line %d: %s' % (number, error))
print(number)
`;

/** What python3's JSON parser, which knows no NaN here, says of the lines: their number. */
export function strictlyParsed(lines: readonly string[]): string {
  const { stdout, stderr } = spawnSync('python3', ['-c', STRICT], { input: lines.join(''), encoding: 'utf8' });
  return stdout.trim() + stderr.trim();
}
