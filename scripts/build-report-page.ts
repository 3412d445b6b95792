// Builds the page of `keyferry inspect --html`: markup, style and script (report-page/) in one file that needs no network.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'report-page');

/**
 * Writes the page without a report: cli/inspect-html.ts puts one into its empty data block. The page's content security
 * policy names its style and script by hash, so that nothing else runs in it and nothing is fetched.
 *
 * @returns the size of the file in bytes
 */
export async function buildReportPage(outfile = join(root, 'dist', 'report-page.html')): Promise<number> {
  const style = await bundle('style.css');
  const script = await bundle('main.ts');
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = fill(readFileSync(join(sources, 'page.html'), 'utf8'), {
    policy: `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    style: `<style>${style}</style>`,
    script: `<script>${script}</script>`,
    notices: `<!-- Bundled in this page:\n\n${notices()}\n-->`,
  });
  mkdirSync(dirname(outfile), { recursive: true });
  writeFileSync(outfile, page);
  return Buffer.byteLength(page);
}

async function bundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(sources, name)],
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['chrome111', 'firefox114', 'safari16.4'],
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  });
  const text = outputFiles[0]?.text.trim() ?? '';
  if (/<\/(?:script|style)|<!--/i.test(text)) throw new Error(`${name} would end its own element in the page`);
  return text;
}

/** The licences' wish: what is bundled travels with its notices. */
function notices(): string {
  const read = (path: string) => readFileSync(join(root, 'node_modules', path), 'utf8').trim();
  return [
    `${read('echarts/NOTICE')}\nApache License 2.0: https://www.apache.org/licenses/LICENSE-2.0`,
    `ZRender\n${read('zrender/LICENSE')}`,
    `tslib\n${read('echarts/node_modules/tslib/LICENSE.txt')}`,
  ]
    .join('\n\n')
    .replaceAll('--', '- -'); // would end the comment that they stand in
}

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Puts each value where the template has a comment of its name and nothing else. */
function fill(template: string, values: Record<string, string>): string {
  return template.replace(/<!--(\w+)-->/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`page.html has a place for ${name}, which is not made`);
    return value;
  });
}

if (import.meta.main) console.log(`dist/report-page.html: ${await buildReportPage()} bytes`);
