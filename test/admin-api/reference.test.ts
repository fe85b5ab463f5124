import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { Admin } from '../../src/admin/admin.ts';
import { adminApiRoutes } from '../../src/admin/api/api.ts';
import { openApiOf } from '../../src/admin/api/openapi.ts';
import { referenceOf } from '../../src/admin/api/reference.ts';
import { loadAssets } from '../../src/http/assets.ts';
import { createRenderer } from '../../src/http/render.ts';
import { contentSecurityPolicy } from '../pages/page-server.ts';
import { launchBrowser } from '../support/browser.ts';

const views = new URL('../../views', import.meta.url).pathname;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The page as a pod answers it, in a browser. */
describe('the reference page of the admin API, in a browser', () => {
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const origin = 'http://id.example';

  before(async () => {
    const assets = loadAssets(`${views}/assets`);
    const renderer = createRenderer({ viewsDirectory: views, assets });
    const document = openApiOf(adminApiRoutes({} as Admin), { issuer: origin, version: '1.2.3' });
    const html = renderer.page('admin-api-reference', 'ar', referenceOf(document));
    browser = await launchBrowser();
    const context = await browser.newContext({ javaScriptEnabled: true, bypassCSP: false });
    page = await context.newPage();
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.route('**', (route) => {
      const { pathname } = new URL(route.request().url());
      const asset = assets.find(pathname);
      if (asset) return route.fulfill({ body: asset.body, contentType: asset.type });
      const headers = { 'content-security-policy': contentSecurityPolicy };
      return route.fulfill({ body: html, contentType: 'text/html; charset=utf-8', headers });
    });
    await page.goto(`${origin}/admin/api/v1/reference`);
  });
  after(() => browser?.close());

  /** @param places of the page, which is long; all of it when left out */
  async function violations(options: object, places?: string[]): Promise<string[]> {
    const where = places ? `{ include: ${JSON.stringify(places.map((one) => [one]))} }` : 'document';
    const found = (await page.evaluate(`axe.run(${where}, ${JSON.stringify(options)})`)) as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  }

  it('is accessible, light and dark, with every example open', async () => {
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
    await page.evaluate(axe);
    // It says the same kind of thing over and over.
    const places = ['.brand', 'nav', '#createAccount', '#exportEvents', '#thing-Account', '#problem-changed'];
    const rules = { 'color-contrast': { enabled: false } };
    expect(await violations({ rules, resultTypes: ['violations'], preload: false }, places)).to.deep.equal(
      [],
    );
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(
        await violations({ runOnly: { type: 'rule', values: ['color-contrast'] } }, places),
        colorScheme,
      ).to.deep.equal([]);
    }
  });

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    const [inner, whole] = (await page.evaluate('[innerWidth, document.documentElement.scrollWidth]')) as [
      number,
      number,
    ];
    expect(whole).to.be.at.most(inner);
  });

  it('leads from its contents, and from the type of a problem, to the place', async () => {
    await page.goto(`${origin}/admin/api/v1/reference#problem-changed`);
    expect(await page.locator('#problem-changed').evaluate((one) => one.matches(':target'))).to.equal(true);
    await page.locator('a[href="#createAccount"]').first().click();
    expect(await page.locator('#createAccount h3').isVisible()).to.equal(true);
    expect(new URL(page.url()).hash).to.equal('#createAccount');
  });

  it('keeps to the policy', () => {
    expect(complaints).to.deep.equal([]);
  });
});
