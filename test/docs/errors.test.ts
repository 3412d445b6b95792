// docs/errors.md names every error code that there is, under the exit code that it ends with, and no other.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT, exitCodeOfError } from '../../cli/exit-codes.ts';
import { ConfigError } from '../../lib/config/index.ts';
import * as errors from '../../lib/errors.ts';
import { redisTypes, valkeyTypes } from '../../lib/rdb/types.ts';
import { documents, read, root, rows } from './documents.ts';

/** UPPER_SNAKE words in the sources that are no codes of ours. */
const OTHERS: ReadonlySet<string> = new Set([
  ...[...redisTypes, ...valkeyTypes].flatMap((type) => (type === undefined ? [] : [type.name])),
  ...[
    'KEYFERRY_PASSWORD',
    'KEYFERRY_SOURCE_PASSWORD',
    'KEYFERRY_SENTINEL_PASSWORD',
    'KEYFERRY_DEBUG',
    'KEYFERRY_VERSION',
    'NO_COLOR',
    'LC_ALL',
    'LC_CTYPE',
    'EAI_AGAIN',
    'ALL_NEW',
    'ALL_OLD',
    'PENDING_REDRIVE',
  ],
]);

const text = ['lib', 'cli'].flatMap(sources).join('\n');

/** Every code in the sources; Node's own (ERR_…, Z_…) left out. */
const codes = new Set([
  ...[...text.matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g)].map(([, word]) => word as string),
  ...[...text.matchAll(/Error\(\s*'([A-Z]+)'/g)].map(([, word]) => word as string),
]);
for (const code of codes) if (OTHERS.has(code) || /^(ERR|Z|ZSTD)_/.test(code)) codes.delete(code);
// Told where no error of the family is at hand.
codes.add('DEFECT');

/** Documented codes by the exit code in the heading above them. */
const documented = new Map<string, number>();
for (const [part = ''] of read('docs/errors.md').matchAll(/^## Exit code \d+:.*?(?=^## |$(?![\s\S]))/gms)) {
  const exit = Number(/\d+/.exec(part)?.[0]);
  const listed = rows(part).map(([code = '']) => code.replaceAll('`', ''));
  // The two that stand alone are named in the first words of their section.
  const alone = /\n\n`([A-Z]+)`/.exec(part)?.[1];
  for (const code of [...listed, ...(alone === undefined ? [] : [alone])]) documented.set(code, exit);
}

test('every code is in docs/errors.md, and every code there exists', () => {
  expect([...documented.keys()].sort()).toEqual([...codes].sort());
});

test('each stands under the exit code that it ends with', () => {
  // The class stands beside most codes in the sources; families of codes have one class.
  const made = [...text.matchAll(/new ((?!Protocol)\w+Error)\(\s*'([A-Z_]+)'/g)].map(
    ([, name, code]): [code: string, exit: number] => [code as string, exitOf(name as string)],
  );
  const families = [...codes].flatMap((code): [code: string, exit: number][] => {
    if (/^(RDB|INPUT)_/.test(code)) return [[code, EXIT.input]];
    return /^(TARGET|RESP)_/.test(code) ? [[code, EXIT.target]] : [];
  });
  expect(made.length).toBeGreaterThan(30);
  const wrong = [...made, ...families]
    .filter(([code, exit]) => documented.get(code) !== exit)
    .map(([code, exit]) => `${code} ends with ${exit}, not ${documented.get(code)}`);
  expect(wrong).toEqual([]);
});

test('no other document names a code that there is not', () => {
  const strangers = documents.flatMap((document) =>
    [
      ...read(document).matchAll(
        /\b((?:RDB|INPUT|TARGET|LOCAL|LEDGER|PLAN|JOB|URL|DB|FILES|RESP|OPTION)_[A-Z_]*[A-Z])\b/g,
      ),
    ]
      .map(([, code]) => code as string)
      .filter((code) => !codes.has(code))
      .map((code) => `${document}: ${code}`),
  );
  expect(strangers).toEqual([]);
});

function exitOf(name: string): number {
  const family = { ...errors, ConfigError } as unknown as Record<string, { prototype: object }>;
  const error = Object.create(family[name]?.prototype ?? Error.prototype);
  return exitCodeOfError(error);
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.wasm.ts'))
    .map((name) => readFileSync(join(root, folder, name), 'utf8').replace(/^\s*\/\/.*$/gm, ''));
}
