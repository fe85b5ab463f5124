/** Owns how tests get a real browser. Does not own what they do with it. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * Starts a headless Chromium with a fresh profile. Whoever calls this closes it again with `browser.close()`.
 * Throws when no Chromium is installed.
 */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = [...usualPlaces, chromium.executablePath()].find(existsSync);
  if (executablePath === undefined) {
    throw new Error('these tests need Chromium: install it with "apt-get install chromium" or similar');
  }
  return chromium.launch({
    executablePath,
    args: [
      // Containers seldom allow what the sandbox needs, and tests only open pages of their own.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
