// One function as one file: how functions are bundled, for the package's build and for synth in the checkout alike.
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Node's releases under which bundles run: that of the Lambda runtime. */
export const NODE = 'node24';

export interface Bundle {
  readonly name: string;
  /** In bytes. */
  readonly bytes: number;
}

/**
 * Bundles `SOURCES/NAME.ts` with all that it needs into `OUT/NAME/index.mjs`, the only file there. Needs esbuild, which
 * only the checkout has.
 */
export function bundleFunction(name: string, sources: string, out: string): Bundle {
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
  const { metafile } = buildSync({
    entryPoints: [join(sources, `${name}.ts`)],
    outfile: join(out, name, 'index.mjs'),
    bundle: true,
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
  const [output] = Object.values(metafile.outputs);
  return { name, bytes: output?.bytes ?? 0 };
}
