import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';

/** What scripts add to the console, in a real browser, on two pods behind a balancer. */
describe('the console in a browser', () => {
  let provider: ConsoleProvider;
  let owner: Administrator;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];

  before(async () => {
    [provider, browser] = await Promise.all([startConsole(), launchBrowser()]);
    owner = await provider.addPerson('odile', { roles: ['owner'] });
    context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.on('weberror', (error) => complaints.push(error.error().message));
    context.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page = await context.newPage();
  });
  after(async () => {
    await browser?.close();
    await provider?.stop();
  });
  afterEach(() => expect(complaints.splice(0)).to.deep.equal([]));

  const to = (path: string) => page.goto(`${provider.issuer}${path}`);
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name }).waitFor();

  async function account(name: string): Promise<string> {
    const email = `${name.toLowerCase().replaceAll(' ', '.')}@example.com`;
    const made = await provider.parts.accounts.create({ email, name, emailVerified: true });
    if (!made.ok) throw new Error(made.problem);
    return made.account.id;
  }

  it('is signed in to with password and second step, and comes back to the page that was asked for', async () => {
    await to('/admin/accounts?status=active');
    await page.fill('#email', owner.email);
    await page.fill('#password', owner.password);
    await page.press('#password', 'Enter');
    await page.fill('#code', owner.code());
    await page.press('#code', 'Enter');
    await heading('Accounts');
    expect(new URL(page.url()).search).to.equal('?status=active');
  });

  it('finds somebody from any page: a slash, a few letters, enter', async () => {
    await account('Finn Findling');
    await to('/admin/audit');
    await page.keyboard.press('/');
    await page.keyboard.type('find');
    await page.keyboard.press('Enter');
    await heading(/Finn Findling/);
    // In a field, a slash is a slash.
    await page.focus('#find');
    await page.keyboard.type('a/b');
    expect(await page.inputValue('#find')).to.equal('a/b');
  });

  it('asks before somebody is disabled in the page itself, and says once that it is done', async () => {
    const id = await account('Dora Disabled');
    await to(`/admin/accounts/${id}`);
    await page.getByRole('link', { name: 'Disable', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Disable Dora Disabled?' });
    await dialog.waitFor();
    await dialog.getByRole('link', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect((await provider.parts.accounts.find(id))?.status).to.equal('active');
    await page.getByRole('link', { name: 'Disable', exact: true }).click();
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('status').waitFor();
    expect(new URL(page.url()).search).to.equal('');
    expect((await provider.parts.accounts.find(id))?.status).to.equal('disabled');
  });

  it('ticks all accounts of a page at once, and offers acts only for those that are ticked', async () => {
    await to('/admin/accounts?text=odile');
    const button = page.getByRole('button', { name: 'End sessions' });
    expect(await button.isDisabled()).to.equal(true);
    await page.getByLabel('Choose all on this page').check();
    expect(await page.textContent('[data-bulk-count]')).to.equal('1');
    await button.click();
    await heading('End the sessions of 1 account?');
    expect(await page.textContent('main')).to.match(/1 session, in browsers and apps/);
  });

  it('filters as soon as something is chosen', async () => {
    await to('/admin/accounts');
    await page.selectOption('#status', 'disabled');
    await page.waitForURL(/status=disabled/);
    expect(await page.textContent('main')).to.include('Dora Disabled');
    expect(await page.textContent('main')).to.not.include('Finn Findling');
  });

  it('copies an id', async () => {
    const id = await account('Cora Copied');
    await to(`/admin/accounts/${id}`);
    await press('Copy: Id');
    await page.locator('[data-copies].is-done').waitFor();
    // The test may read the clipboard; pages of ours never do.
    expect(await page.evaluate('navigator.clipboard.readText()')).to.equal(id);
  });

  it('follows the audit live', async () => {
    await to('/admin/audit?kind=account.created');
    await press('Follow live');
    const { permissions } = await provider.parts.access.effectiveNow({ roles: ['owner'], groups: [] });
    const actor = { kind: 'operator', id: 'root', name: 'root', permissions, via: 'cli' } as const;
    const draft = { email: 'lively@example.com' };
    await provider.parts.admin.accounts.create({ ...actor, requestId: '', address: '' }, draft);
    await page.getByText('lively@example.com').waitFor();
    await press('Stop following');
  });

  it('shows a menu on a phone, and every page in the language that is chosen', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await to('/admin');
    await page.getByText('Menu', { exact: true }).click();
    await page.getByRole('link', { name: 'Audit', exact: true }).click();
    await heading('Audit');
    await press('Deutsch');
    await heading('Protokoll');
    await press('English');
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it('works without script, from the list to the end of a session', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    try {
      await plain.addCookies(await context.cookies());
      const tab = await plain.newPage();
      const id = await account('Nora Noscript');
      await tab.goto(`${provider.issuer}/admin/accounts?text=noscript`);
      await tab.getByRole('link', { name: /Nora Noscript/ }).click();
      await tab.getByRole('link', { name: 'Disable', exact: true }).click();
      await tab.getByRole('heading', { name: 'Disable Nora Noscript?' }).waitFor();
      await tab.getByRole('button', { name: 'Disable', exact: true }).click();
      await tab.getByRole('status').waitFor();
      expect((await provider.parts.accounts.find(id))?.status).to.equal('disabled');
      await tab.goto(`${provider.issuer}/admin`);
      await tab.getByText('Show as a table').click();
      expect(await tab.getByRole('row').count()).to.be.greaterThan(48);
    } finally {
      await plain.close();
    }
  });
});
