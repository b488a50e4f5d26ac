/** The Chromium that is installed, for tests of pages. */

import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

const executablePath = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
].find(existsSync);

/** Without it, tests of pages are skipped, and this says so. */
export const hasChromium = executablePath !== undefined;
if (!hasChromium) console.warn('SKIPPED: there is no Chromium (Debian: chromium) to open pages in.');

/** A page that must not complain: the console tells of a refused script or style. */
export type WatchedPage = { readonly page: Page; readonly complaints: readonly string[] };

/** For the tests of one file or group; gives what opens a page. */
export function useChromium(): (address: string) => Promise<WatchedPage> {
  let browser: Browser;
  beforeAll(async () => {
    // Pages of our own, in a container whose kernel may know no user namespaces.
    browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());
  return async (address) => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(address);
    return { page, complaints };
  };
}

/** Waits until the page shows it there. */
export async function expectText(page: Page, selector: string, pattern: RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: pattern }).first().waitFor();
}
