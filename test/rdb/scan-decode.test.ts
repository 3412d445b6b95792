// The scanner and the decoder know each type's layout on their own: here they must agree on where every value ends.
import { expect, test } from 'vitest';
import { decodeTemplateNames, decodeValue } from '../../lib/rdb/decode.ts';
import { RdbScanner, ScanEvent } from '../../lib/rdb/scanner.ts';
import { plain } from '../support/decoded.ts';
import type { BuiltValue } from '../support/rdb-builders.ts';
import { RdbFileBuilder } from '../support/rdb-file-builder.ts';
import { samples, sampleTemplate, sampleTemplates } from '../support/value-samples.ts';

function check(magic: string, values: readonly BuiltValue[]): void {
  const builder = new RdbFileBuilder(magic).aux('redis-bits', '64', 'int').selectDb(0).resizeDb(values.length, 0);
  if (magic.startsWith('REDIS')) builder.hashTemplate(sampleTemplate.id, sampleTemplate.fields);
  values.forEach((value, i) => {
    builder.expireMs(4_000_000_000_000n + BigInt(i)).key(`key:${i}`, value);
  });
  const file = builder.end();
  const scanner = new RdbScanner({ size: file.length });
  scanner.feed(file);
  let found = 0;
  for (let event = scanner.next(); event !== ScanEvent.END; event = scanner.next()) {
    if (event === ScanEvent.MORE) scanner.finish();
    if (event === ScanEvent.HASH_TEMPLATE) {
      const { offset, bytes } = scanner.template();
      expect(decodeTemplateNames(file.subarray(offset, offset + bytes)).map(String)).toEqual(sampleTemplate.fields);
    }
    if (event !== ScanEvent.KEY) continue;
    const { type, value } = values[found] as BuiltValue;
    const span = file.subarray(scanner.valueStart, scanner.recordEnd);
    expect(scanner.type, `key ${found}`).toBe(type);
    expect(span.equals(value), `${type.name} ends where its bytes end`).toBe(true);
    const options = { templates: sampleTemplates };
    expect(plain(decodeValue(type, span, options))).toEqual(plain(decodeValue(type, value, options)));
    found++;
  }
  expect(found).toBe(values.length);
}

test('every type that Redis writes', () => {
  check(
    'REDIS0015',
    samples.filter(({ type }) => type.name !== 'HASH_2' && type.name !== 'PATH_HASH'),
  );
});

test('every type that Valkey writes', () => {
  check(
    'VALKEY081',
    samples.filter(({ type }) => type.code <= 21 || type.name === 'HASH_2' || type.name === 'PATH_HASH'),
  );
});
