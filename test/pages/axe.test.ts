import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type PageServer, startPageServer } from './page-server.ts';
import { samples } from './sample-pages.ts';

const phone = { width: 390, height: 844 };
const narrowest = { width: 320, height: 640 };
const probe = new URL('probe.js', import.meta.url).pathname;

describe('the pages in a browser', () => {
  let server: PageServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What the browser refused or complained about: a broken policy, a missing file, a dialog. */
  let complaints: string[] = [];

  before(async () => {
    [server, browser] = await Promise.all([startPageServer(), launchBrowser()]);
    // Without motion, so that no colour is measured half-way through a transition.
    context = await browser.newContext({ viewport: phone, reducedMotion: 'reduce' });
    await context.addInitScript({ path: probe });
    context.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    context.on('weberror', (error) => complaints.push(error.error().message));
    context.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page = await context.newPage();
  });

  beforeEach(async () => {
    complaints = [];
    server.posted.length = 0;
    await page.setViewportSize(phone);
    await page.emulateMedia({ colorScheme: 'light' });
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  /** Opens a sample. One that would leave at once is kept, by serving its script empty. */
  async function open(tab: Page, name: string, locale?: string): Promise<void> {
    const leaves = name.startsWith('continue');
    const empty = { contentType: 'text/javascript', body: '' };
    if (leaves) await tab.route('**/continue.*.js', (route) => route.fulfill(empty));
    await tab.goto(server.url(name, locale));
    // Watching requests turns off the cache, so it is done for no longer than needed.
    if (leaves) await tab.unrouteAll();
  }

  /**
   * The rules that the page breaks, with the elements that do: all rules, those about colours alone, or all
   * others, which are what a language can break.
   */
  function violations(which: 'all' | 'colours' | 'others'): Promise<string[]> {
    const rules = { 'target-size': { enabled: true }, 'color-contrast': { enabled: which === 'all' } };
    const options: axe.RunOptions = {
      resultTypes: ['violations'],
      ...(which === 'colours' ? { runOnly: ['cat.color'] } : { rules }),
    };
    return page.evaluate<string[]>(
      `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
        violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' | ')))`,
    );
  }

  async function arrival(): Promise<void> {
    await page.getByRole('heading', { name: 'Arrived' }).waitFor();
  }

  for (const { name } of samples) {
    it(`${name}: is accessible in both colour schemes, keeps the policy and fits a thumb`, async () => {
      await open(page, name);
      await page.evaluate(axe.source);
      expect(await violations('all'), 'light').to.deep.equal([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await violations('colours'), 'dark').to.deep.equal([]);
      expect(await page.evaluate('probe.smallTargets()')).to.deep.equal([]);
      expect(complaints).to.deep.equal([]);
    });
  }

  for (const { name } of samples) {
    it(`${name}: is accessible in Arabic and in the language that takes the most room`, async () => {
      for (const locale of ['ar', 'longest']) {
        await open(page, name, locale);
        await page.evaluate(axe.source);
        expect(await violations('others'), locale).to.deep.equal([]);
        expect(await page.evaluate('probe.smallTargets()'), locale).to.deep.equal([]);
      }
      expect(complaints).to.deep.equal([]);
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
    expect(complaints).to.deep.equal([]);
  });

  it('offer six languages in two lines on a phone, and in one where there is room', async () => {
    for (const locale of ['en', 'ar']) {
      await page.goto(server.url('login', locale));
      for (const viewport of [phone, narrowest]) {
        await page.setViewportSize(viewport);
        expect(await page.evaluate('probe.switcher()')).to.deep.equal({ languages: 6, lines: 2 });
      }
      await page.setViewportSize({ width: 1280, height: 860 });
      expect(await page.evaluate('probe.switcher()')).to.deep.equal({ languages: 6, lines: 1 });
    }
  });

  it('do not scroll sideways on the narrowest phone, in either direction', async () => {
    async function measure(tab: Page, locale: string): Promise<void> {
      await tab.setViewportSize(narrowest);
      for (const { name } of samples) {
        await open(tab, name, locale);
        expect(await tab.evaluate('probe.isTooWide()'), `${name} ${locale}`).to.equal(false);
        expect(await tab.evaluate('probe.isTooWideFromRightToLeft()'), `${name} rtl`).to.equal(false);
      }
    }
    const second = await context.newPage();
    try {
      await Promise.all([measure(page, 'longest'), measure(second, 'hostile')]);
      await measure(page, 'ar');
    } finally {
      await second.close();
    }
    // The hostile pages were among them: a value that had become markup would have been heard of.
    expect(complaints).to.deep.equal([]);
  });

  const others = ['to=de', 'to=es', 'to=fr', 'to=ja', 'to=ar'];
  const orders: Record<string, string[]> = {
    'login-wrong-credentials': [
      'email',
      'password',
      'Show password',
      'remember',
      'decision=sign-in',
      'decision=cancel',
      'Website (opens in a new tab)',
      'Privacy policy (opens in a new tab)',
      'Terms of use (opens in a new tab)',
      ...others,
    ],
    consent: [
      'Already allowed earlier',
      'decision=allow',
      'decision=deny',
      'Website (opens in a new tab)',
      'Privacy policy (opens in a new tab)',
      'Terms of use (opens in a new tab)',
      ...others,
    ],
    logout: ['logout=yes', 'Stay signed in', ...others],
    'device-confirm': ['About the device', 'confirm=yes', 'abort=yes', ...others],
  };
  for (const [name, order] of Object.entries(orders)) {
    it(`${name}: lets the keyboard go from top to bottom, and shows where it is`, async () => {
      await page.goto(server.url(name));
      await page.evaluate('probe.startFromTop()');
      for (const expected of order) {
        await page.keyboard.press('Tab');
        const focus = await page.evaluate<{ name: string; outline: number } | null>('probe.focus()');
        expect(focus?.name).to.equal(expected);
        expect(focus?.outline, expected).to.be.at.least(2);
      }
      await page.keyboard.press('Tab');
      expect(await page.evaluate('probe.focus()')).to.equal(null);
    });
  }

  it('follow the colour scheme of the device', async () => {
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.goto(server.url('login'));
    expect(await page.evaluate('probe.background()')).to.equal('rgb(245, 247, 249)');
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await page.evaluate('probe.background()')).to.equal('rgb(14, 20, 24)');
  });

  it('show the password on request, and hide it again before it is sent', async () => {
    await page.goto(server.url('login'));
    await page.fill('#email', 'mara@example.org');
    await page.fill('#password', 'correct horse');
    await page.getByRole('button', { name: 'Show password' }).click();
    expect(await page.getAttribute('#password', 'type')).to.equal('text');
    await page.evaluate('probe.watchPassword()');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await arrival();
    expect(await page.evaluate('probe.passwordTypeAtLeaving()')).to.equal('password');
    expect(server.posted).to.deep.equal([
      'csrf=c-s-r-f&email=mara%40example.org&password=correct+horse&decision=sign-in',
    ]);
  });

  it('sign in by the enter key', async () => {
    await page.goto(server.url('login'));
    await page.fill('#email', 'mara@example.org');
    await page.fill('#password', 'x');
    await page.check('#remember');
    await page.press('#password', 'Enter');
    await arrival();
    expect(server.posted).to.deep.equal([
      'csrf=c-s-r-f&email=mara%40example.org&password=x&remember=yes&decision=sign-in',
    ]);
  });

  it('let a person cancel an empty form', async () => {
    await page.goto(server.url('login'));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await arrival();
    expect(server.posted).to.deep.equal(['csrf=c-s-r-f&email=&password=&decision=cancel']);
  });

  it('send a form once when its button is pressed twice', async () => {
    await page.goto(server.url('consent'));
    const refused = await page.evaluate(`probe.pressTwice('button[value="allow"]')`);
    expect(refused).to.deep.equal([false, true]);
    await arrival();
    expect(server.posted).to.deep.equal(['csrf=c-s-r-f&decision=allow']);
  });

  it('continue at once where scripts run', async () => {
    await page.goto(server.url('continue-form-post'));
    await arrival();
    expect(server.posted).to.deep.equal(['code=abc&state=def&iss=https%3A%2F%2Fid.example.com']);
    expect(complaints).to.deep.equal([]);
  });

  it('work without scripts', async () => {
    const scriptless = await browser.newContext({ javaScriptEnabled: false });
    try {
      const plain = await scriptless.newPage();
      await plain.goto(server.url('continue-logout'));
      await plain.getByRole('button', { name: 'Continue' }).click();
      await plain.goto(server.url('login'));
      expect(await plain.isVisible('.reveal')).to.equal(false);
      await plain.fill('#email', 'mara@example.org');
      await plain.fill('#password', 'x');
      await plain.getByRole('button', { name: 'Sign in' }).click();
      expect(server.posted).to.deep.equal([
        'xsrf=x&logout=yes',
        'csrf=c-s-r-f&email=mara%40example.org&password=x&decision=sign-in',
      ]);
    } finally {
      await scriptless.close();
    }
  });
});
