import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { PageServer } from './page-server.ts';
import { desktop, openSampleBrowser, type SampleBrowser } from './sample-browser.ts';
import { samples } from './sample-pages.ts';

describe('the pages in a browser', () => {
  let shown: SampleBrowser;
  let server: PageServer;
  let browser: Browser;
  let page: Page;

  before(async () => {
    shown = await openSampleBrowser();
    ({ server, browser, page } = shown);
  });
  beforeEach(() => shown.reset());
  after(() => shown?.close());

  async function arrival(): Promise<void> {
    await page.getByRole('heading', { name: 'Arrived' }).waitFor();
  }

  for (const { name } of samples) {
    it(`${name}: is accessible in both colour schemes, keeps the policy and fits a thumb`, async () => {
      await shown.open(page, name);
      expect(await shown.violations('all'), 'light').to.deep.equal([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await shown.violations('colours'), 'dark').to.deep.equal([]);
      expect(await page.evaluate('probe.smallTargets()')).to.deep.equal([]);
      expect(shown.complaints).to.deep.equal([]);
    });
  }

  const others = ['to=de', 'to=es', 'to=fr', 'to=ja', 'to=ar'];
  const orders: Record<string, string[]> = {
    'login-wrong-credentials': [
      'email',
      'password',
      'Show password',
      'remember',
      'decision=sign-in',
      'decision=cancel',
      'Sign in with a passkey',
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
    await page.setViewportSize(desktop);
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
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
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
    expect(shown.complaints).to.deep.equal([]);
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
      await plain.getByRole('button', { name: 'Sign in', exact: true }).click();
      expect(server.posted).to.deep.equal([
        'xsrf=x&logout=yes',
        'csrf=c-s-r-f&email=mara%40example.org&password=x&decision=sign-in',
      ]);
    } finally {
      await scriptless.close();
    }
  });
});
