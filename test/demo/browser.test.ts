import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { startProtectedApi } from '../../src/demo/protected-api.ts';
import { startRelyingParty } from '../../src/demo/relying-party.ts';
import { secrets } from './harbour.ts';
import { audience, client, SmallIssuer } from './small-issuer.ts';

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

describe('the demo relying party in a real browser', () => {
  const issuer = new SmallIssuer();
  let api: { url: string; close(): Promise<void> };
  let notes: { url: string; close(): Promise<void> };
  let browser: Browser;

  before(async () => {
    await issuer.start();
    api = await startProtectedApi({ issuer: issuer.url, audience, port: 0 });
    const port = await freePort();
    notes = await startRelyingParty({
      issuer: issuer.url,
      clientId: client.id,
      clientSecret: client.secret,
      port,
      publicUrl: `http://127.0.0.1:${port}`,
      apiUrl: api.url,
      apiAudience: audience,
      cookieSecrets: secrets,
      session: { mode: 'cookie' },
      signInHint: { email: 'ada@example.com', password: 'open sesame' },
    });
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    });
  });

  after(async () => {
    await browser.close();
    await Promise.all([notes.close(), api.close(), issuer.stop()]);
  });

  /** Runs a visit; everything that the browser complains about is a failure. */
  async function visit(options: object, run: (page: Page, context: BrowserContext) => Promise<void>) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    try {
      await page.goto(notes.url);
      await run(page, context);
      expect(complaints).to.deep.equal([]);
    } finally {
      await context.close();
    }
  }

  const walk = async (page: Page) => {
    await page.click('text=Sign in with Holdfast');
    await page.waitForURL(/done=signed-in/);
    await page.click('text=Refresh tokens');
    await page.waitForURL(/done=refreshed/);
    await page.click('text=Call the API');
    await page.waitForURL(/done=called/);
    expect(await page.textContent('pre[aria-label="Answer of the API"]')).to.include('"sub": "ada"');
    await page.click('text=Check silently');
    await page.waitForURL(/done=checked/);
    await page.click('text="Sign out"');
    await page.waitForURL(/signed-out/);
    expect(await page.textContent('h1')).to.equal('You are signed out');
  };

  it('signs in, refreshes, calls the API, checks silently and signs out', () => visit({}, walk));

  it('works without scripts', () => visit({ javaScriptEnabled: false }, walk));

  for (const colorScheme of ['light', 'dark']) {
    it(`is accessible and never wider than a phone, in ${colorScheme}`, () =>
      visit({ colorScheme, viewport: { width: 320, height: 700 } }, async (page) => {
        for (const step of ['signed out', 'signed in']) {
          if (step === 'signed in') {
            await page.click('text=Sign in with Holdfast');
            await page.waitForURL(/done=signed-in/);
            await page.click('text=Call the API');
            await page.waitForURL(/done=called/);
            await page.click('summary');
          }
          expect(await violations(page), step).to.deep.equal([]);
          expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).to.equal(0);
        }
      }));
  }
});

async function violations(page: Page): Promise<unknown> {
  // Evaluated by the debugger, so the page's own policy stays as strict as it is.
  await page.evaluate(axe);
  return page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + nodes[0].html))',
  );
}

async function freePort(): Promise<number> {
  const probe = new SmallIssuer();
  await probe.start();
  const { port } = new URL(probe.url);
  await probe.stop();
  return Number(port);
}
