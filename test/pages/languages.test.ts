import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { PageServer } from './page-server.ts';
import { desktop, narrowest, openSampleBrowser, phone, type SampleBrowser } from './sample-browser.ts';
import { samples } from './sample-pages.ts';

// The states of a page differ by little more than a text. All of them are looked at in English (axe.test.ts) and
// measured below; the slow rules are asked once for each page.
const firstOfEachView = samples.filter(
  ({ view }, index) => samples.findIndex((sample) => sample.view === view) === index,
);

describe('the pages in other languages', () => {
  let shown: SampleBrowser;
  let server: PageServer;
  let page: Page;

  before(async () => {
    shown = await openSampleBrowser();
    ({ server, page } = shown);
  });
  beforeEach(() => shown.reset());
  after(() => shown?.close());

  for (const { name } of firstOfEachView) {
    it(`${name}: is accessible in Arabic and in the language that takes the most room`, async () => {
      for (const locale of ['ar', 'longest']) {
        await page.setViewportSize(phone);
        await shown.open(page, name, locale);
        expect(await shown.violations('others'), locale).to.deep.equal([]);
        await page.setViewportSize(narrowest);
        expect(await page.evaluate('probe.isTooWide()'), locale).to.equal(false);
        expect(await page.evaluate('probe.smallTargets()'), locale).to.deep.equal([]);
      }
      expect(shown.complaints).to.deep.equal([]);
    });
  }

  it('run from right to left in Arabic, but for what is Latin', async () => {
    const side = (...selectors: string[]) => page.evaluate(`probe.side(...${JSON.stringify(selectors)})`);
    const isLatin = (selector: string) => page.evaluate(`probe.runsLeftToRight(${JSON.stringify(selector)})`);

    await page.goto(server.url('login-wrong-credentials', 'ar'));
    expect(await isLatin('h1')).to.equal(false);
    expect(await side('.brand-mark', '.brand-name')).to.equal('right');
    expect(await side('.avatar', '.party-name')).to.equal('right');
    expect(await side('.party-name', '.party-text')).to.equal('right');
    expect(await side('.notice .icon')).to.equal('right');
    expect(await side('.reveal')).to.equal('left');
    expect(await side('#remember', '.choice label')).to.equal('right');
    expect(await isLatin('.party-name + .quiet')).to.equal(true);

    await page.goto(server.url('device-confirm', 'ar'));
    await page.click('summary');
    expect(await isLatin('.user-code')).to.equal(true);
    for (const detail of ['dd', 'dd:last-of-type']) {
      expect(await isLatin(detail), detail).to.equal(true);
      expect(await side(`${detail} bdi`), detail).to.equal('right');
    }

    // "400 invalid_request": a number in front, which the direction of the page would put last.
    await page.goto(server.url('error-bad-request', 'ar'));
    await page.click('summary');
    expect(await isLatin('dd code')).to.equal(true);
    expect(await isLatin('dd:last-of-type')).to.equal(true);
    expect(shown.complaints).to.deep.equal([]);
  });

  it('offer six languages in two lines on a phone, and in one where there is room', async () => {
    for (const locale of ['en', 'ar']) {
      await page.goto(server.url('login', locale));
      for (const viewport of [phone, narrowest]) {
        await page.setViewportSize(viewport);
        expect(await page.evaluate('probe.switcher()')).to.deep.equal({ languages: 6, lines: 2 });
      }
      await page.setViewportSize(desktop);
      expect(await page.evaluate('probe.switcher()')).to.deep.equal({ languages: 6, lines: 1 });
    }
  });

  it('do not scroll sideways on the narrowest phone, in either direction, and fit a thumb', async function () {
    this.timeout(180_000);
    async function measure(tab: Page, locale: string): Promise<void> {
      await tab.setViewportSize(narrowest);
      for (const { name } of samples) {
        await shown.open(tab, name, locale);
        expect(await tab.evaluate('probe.isTooWide()'), `${name} ${locale}`).to.equal(false);
        expect(await tab.evaluate('probe.isTooWideFromRightToLeft()'), `${name} rtl`).to.equal(false);
        expect(await tab.evaluate('probe.smallTargets()'), `${name} ${locale}`).to.deep.equal([]);
      }
    }
    const second = await shown.context.newPage();
    try {
      await Promise.all([measure(page, 'longest'), measure(second, 'hostile')]);
    } finally {
      await second.close();
    }
    // The hostile pages were among them: a value that had become markup would have been heard of.
    expect(shown.complaints).to.deep.equal([]);
  });
});
