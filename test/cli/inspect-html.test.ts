// The HTML of `inspect` as a file: whole, closed to the network, and with nothing in it that a key's name could break.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderHtml } from '../../cli/inspect-html.ts';
import { buildReportPage } from '../../scripts/build-report-page.ts';
import { hostileInspectReport } from '../support/odd-inspect-reports.ts';
import { sampleInspectReport } from '../support/sample-inspect-report.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyferry-html-'));
let page: string;

beforeAll(async () => {
  const file = join(folder, 'report-page.html');
  await buildReportPage(file);
  page = readFileSync(file, 'utf8');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The text of the page's data block, as a browser finds it: up to the first end of a script. */
function dataOf(html: string): string {
  return html.split('<script type="application/json" id="report">')[1]?.split(/<\/script/i)[0] ?? '';
}

test('what goes in comes out, whatever names say', async () => {
  const report = hostileInspectReport();
  const data = dataOf(await renderHtml(report, page));
  expect(JSON.parse(data)).toEqual(report);
  expect(data.match(/[<>&\u2028\u2029]/)?.[0]).toBeUndefined();
});

test('a report adds no element, and changes nothing of the page around it', async () => {
  const html = await renderHtml(hostileInspectReport(), page);
  // Compared as a truth value: half a megabyte twice is no message.
  expect(html.replace(dataOf(html), () => '') === page).toBe(true);
});

test('the policy admits the style and the script of the page and nothing else', () => {
  const policy = page.match(/<meta http-equiv="Content-Security-Policy" content="([^"]*)">/)?.[1] ?? '';
  const hash = (element: string) => {
    const text = page.split(`<${element}>`)[1]?.split(`</${element}>`)[0] ?? '';
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    `script-src ${hash('script')}`,
    `style-src ${hash('style')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ]);
});

test('the page refers to no other file and stays small', () => {
  const markup = page.replace(/<script>.*?<\/script>/s, '');
  expect(markup.match(/<(?:link|img|iframe|base)\b|\ssrc=|@import|url\(/i)?.[0]).toBeUndefined();
  expect(Buffer.byteLength(page)).toBeLessThan(900_000);
});

test('the licences of what is bundled are in the page', () => {
  const comments = page.slice(page.lastIndexOf('<!--'));
  expect(comments).toContain('Copyright 2017-2026 The Apache Software Foundation');
  expect(comments).toContain('Redistributions in binary form must reproduce');
});

test('a page without a place for a report is refused by name', async () => {
  await expect(renderHtml(sampleInspectReport(), '<!doctype html>')).rejects.toMatchObject({
    code: 'REPORT_PAGE_MISSING',
  });
});
