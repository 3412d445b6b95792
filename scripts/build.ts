// Builds what the package ships: the wasm kernels, the library as ESM with declarations, and the terminal tool in one file.
import { spawnSync } from 'node:child_process';
import { chmod, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildKernels } from './build-kernels.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Emits `dist/lib`: JavaScript that Node runs under node_modules, where it strips no types. */
function compileLibrary(): void {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const { status } = spawnSync(tsc, ['-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the library does not compile');
}

/** Bundles the terminal tool with all that it needs, so that it starts fast and installs as one file. */
async function bundleTool(): Promise<void> {
  const outfile = join(root, 'dist', 'keyferry.mjs');
  await build({
    entryPoints: [join(root, 'cli', 'keyferry.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    // Less to parse at each start; names stay, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    define: { KEYFERRY_VERSION: JSON.stringify(version) },
    // ioredis is CommonJS and requires Node's own modules at run time.
    banner: {
      js: "import { createRequire as keyferryRequire } from 'node:module'; const require = keyferryRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  await chmod(outfile, 0o755);
}

await rm(join(root, 'dist'), { recursive: true, force: true });
await buildKernels();
compileLibrary();
await bundleTool();
