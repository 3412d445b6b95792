// Puts a report into the built page of report-page/: one HTML file that opens offline and fetches nothing.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { LocalError } from '../lib/errors.ts';
import type { InspectReport } from '../lib/targets/inspect/report.ts';

/** The page's empty data block, which stands in it once. */
const DATA = '<script type="application/json" id="report">';

/** Beside the bundled tool, or in a checkout where the build puts it. */
const PLACES = ['./report-page.html', '../dist/report-page.html'];

/** What would end the data block, open a comment in it, or end a line in older scripts. */
const UNSAFE = /[<>&\u2028\u2029]/g;

/**
 * The report as an HTML page, whole in one string. Names of keys are in it as JSON alone, without a character that markup
 * begins or ends with; the page shows them as text, and its content security policy admits no script but its own.
 *
 * @param page the page to fill, as scripts/build-report-page.ts builds it; by default the built one
 * @throws {LocalError} `REPORT_PAGE_MISSING` where the page was not built
 */
export async function renderHtml(report: InspectReport, page?: string): Promise<string> {
  const empty = page ?? (await builtPage());
  const at = empty.indexOf(DATA);
  if (at < 0) throw missing('the page for reports has no place for one');
  const start = at + DATA.length;
  return `${empty.slice(0, start)}${safeJson(report)}${empty.slice(start)}`;
}

function safeJson(report: InspectReport): string {
  return JSON.stringify(report).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

async function builtPage(): Promise<string> {
  let cause: unknown;
  for (const place of PLACES) {
    try {
      return await readFile(fileURLToPath(new URL(place, import.meta.url)), 'utf8');
    } catch (error) {
      cause = error;
    }
  }
  throw missing('the page for reports, report-page.html, is not there', cause);
}

function missing(message: string, cause?: unknown): LocalError {
  return new LocalError('REPORT_PAGE_MISSING', message, {
    remedy: 'It lies beside keyferry.mjs; in a checkout `npm run build` makes it. --json needs no page.',
    cause,
  });
}
