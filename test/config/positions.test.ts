// Whatever TOML the parser takes, each of its keys and values is found where it stands.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { findPlaces, lineAndColumn, type Place, placeOf } from '../../lib/config/positions.ts';
import { root } from '../docs/documents.ts';
import { runs, seedOr } from '../support/random.ts';

const SEED = seedOr(20_261_123);

const key = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_-]{1,3}$/),
  fc.string({ unit: 'binary', maxLength: 4 }).map(quoted),
  fc.stringMatching(/^[ "#.=[\]\\a-c]{0,4}$/).map((text) => `'${text}'`),
);
const space = fc.constantFrom('', ' ', '\t ');
const dotted = fc
  .tuple(fc.array(key, { minLength: 1, maxLength: 3 }), space)
  .map(([keys, gap]) => keys.join(`${gap}.${gap}`));
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom('1', '-0.5e3', 'true', 'inf', '0xBEEF', '1979-05-27T07:32:00Z', '07:32:00', '1979-05-27 07:32:00'),
    fc.string({ unit: 'binary', maxLength: 12 }).map(quoted),
    fc.stringMatching(/^[ "#,\]}=\\a-c]{0,6}$/).map((text) => `'${text}'`),
    fc.stringMatching(/^[ '#,\]}=a-c\n]{0,8}"{0,2}$/).map((text) => `"""${text}"""`),
    fc.stringMatching(/^[ "#,\]}=\\a-c\n]{0,8}'{0,2}$/).map((text) => `'''${text}'''`),
    fc
      .tuple(fc.array(tie('value'), { maxLength: 3 }), fc.constantFrom(' ', '\n', ' # ], "\n'))
      .map(([values, gap]) => `[${gap}${values.map((each) => `${each}${gap},${gap}`).join('')}]`),
    fc
      .array(fc.tuple(dotted, tie('value')), { maxLength: 3 })
      .map((pairs) => `{ ${pairs.map(([name, each]) => `${name} = ${each}`).join(' , ')} }`),
  ),
}));
const line = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(dotted, space, value).map(([name, gap, text]) => `${gap}${name}${gap}=${gap}${text}${gap}`),
  },
  { weight: 1, arbitrary: fc.tuple(dotted, space).map(([name, gap]) => `[${gap}${name}${gap}]${gap}# [x]`) },
  { weight: 1, arbitrary: dotted.map((name) => ` [[${name}]]`) },
  { weight: 1, arbitrary: fc.constantFrom('', '# a = "', '\t') },
);
const lines = fc.tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'));
const documents = lines.map(([all, end]) => all.join(end));

describe('places', () => {
  test('of random documents', () => {
    let valid = 0;
    fc.assert(
      fc.property(documents, (text) => {
        if (expectFound(text)) valid++;
      }),
      { seed: SEED, numRuns: runs(500, 20_000) },
    );
    expect(valid, `seed ${SEED}`).toBeGreaterThan(100);
  });

  test('of the example, with some characters changed', () => {
    const example = readFileSync(join(root, 'keyferry.toml'), 'utf8').replace(/^# (?=\[|[a-z-]+ = | {2}\{|\])/gm, '');
    expect(expectFound(example)).toBe(true);
    const edits = fc.array(fc.tuple(fc.nat(example.length), fc.constantFrom(...'"\'[]{}#=,.\n \\a')), { maxLength: 3 });
    fc.assert(
      fc.property(edits, (all) => {
        let text = example;
        for (const [at, character] of all) text = text.slice(0, at) + character + text.slice(at + 1);
        expectFound(text);
      }),
      { seed: SEED, numRuns: runs(200, 5_000) },
    );
  });

  test('are those of the last table, where a name is given to several', () => {
    const text = '[[a]]\nx = 1\n[[a]]\n[a.b]\ny = 2\n';
    expect(lineAndColumn(text, placeOf(findPlaces(text), ['a', 1, 'b', 'y']).value.start)).toEqual({
      line: 5,
      column: 5,
    });
  });

  test('of what is missing are those of the table around it', () => {
    const text = 'a = 1\r\n\r\n[b]\r\n';
    expect(lineAndColumn(text, placeOf(findPlaces(text), ['b', 'c', 'd']).value.start)).toEqual({ line: 3, column: 1 });
  });

  test('count characters, not their units', () => {
    const text = 'a = { "😀" = 1 }';
    expect(lineAndColumn(text, placeOf(findPlaces(text), ['a', '😀']).value.start)).toEqual({ line: 1, column: 13 });
  });
});

/** Whether the parser takes it; then the same paths must be found, and each value's text must be that value. */
function expectFound(text: string): boolean {
  let parsed: unknown;
  try {
    parsed = parse(text);
  } catch {
    return false;
  }
  const places = findPlaces(text);
  expect(paths(places), text).toEqual(pathsOf(parsed));
  eachLeaf(places, parsed, (place, value) => {
    const written = text.slice(place.value.start, place.value.end);
    expect(parse(`x = ${written}`), text).toEqual({ x: value });
  });
  return true;
}

function paths(place: Place, before: readonly string[] = []): string[] {
  return [...place.children]
    .flatMap(([name, child]) => [JSON.stringify([...before, name]), ...paths(child, [...before, name])])
    .sort();
}

function pathsOf(value: unknown, before: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  return Object.keys(value)
    .flatMap((name) => {
      const below = (value as Record<string, unknown>)[name];
      return [JSON.stringify([...before, name]), ...pathsOf(below, [...before, name])];
    })
    .sort();
}

function eachLeaf(place: Place, value: unknown, visit: (place: Place, value: unknown) => void): void {
  if (place.children.size === 0 && typeof value !== 'object') visit(place, value);
  for (const [name, child] of place.children) eachLeaf(child, (value as Record<string, unknown>)[name], visit);
}

/** JSON's escapes are TOML's but for one character. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\x7f', '\\u007f');
}
