// Makes the README's pictures of the report of `inspect` (docs/images): a made-up report in headless Chromium.
//
// Usage: node scripts/screenshot.ts [FOLDER]; `CHROMIUM` names the browser where it is not on the path.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { renderHtml } from '../cli/inspect-html.ts';
import { findChromium, startChromium } from '../test/support/chromium.ts';
import { sampleInspectReport } from '../test/support/sample-inspect-report.ts';
import { buildReportPage } from './build-report-page.ts';

const PICTURES = [
  { name: 'inspect-light.png', theme: 'light', width: 1440, height: 1224 },
  { name: 'inspect-dark.png', theme: 'dark', width: 1440, height: 1224 },
  { name: 'inspect-phone.png', theme: 'light', width: 390, height: 844 },
] as const;
/** What the README may load. */
const MOST_BYTES = 300_000;

const executable = findChromium();
if (executable === undefined) {
  console.error('no Chromium on the path: install one, or name it in CHROMIUM');
  process.exit(1);
}
const folder = process.argv[2] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'images');
mkdirSync(folder, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'keyferry-screenshot-'));
const browser = await startChromium(executable);
try {
  const file = join(work, 'page.html');
  await buildReportPage(file);
  writeFileSync(file, await renderHtml({ ...sampleInspectReport(), warnings: [] }, readFileSync(file, 'utf8')));
  for (const { name, theme, width, height } of PICTURES) {
    const page = await browser.newPage();
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('.treemap canvas');
    const path = join(folder, name);
    await page.screenshot({ path: path as `${string}.png` });
    await page.close();
    const { size } = statSync(path);
    console.log(`${name}: ${size} bytes`);
    if (size > MOST_BYTES) throw new Error(`${name} is larger than ${MOST_BYTES} bytes`);
  }
} finally {
  await browser.close();
  rmSync(work, { recursive: true, force: true });
}
