// Builds what the package ships: the wasm kernels, library and constructs as ESM with declarations, and, bundled, the
// terminal tool and the functions.
import { spawnSync } from 'node:child_process';
import { chmod, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildFunctions } from './build-functions.ts';
import { buildKernels } from './build-kernels.ts';
import { buildReportPage } from './build-report-page.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Emits `dist/lib` and `dist/infra`: JavaScript that Node runs under node_modules, where it strips no types. */
function compileLibrary(): void {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const { status } = spawnSync(tsc, ['-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('library or constructs do not compile');
}

/** Bundles the terminal tool with all that it needs, so that it starts fast and installs without them. */
async function bundleTool(): Promise<void> {
  await build({
    // The worker is what a thread of decode runs: it has to be a file of its own.
    entryPoints: [join(root, 'cli', 'keyferry.ts'), join(root, 'lib', 'jobs', 'decode-worker.ts')],
    outdir: join(root, 'dist'),
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is imported when it is needed is a file of its own: the SDK of AWS is larger than all else together.
    splitting: true,
    // Beside the tool: what finds its neighbours by its own place (import.meta.url) may be in any of them.
    chunkNames: '[name]-[hash]',
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
  await chmod(join(root, 'dist', 'keyferry.mjs'), 0o755);
}

await rm(join(root, 'dist'), { recursive: true, force: true });
await buildKernels();
compileLibrary();
await bundleTool();
await buildReportPage();
buildFunctions();
