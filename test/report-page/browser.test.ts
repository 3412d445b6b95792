// The report page in a real browser: what it shows, what clicks and keys do, and that no name from a file runs or loads.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderHtml } from '../../cli/inspect-html.ts';
import type { InspectReport } from '../../lib/targets/inspect/report.ts';
import { buildReportPage } from '../../scripts/build-report-page.ts';
import { findChromium, startChromium } from '../support/chromium.ts';
import {
  damagedInspectReport,
  emptyInspectReport,
  HOSTILE_NAMES,
  hashedInspectReport,
  hostileInspectReport,
} from '../support/odd-inspect-reports.ts';
import { sampleInspectReport } from '../support/sample-inspect-report.ts';

const REPORTS = {
  sample: sampleInspectReport,
  empty: emptyInspectReport,
  damaged: damagedInspectReport,
  hashed: hashedInspectReport,
  hostile: hostileInspectReport,
};

const executable = findChromium();
const lacksChromium = executable === undefined ? ' (skipped: no Chromium on the path; CHROMIUM may name one)' : '';

describe.skipIf(executable === undefined)(`in Chromium${lacksChromium}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-page-'));
  let browser: Browser;
  let empty: string;

  beforeAll(async () => {
    const file = join(folder, 'report-page.html');
    await buildReportPage(file);
    empty = readFileSync(file, 'utf8');
    browser = await startChromium(executable as string);
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('names from a file are text: nothing of them runs, loads or becomes an element', async () => {
    const { page, trouble } = await open(hostileInspectReport());
    expect(await ask(page, "document.querySelectorAll('img, svg, iframe, object, link').length")).toBe(0);
    expect(await ask(page, "document.querySelectorAll('script').length")).toBe(2);
    const keys = await ask<string[]>(
      page,
      "[...document.querySelectorAll('#big-keys tbody th')].map(e => e.textContent)",
    );
    for (const name of HOSTILE_NAMES.slice(0, 4)) expect(keys).toContain(name);
    expect(keys).toContain('line\\u2028separator\\u2029and\\x0anew line\\x00\\x1b[31m');
    expect(keys).toContain('user:\\u202egnp.exe');
    expect(keys).toContain('(empty name)');
    // Over each part of the treemap and of a histogram: their tooltips are made of names too.
    for (const chart of ['.treemap', '.bars']) {
      await ask(page, `document.querySelector('${chart}').scrollIntoView({ block: 'center', behavior: 'instant' })`);
      const box = await (await page.$(chart))?.boundingBox();
      if (!box) throw new Error(`${chart} is not there`);
      for (let step = 1; step < 12; step++) {
        await page.mouse.move(box.x + (box.width * step) / 12, box.y + box.height * 0.6);
        expect(await ask(page, "document.querySelectorAll('.chart img, .chart svg, .chart script').length")).toBe(0);
      }
      expect(await ask(page, `document.querySelector('${chart} .tip')?.textContent`)).toMatch(/Memory.*Keys/);
    }
    expect(await ask(page, 'document.title')).not.toBe('owned');
    expect(trouble()).toEqual([]);
  });

  test('a script that gets into the page all the same is barred', async () => {
    const { page } = await open(sampleInspectReport());
    await ask(
      page,
      `new Promise((done) => {
        addEventListener('securitypolicyviolation', done, { once: true });
        const script = document.createElement('script');
        script.textContent = 'window.owned = true';
        document.body.append(script);
      })`,
    );
    expect(await ask(page, 'window.owned')).toBeUndefined();
  });

  test('a click on an area looks inside it, a click on the path leads back', async () => {
    const { page, trouble } = await open(sampleInspectReport());
    const box = await (await page.$('.treemap'))?.boundingBox();
    if (!box) throw new Error('there is no treemap');
    await page.mouse.click(box.x + 30, box.y + 12);
    expect(await trail(page)).toEqual(['All keys', 'events:']);
    expect(await column(page, '#prefixes', 1)).toEqual(['orders:', 'clicks:']);
    await page.click('.trail button');
    expect(await trail(page)).toEqual(['All keys']);
    expect(trouble()).toEqual([]);
  });

  test('the keyboard goes where the mouse goes, and the new level is said', async () => {
    const { page } = await open(sampleInspectReport());
    await page.focus('#prefixes tbody tr:nth-child(3) .into');
    await page.keyboard.press('Enter');
    expect(await trail(page)).toEqual(['All keys', 'user:']);
    expect(await ask(page, "document.querySelector('#prefixes [aria-live]').textContent")).toMatch(/^user:: \d+ MB$/);
    expect(await ask(page, "document.activeElement.closest('.trail') !== null")).toBe(true);
  });

  test('one measure for all: areas, bars and tables follow it', async () => {
    const { page } = await open(sampleInspectReport());
    expect((await column(page, '#types', 1))[0]).toBe('string');
    expect((await column(page, '#prefixes', 1))[0]).toBe('events:');
    await page.click('.sticky input[value="keys"]');
    expect((await column(page, '#prefixes', 1))[0]).toBe('session:');
    expect(await ask(page, "document.querySelector('.treemap').getAttribute('aria-label')")).toMatch(/by keys/);
    expect(await ask(page, "document.querySelector('#prefixes [aria-sort=descending]').textContent")).toBe('Keys');
  });

  test('the biggest keys are sorted by any column and narrowed by name and type', async () => {
    const { page } = await open(sampleInspectReport());
    await page.click('#big-keys input[value="byElements"]');
    const elements = (await column(page, '#big-keys', 5)).map((text) => Number(text.replaceAll(',', '')));
    expect(elements).toEqual([...elements].sort((a, b) => b - a));
    const heading = '#big-keys thead th:first-child';
    await page.click(`${heading} button`);
    expect(await ask(page, `document.querySelector('${heading}').getAttribute('aria-sort')`)).toBe('ascending');
    const names = await column(page, '#big-keys', 1);
    expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b)));
    await page.type('#big-keys input[type="search"]', 'RANK:weekly');
    for (const name of await column(page, '#big-keys', 1)) expect(name).toMatch(/^rank:weekly:/);
    await page.select('#big-keys select', 'list');
    expect(await column(page, '#big-keys', 1)).toEqual(['No key matches.']);
    expect(await ask(page, "document.querySelector('.found').textContent")).toMatch(/^0 of /);
  });

  test('dark and light follow the system until the button is pressed', async () => {
    const { page } = await open(sampleInspectReport(), 'dark');
    const ground = () => ask<string>(page, 'getComputedStyle(document.body).backgroundColor');
    const dark = await ground();
    await page.click('.theme');
    expect(await ground()).not.toBe(dark);
    await page.click('.theme');
    expect(await ground()).toBe(dark);
  });

  test('what a reader must know first stands first', async () => {
    const first = async (report: InspectReport) => {
      const { page } = await open(report);
      return await ask<string>(page, "document.querySelector('.notice').textContent");
    };
    expect(await first(emptyInspectReport())).toMatch(/^No keys/);
    expect(await first(damagedInspectReport())).toMatch(/^This report is incomplete.*RDB_TRUNCATED/);
    expect(await first({ ...hashedInspectReport(), warnings: [] })).toMatch(/^Names are hashes/);
  });

  test.for(Object.keys(REPORTS) as (keyof typeof REPORTS)[])(
    'nothing sticks out, on a desk or a phone: %s',
    async (name) => {
      const { page, trouble } = await open(REPORTS[name]());
      for (const width of [1440, 390]) {
        await page.setViewport({ width, height: 900 });
        expect(await ask(page, 'document.documentElement.scrollWidth'), `${width} pixels`).toBe(width);
      }
      expect(trouble()).toEqual([]);
    },
  );

  test('on paper all is light, and the screen is dark again afterwards', async () => {
    const { page } = await open(sampleInspectReport(), 'dark');
    await ask(
      page,
      "addEventListener('beforeprint', () => { window.paper = document.documentElement.dataset.theme; })",
    );
    expect((await page.pdf({ format: 'a4' })).length).toBeGreaterThan(10_000);
    expect(await ask(page, '[window.paper, document.documentElement.dataset.theme]')).toEqual(['light', 'dark']);
  });

  /** `trouble` gives the errors, the barred things and the requests beyond the file itself that there were so far. */
  async function open(report: InspectReport, theme = 'light'): Promise<{ page: Page; trouble: () => string[] }> {
    for (const old of (await browser.pages()).slice(1)) await old.close();
    const file = join(folder, 'report.html');
    writeFileSync(file, await renderHtml(report, empty));
    const url = pathToFileURL(file).href;
    const page = await browser.newPage();
    const trouble: string[] = [];
    page.on('pageerror', (error) => trouble.push(String(error)));
    page.on('console', (message) => trouble.push(message.text()));
    page.on('request', (request) => {
      if (request.url() !== url) trouble.push(request.url());
    });
    await page.setViewport({ width: 1440, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.goto(url);
    if (report.totals.keys > 0) await page.waitForSelector('.treemap canvas');
    return { page, trouble: () => trouble };
  }
});

/** What an expression is in the page. */
function ask<Answer>(page: Page, expression: string): Promise<Answer> {
  return page.evaluate(expression) as Promise<Answer>;
}

function trail(page: Page): Promise<string[]> {
  return ask(page, "[...document.querySelectorAll('.trail bdi')].map(e => e.textContent)");
}

/** The texts of a section's first table, by the column's number from 1 on. */
function column(page: Page, section: string, number: number): Promise<string[]> {
  const cells = `${section} tbody`;
  return ask(page, `[...document.querySelector('${cells}').rows].map(row => row.cells[${number - 1}].textContent)`);
}
