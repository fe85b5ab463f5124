import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { TOTP } from 'otpauth';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { DemoDetails } from '../../src/local/local.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Started, startProcess } from '../support/processes.ts';

const email = 'nora@example.org';
const password = 'seven lanterns under violet rain';
const newPassword = 'a quiet harbour keeps nine boats';

/**
 * What somebody does with an account from the first day to the last, in a browser, against three pods behind a
 * balancer without affinity. Before each step a pod is killed.
 */
describe('a newcomer, while pods are killed', function () {
  this.timeout(120_000);
  let directory: string;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let demo: Started;
  let secret: string;
  let codes: string[];
  let killed = 0;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-newcomer-'));
    browser = await launchBrowser();
    const options = ['--ports', '0,0,0', '--directory', directory, '--no-kill'];
    demo = startProcess('npm', ['run', '--silent', 'demo', '--', ...options]);
    await demo.prints('Three pods are running');
    [context, page] = await newBrowser();
  });
  after(async () => {
    await demo?.stop();
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A browser with an authenticator of its own, which says yes to whatever it is asked. */
  async function newBrowser(): Promise<[BrowserContext, Page]> {
    const made = await browser.newContext();
    const opened = await made.newPage();
    const session = await made.newCDPSession(opened);
    await session.send('WebAuthn.enable');
    await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return [made, opened];
  }

  const details = () => JSON.parse(readFileSync(join(directory, 'demo.json'), 'utf8')) as DemoDetails;
  const account = (path = '') => `${details().issuer}/account${path}`;
  const press = (name: string | RegExp) => page.getByRole('button', { name }).first().click();
  const headed = (name: string | RegExp) => page.getByRole('heading', { name }).first().waitFor();

  function lives(pid: number): boolean {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  /** One pod after the other. The balancer goes on with those that are up, and the demo starts it again. */
  async function killPod(): Promise<void> {
    while (demo.output().split(' is back').length - 1 < killed) await pause(20);
    const name = `pod-${'abc'[killed++ % 3]}`;
    const log = readFileSync(join(directory, 'pods.log'), 'utf8');
    const pids = [...log.matchAll(new RegExp(`"pod":"${name}".*"pid":(\\d+),"msg":"listening"`, 'g'))];
    const pid = Number(pids.at(-1)?.[1]);
    process.kill(pid, 'SIGKILL');
    while (lives(pid)) await pause(5);
  }

  async function openDemo(): Promise<void> {
    await page.goto(details().relyingParty);
    await page.getByRole('link', { name: 'Sign in with Holdfast' }).click();
    await headed('Sign in');
  }

  /** At the provider, and at the application, which has a session of its own. */
  async function signOut(): Promise<void> {
    await page.goto(`${details().issuer}/session/end`);
    await page.locator('button[name=logout]').click();
    await headed('You are signed out');
    await page.context().clearCookies({ domain: 'localhost', name: /^(?!holdfast_)/ });
  }

  async function typePassword(text: string): Promise<void> {
    if ((await page.inputValue('[name=email]')) === '') await page.fill('[name=email]', email);
    await page.fill('[name=password]', text);
    await page.keyboard.press('Enter');
  }

  async function latestLink(): Promise<string> {
    const mails = await context.newPage();
    await mails.goto(`${details().issuer}/local/mails`);
    const link = await mails.locator('a[href*="token="]').first().getAttribute('href');
    await mails.close();
    return link ?? '';
  }

  beforeEach(killPod);
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    // Whoever reads of a failure wants to know where it was.
    const shown = await page.locator('body').innerText();
    process.stderr.write(`at ${new URL(page.url()).pathname}:\n${shown.slice(0, 800)}\n`);
  });

  it('registers, confirms the address, and is signed in to the application that they came from', async () => {
    await openDemo();
    await page.getByRole('link', { name: 'Create an account' }).click();
    await page.fill('[name=email]', email);
    await page.fill('[name=password]', password);
    await page.fill('[name=name]', 'Nora Newcomer');
    await killPod();
    await press('Create account');
    await headed('Check your mail');
    await page.goto(await latestLink());
    await killPod();
    await press('Yes, finish my account');
    await headed('Your account is ready');
    await page.locator('main form button, main a.button').first().click();
    await page.getByText('Hello, Nora Newcomer').waitFor();
  });

  it('adds a passkey, and keeps recovery codes', async () => {
    await page.goto(account('/security'));
    await page.getByRole('link', { name: 'Add a passkey' }).click();
    await page.fill('[name=name]', 'Work laptop');
    await killPod();
    await press('Create a passkey');
    await headed('Recovery codes');
    await press('Get recovery codes');
    await headed('Keep these recovery codes');
    codes = await page.locator('.account-codes code').allTextContents();
    expect(codes).to.have.lengthOf(10);
    await press('I have saved the codes');
    await page.getByText('Work laptop').first().waitFor();
  });

  it('signs in to the application by choosing the passkey where the address is typed', async () => {
    await signOut();
    await page.goto(details().relyingParty);
    await page.getByRole('link', { name: 'Sign in with Holdfast' }).click();
    await page.getByText('Hello, Nora Newcomer').waitFor();
  });

  it('signs in with the passkey where the browser offers none while typing', async () => {
    await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false');
    await signOut();
    await openDemo();
    await killPod();
    await press('Sign in with a passkey');
    await page.getByText('Hello, Nora Newcomer').waitFor();
  });

  it('adds an authenticator app, and signs in with password and code', async () => {
    await page.goto(account('/security/totp/new'));
    await page.locator('summary').first().click();
    secret = ((await page.locator('code.selectable').textContent()) ?? '').replaceAll(' ', '');
    const totp = new TOTP({ secret });
    await page.fill('[name=code]', totp.generate());
    await killPod();
    await press('Confirm');
    await headed('Sign-in and security');

    await signOut();
    await openDemo();
    await typePassword(password);
    await page.getByRole('heading', { name: /Confirm with your passkey/ }).waitFor();
    await page.locator('summary').first().click();
    await page.getByRole('link', { name: /authenticator app/ }).click();
    // The code of this half-minute confirmed the app; the next one is accepted ahead.
    await page.fill('[name=code]', totp.generate({ timestamp: Date.now() + 30_000 }));
    await killPod();
    await press('Continue');
    await page.getByText('Hello, Nora Newcomer').waitFor();
  });

  it('loses phone and passkey, and gets in with a recovery code and a new password', async () => {
    await context.close();
    [context, page] = await newBrowser();
    await openDemo();
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.fill('[name=email]', email);
    await page.keyboard.press('Enter');
    await headed('Check your mail');
    await page.goto(await latestLink());
    await page.fill('[name=password]', newPassword);
    await killPod();
    await press('Save the new password');
    await headed('Your password is changed');

    await openDemo();
    await typePassword(newPassword);
    await page.locator('summary').first().click();
    await page.getByRole('link', { name: 'Use a recovery code' }).click();
    await page.fill('[name=code]', codes[0]?.toLowerCase() ?? '');
    await killPod();
    await press('Continue');
    await page.getByText('Hello, Nora Newcomer').waitFor();
  });

  it('sees where they are signed in, and ends a session elsewhere', async () => {
    const [elsewhere, other] = await newBrowser();
    const mine = page;
    page = other;
    await openDemo();
    await typePassword(newPassword);
    await page.locator('summary').first().click();
    await page.getByRole('link', { name: 'Use a recovery code' }).click();
    await page.fill('[name=code]', codes[1] ?? '');
    await press('Continue');
    await page.getByText('Hello, Nora Newcomer').waitFor();
    page = mine;

    await page.goto(account('/sessions'));
    await killPod();
    await press('Sign out everywhere else');
    await page.getByText('You are signed in nowhere else').waitFor();
    await other.goto(account());
    await other.getByRole('heading', { name: 'Sign in' }).waitFor();
    await elsewhere.close();
  });

  it('takes the application its access away', async () => {
    await page.goto(account('/applications'));
    await page.locator('summary').first().click();
    await killPod();
    await press(/Take access away/);
    await page.getByText('Harbour Notes').first().waitFor({ state: 'detached' });
  });

  it('downloads their data, and deletes the account', async () => {
    await page.goto(account('/data'));
    const [download] = await Promise.all([page.waitForEvent('download'), press('Download the file')]);
    const data = JSON.parse(readFileSync(await download.path(), 'utf8'));
    expect(JSON.stringify(data)).to.include(email).and.not.include(secret);

    await page.goto(account('/delete'));
    await page.fill('main [name=email]', email);
    await killPod();
    await press('Delete for good');
    await page.waitForURL((url) => !url.pathname.endsWith('/delete'));
    await page.goto(details().relyingParty);
    await press('Refresh tokens');
    await page.getByText('Hello, Nora Newcomer').waitFor({ state: 'detached' });
    await page.context().clearCookies();
    await openDemo();
    await typePassword(newPassword);
    await page.getByText('The email address or the password is not right').waitFor();
  });
});
