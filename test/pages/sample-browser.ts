/** Owns a browser on the sample pages, and what the tests ask of a page in it. Does not own what must be true. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type PageServer, startPageServer } from './page-server.ts';

export const phone = { width: 390, height: 844 };
export const narrowest = { width: 320, height: 640 };
export const desktop = { width: 1280, height: 860 };

export type SampleBrowser = {
  server: PageServer;
  browser: Browser;
  context: BrowserContext;
  page: Page;
  /** What the browser refused or complained about since the last reset: a broken policy, a script, a dialog. */
  complaints: string[];
  /** Opens a sample; one that would leave at once is kept. @param locale as in {@link PageServer} */
  open(tab: Page, name: string, locale?: string): Promise<void>;
  /**
   * The accessibility rules that the open page breaks, with the elements that do: all rules, those about colours
   * alone, or all others, which are what a language can break.
   */
  violations(which: 'all' | 'colours' | 'others'): Promise<string[]>;
  /** A phone in the light again, with nothing complained of and nothing posted. */
  reset(): Promise<void>;
  close(): Promise<void>;
};

const probe = fileURLToPath(new URL('probe.js', import.meta.url));
const axeSource = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** Starts a server with the samples and a browser with one page. Whoever calls this closes it. */
export async function openSampleBrowser(): Promise<SampleBrowser> {
  const [server, browser] = await Promise.all([startPageServer(), launchBrowser()]);
  // Without motion, so that no colour is measured half-way through a transition.
  const context = await browser.newContext({ viewport: phone, reducedMotion: 'reduce' });
  await context.addInitScript({ path: probe });
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(error.error().message));
  context.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const page = await context.newPage();

  return {
    server,
    browser,
    context,
    page,
    complaints,
    async open(tab, name, locale) {
      const leaves = name.startsWith('continue');
      const empty = { contentType: 'text/javascript', body: '' };
      if (leaves) await tab.route('**/continue.*.js', (route) => route.fulfill(empty));
      await tab.goto(server.url(name, locale));
      // Watching requests turns off the cache, so it is done for no longer than needed.
      if (leaves) await tab.unrouteAll();
    },
    async violations(which) {
      const rules = { 'target-size': { enabled: true }, 'color-contrast': { enabled: which === 'all' } };
      const options: axe.RunOptions = {
        resultTypes: ['violations'],
        // The rules that would need the style sheets fetched once more are about nothing that they have in them.
        preload: false,
        ...(which === 'colours' ? { runOnly: ['cat.color'] } : { rules }),
      };
      if (!(await page.evaluate<boolean>(`'axe' in globalThis`))) await page.evaluate(axeSource);
      return page.evaluate<string[]>(
        `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
          violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' | ')))`,
      );
    },
    async reset() {
      complaints.length = 0;
      server.posted.length = 0;
      await page.setViewportSize(phone);
      await page.emulateMedia({ colorScheme: 'light' });
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}
