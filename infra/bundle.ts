// One function as one folder: how functions are bundled, for the package's build and for synth in the checkout alike.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** Node's releases under which bundles run: that of the Lambda runtime. */
export const NODE = 'node24';

export interface Bundle {
  readonly name: string;
  /** Of all its files. */
  readonly bytes: number;
  /** Of the files that a cold start loads. */
  readonly startBytes: number;
}

/**
 * Bundles `SOURCES/NAME.ts` with all that it needs into the folder `OUT/NAME`: `index.mjs`, and beside it what that
 * imports. Needs esbuild, which only the checkout has.
 */
export function bundleFunction(name: string, sources: string, out: string): Bundle {
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
  const { metafile } = buildSync({
    entryPoints: { index: join(sources, `${name}.ts`) },
    outdir: join(out, name),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is imported when it is needed is a file of its own, and costs a cold start nothing: the client of the target,
    // that of Secrets Manager, and the SDK's ways to credentials that a function never takes (its are in its environment).
    // One of these imports `node:http`, and in one file it would be loaded with all else: Node then loads its fetch too.
    splitting: true,
    platform: 'node',
    target: NODE,
    format: 'esm',
    // The SDK's ESM is smaller than its CommonJS, of which nothing can be left out.
    mainFields: ['module', 'main'],
    // Less to load at a cold start; names stay, for stack traces, and for errors that are known by their class.
    minify: true,
    keepNames: true,
    legalComments: 'none',
    metafile: true,
    define: { KEYFERRY_VERSION: JSON.stringify(version) },
    // ioredis is CommonJS and requires Node's own modules at run time.
    banner: {
      js: "import { createRequire as keyferryRequire } from 'node:module'; const require = keyferryRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  const { outputs } = metafile;
  const entry = Object.keys(outputs).find((path) => path.endsWith('/index.mjs')) ?? '';
  return {
    name,
    bytes: sizeOf(outputs, Object.keys(outputs)),
    startBytes: sizeOf(outputs, loadedWith(outputs, entry)),
  };
}

type Outputs = Metafile['outputs'];

const sizeOf = (outputs: Outputs, paths: Iterable<string>): number =>
  [...paths].reduce((bytes, path) => bytes + (outputs[path]?.bytes ?? 0), 0);

/** A file, and those that it imports before it runs. */
function loadedWith(outputs: Outputs, path: string, loaded = new Set<string>()): Set<string> {
  if (outputs[path] === undefined || loaded.has(path)) return loaded;
  loaded.add(path);
  for (const { path: imported, kind } of outputs[path].imports) {
    if (kind === 'import-statement') loadedWith(outputs, imported, loaded);
  }
  return loaded;
}
