import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { freePort } from '../support/pods.ts';
import { type Started, startProcess } from '../support/processes.ts';

const password = 'seven lanterns under violet rain';

describe('the mails of local mode', () => {
  let directory: string;
  let browser: Browser;
  let started: Started;
  let issuer: string;
  let relyingParty: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-mails-'));
    const [port, demoPort, apiPort] = await Promise.all([freePort(), freePort(), freePort()]);
    issuer = `http://localhost:${port}`;
    relyingParty = `http://localhost:${demoPort}`;
    started = startProcess(process.execPath, ['src/main.ts'], {
      HOLDFAST_LOCAL_DIRECTORY: directory,
      HOLDFAST_PORT: String(port),
      HOLDFAST_DEMO_PORT: String(demoPort),
      HOLDFAST_DEMO_API_PORT: String(apiPort),
      HOLDFAST_PROXY_HOPS: '1',
    });
    [browser] = await Promise.all([launchBrowser(), started.prints('Holdfast is running')]);
  });
  after(async () => {
    await browser?.close();
    await started?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('let the newcomer of the demo register, confirm and be signed in to it', async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
    const complaints: string[] = [];
    context.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    const page = await context.newPage();
    await page.goto(relyingParty);
    await page.getByRole('link', { name: 'Sign in with Holdfast' }).click();
    await page.waitForURL('**/interaction/*');
    const uid = new URL(page.url()).pathname.split('/').at(-1);
    await page.goto(`${issuer}/register?interaction=${uid}`);

    await page.getByLabel('Email address').fill('newcomer@example.com');
    await page.getByLabel('Choose a password').fill('seven');
    await page.getByText('Length so far: 5 of 15').waitFor();
    await page.getByRole('button', { name: 'Show password' }).click();
    expect(await page.getAttribute('#password', 'type')).to.equal('text');
    await page.getByLabel('Choose a password').fill(password);
    await page.getByText('Long enough.').waitFor();
    await page.getByLabel('Name').fill('Nia Newcomer');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('heading', { name: 'Check your mail' }).waitFor();

    await page.getByRole('link', { name: 'Show the mails' }).click();
    await page.getByText('To newcomer@example.com', { exact: true }).waitFor();
    await shownAsItIs(await context.newPage());
    await page.locator('.mail-text a[href*="/register/confirm"]').click();
    await page.getByRole('heading', { name: 'Is this your address?' }).waitFor();
    expect(page.url()).to.not.include('token');
    // The language of this step can be changed without the link being lost.
    await page.getByRole('button', { name: 'Deutsch' }).click();
    await page.getByRole('heading', { name: 'Ist das Ihre Adresse?' }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('button', { name: 'Yes, finish my account' }).click();
    await page.getByRole('heading', { name: 'Your account is ready' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Hello, Nia Newcomer').waitFor();
    expect(complaints).to.deep.equal([]);
    await context.close();
  });

  /** In its frame, without scripts, and with links that open elsewhere. */
  async function shownAsItIs(page: Page): Promise<void> {
    await page.goto(`${issuer}/local/mails`);
    await page.getByText('As it looks in a mail program').first().click();
    const frame = page.frameLocator('iframe').first();
    const link = frame.locator('a[href*="/register/confirm"]').first();
    await link.waitFor();
    const [tab] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
    await tab.getByRole('heading', { name: 'Is this your address?' }).waitFor();
    await Promise.all([tab.close(), page.close()]);
  }

  it('are found from the first page', async () => {
    const page = await browser.newPage();
    await page.goto(issuer);
    await page.getByRole('link', { name: 'Show the mails' }).click();
    await page.getByRole('heading', { name: 'Mails of local mode' }).waitFor();
    await page.close();
  });

  it('appear by themselves', async () => {
    const page = await browser.newPage();
    await page.goto(`${issuer}/local/mails`);
    const other = await browser.newPage();
    await other.goto(`${issuer}/forgot-password`);
    await other.getByLabel('Email address').fill('newcomer@example.com');
    await other.getByRole('button', { name: 'Send the link' }).click();
    await page.bringToFront();
    await page.locator('.mail-text a[href*="/reset-password"]').waitFor();
    await Promise.all([page.close(), other.close()]);
  });

  it('are a page of this computer alone', async () => {
    const from = (address: string, path = '/local/mails') =>
      fetch(`${issuer}${path}`, { headers: { 'x-forwarded-for': address } });
    expect((await from('127.0.0.1')).status).to.equal(200);
    expect((await from('::1')).status).to.equal(200);
    const page = await (await from('127.0.0.1')).text();
    const html = /src="(\/local\/mails\/[^"]+)"/.exec(page)?.[1] ?? '';
    const mail = await from('127.0.0.1', html);
    expect(mail.headers.get('content-security-policy'))
      .to.match(/default-src 'none'/)
      .and.match(/sandbox allow-popups allow-popups-to-escape-sandbox$/)
      .and.not.match(/script|allow-same-origin/);
    for (const stranger of ['198.51.100.7', '10.0.0.8', '2001:db8::1']) {
      expect((await from(stranger)).status, stranger).to.equal(404);
      expect((await from(stranger, html)).status).to.equal(404);
    }
    expect((await from('127.0.0.1', '/local/mails/none')).status).to.equal(404);
  });

  it('leave no link and no password in the log', () => {
    const log = readFileSync(join(directory, 'holdfast.log'), 'utf8');
    expect(log).to.include('/register/confirm');
    expect(log).to.not.include('token=').and.not.include(password);
  });
});
