// A headless Chromium for tests and pictures of the report page, where the machine has one.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, launch } from 'puppeteer-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The browser of the variable `CHROMIUM`, or the first on the path; `undefined` where there is none. */
export function findChromium(): string | undefined {
  const chosen = process.env.CHROMIUM;
  if (chosen !== undefined && chosen !== '') return chosen;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
}

/** Whoever calls this closes it: it holds a process. */
export function startChromium(executablePath: string): Promise<Browser> {
  return launch({
    executablePath,
    headless: true,
    // Root in a container has no sandbox; the pages here are our own files.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--hide-scrollbars',
      '--force-color-profile=srgb',
    ],
  });
}
