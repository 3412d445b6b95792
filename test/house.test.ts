// The order of the house: in lib/ a room imports only from rooms below it, and from nothing outside.
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** From top to bottom, as CONTRIBUTING.md has it. */
const ROOMS = [
  ...['jobs', 'sources', 'targets', 'filter', 'checkpoint', 'redis'],
  ...['rdb', 'resp', 'storage', 'config', 'bytes', 'telemetry', 'text'],
];
/** The one room that errors.ts, which every other room may use, may use itself. */
const BELOW_ERRORS = 'text';

/** A file's path from lib/ on, with slashes, and its text. */
interface Source {
  readonly path: string;
  readonly text: string;
}

const library = sources(join(root, 'lib'));
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};

test('each room imports only from itself and the rooms below it', () => {
  expect(offenders(library)).toEqual([]);
});

test('an import upwards, of a stranger, and out of the library would be found', () => {
  const made: Source[] = [
    { path: 'rdb/scan.ts', text: "import {\n  a,\n} from '../redis/control.ts';\nimport { b } from '../bytes/b.ts';" },
    { path: 'bytes/b.ts', text: "export * from '../../cli/format.ts';\nimport '../errors.ts';" },
    { path: 'jobs/j.ts', text: "const c = await import('commander');\nimport { d } from '../targets/redis/d.ts';" },
    { path: 'kitchen/k.ts', text: "import { readFile } from 'node:fs/promises';" },
    { path: 'errors.ts', text: "import type { E } from './telemetry/clock.ts';\nimport { f } from './text/f.ts';" },
    { path: 'text/f.ts', text: "import { g } from '../errors.ts';" },
  ];
  expect(offenders(made)).toEqual([
    'rdb/scan.ts imports redis/control.ts: redis is above rdb',
    'bytes/b.ts imports ../cli/format.ts, which is not in lib/',
    'jobs/j.ts imports commander, which is no dependency of the package',
    'kitchen/k.ts is in kitchen, which is no room of the house',
    'errors.ts imports telemetry/clock.ts: telemetry is above errors.ts',
    'text/f.ts imports errors.ts, which is above text',
  ]);
});

test('each file says in its first line what it is for', () => {
  const silent = library.filter(({ text }) => !/^\/\/ \S.*/.test(text)).map(({ path }) => path);
  expect(silent).toEqual([]);
});

/** What breaks the order, one sentence each. */
function offenders(files: readonly Source[]): string[] {
  return files.flatMap(({ path, text }) => {
    const room = roomOf(path);
    if (room !== undefined && !ROOMS.includes(room)) return [`${path} is in ${room}, which is no room of the house`];
    return importsOf(text).flatMap((specifier) => {
      const problem = offence(path, room, specifier);
      return problem === undefined ? [] : [`${path} imports ${problem}`];
    });
  });
}

function offence(path: string, room: string | undefined, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) {
    const known = specifier.startsWith('node:')
      ? builtinModules.includes(specifier.slice(5))
      : specifier in dependencies;
    return known ? undefined : `${specifier}, which is no dependency of the package`;
  }
  const imported = posix.normalize(posix.join(posix.dirname(path), specifier));
  if (imported.startsWith('..')) return `${imported}, which is not in lib/`;
  const from = roomOf(imported);
  // Files directly in lib/: index.ts is the roof, errors.ts all but the floor.
  if (path === 'index.ts') return undefined;
  if (path === 'errors.ts') return from === BELOW_ERRORS ? undefined : `${imported}: ${from} is above errors.ts`;
  if (imported === 'errors.ts') return room === BELOW_ERRORS ? `errors.ts, which is above ${room}` : undefined;
  if (from === undefined) return `${imported}, which is above all rooms`;
  // A room that is none of the house is told of by its own files.
  const above = ROOMS.includes(from) && ROOMS.indexOf(from) < ROOMS.indexOf(room as string);
  return above ? `${imported}: ${from} is above ${room}` : undefined;
}

/** The first folder of a path; `undefined` for a file directly in lib/. */
function roomOf(path: string): string | undefined {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : undefined;
}

/** Everything that a file imports, types and re-exports included. */
function importsOf(text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*['"]([^'"]+)['"]/gm);
  const calls = text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g);
  return [...statements, ...calls].map(([, specifier]) => specifier as string);
}

function sources(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.wasm.ts') && !name.includes('/assembly/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
}
