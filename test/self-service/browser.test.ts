import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { TOTP } from 'otpauth';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { type RoundRobinProxy, startRoundRobinProxy } from '../../src/local/round-robin-proxy.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Pod, startPod, testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

/** The whole way through the self-service pages, in a real browser, on three pods behind a balancer. */
describe('the self-service pages in a browser', () => {
  const credentials = { email: 'vera@example.org', password: 'the long passphrase of vera' };
  let redis: Topology;
  let pods: Pod[] = [];
  let proxy: RoundRobinProxy;
  let parts: Parts;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let issuer: string;
  const complaints: string[] = [];

  before(async () => {
    [redis, browser] = await Promise.all([startStandalone({ appendOnly: false }), launchBrowser()]);
    proxy = await startRoundRobinProxy({
      port: 0,
      targets: () => pods.map((pod) => ({ name: pod.name, port: pod.port })),
      log: createLog('silent', 'test'),
    });
    // WebAuthn is for secure contexts, of which this is the one without TLS.
    issuer = `http://localhost:${proxy.port}`;
    pods = await Promise.all(['a', 'b', 'c'].map((name) => startPod({ name, issuer, redisUrl: redis.url })));
    const config = readConfig({
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    });
    parts = await openParts(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
    await parts.accounts.create({ ...credentials, emailVerified: true, name: 'Vera' });
    context = await newContext();
    page = await context.newPage();
  });
  after(async () => {
    await browser?.close();
    await Promise.all([parts?.close(), proxy?.close(), ...pods.map((pod) => pod.kill('SIGKILL'))]);
    await redis?.stop();
  });

  async function newContext(): Promise<BrowserContext> {
    const made = await browser.newContext({ viewport: { width: 390, height: 800 }, locale: 'en' });
    made.on('weberror', (error) => complaints.push(error.error().message));
    made.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    return made;
  }

  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const follow = (name: string) => page.getByRole('link', { name, exact: true }).click();
  const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

  async function signIn(tab: Page): Promise<void> {
    await tab.goto(`${issuer}/account`);
    await tab.fill('#email', credentials.email);
    await tab.fill('#password', credentials.password);
    await tab.press('#password', 'Enter');
  }

  it('let somebody set up their account, look after it, take their data along and leave', async () => {
    // An authenticator as a phone has it, that always says yes.
    const devtools = await context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });

    await signIn(page);
    await heading('Your account');
    await page.getByText('Protect your account with a passkey or an app').click();
    await heading('Sign-in and security');

    await follow('Add a passkey');
    await page.fill('#name', 'My phone');
    await press('Create a passkey');
    await page.getByText('Your passkey is ready.').waitFor();
    const { credentials: kept } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    expect(kept).to.have.length(1);
    expect(kept[0]?.isResidentCredential).to.equal(true);

    await press('Get recovery codes');
    await heading('Keep these recovery codes');
    const codes = await page.locator('.account-codes code').allTextContents();
    expect(codes).to.have.length(10);
    expect(await page.getByRole('button', { name: 'Print' }).isVisible()).to.equal(true);
    expect(await saved(() => follow('Save as a file'))).to.include(codes[9]);
    await press('I have saved the codes');
    await page.getByText('Keep the recovery codes in a safe place.').waitFor();
    expect(await page.locator('.account-list').first().textContent()).to.include('My phone');

    await follow('Add an authenticator app');
    await page.getByText('Cannot scan?').click();
    const key = ((await page.locator('code.selectable').textContent()) ?? '').replaceAll(' ', '');
    const { secret } = new TOTP({ secret: key });
    const step = Math.floor(Date.now() / 30_000);
    const code = (at: number) => TOTP.generate({ secret, timestamp: at * 30_000 });
    // The pod that showed the page is gone when its form is sent.
    await pods[0]?.kill('SIGKILL');
    pods = pods.slice(1);
    await page.fill('#code', code(step));
    await press('Confirm');
    await page.getByText('Your authenticator app is ready.').waitFor();

    // Another browser, which asks for the second factor, and is signed out from here.
    const other = await (await newContext()).newPage();
    await signIn(other);
    await other.getByText('Choose another way').click();
    await other.getByRole('link', { name: /code from an authenticator app/ }).click();
    await other.fill('input[name=code]', code(step + 1));
    await other.press('input[name=code]', 'Enter');
    await other.getByRole('heading', { name: 'Your account', exact: true }).waitFor();
    await page.goto(`${issuer}/account`);
    await page.locator('.account-cards').getByText('Devices').click();
    await heading('Devices');
    await page.getByRole('button', { name: /^Sign out there/ }).click();
    await page.getByText('That device is signed out.').waitFor();
    await other.goto(`${issuer}/account/sessions`);
    await other.locator('#password').waitFor();

    await page.goto(`${issuer}/account/data`);
    const data = JSON.parse(await saved(() => press('Download the file')));
    expect(data.account.email).to.equal(credentials.email);
    expect(data.factors.map(({ kind }: { kind: string }) => kind)).to.have.members([
      'passkey',
      'recovery-codes',
      'totp',
    ]);

    await follow('Delete your account');
    await page.fill('#email', 'somebody@else.example');
    await press('Delete for good');
    await page.getByText('Nothing has been deleted.').waitFor();
    await page.fill('#email', credentials.email);
    await press('Delete for good');
    await heading('Your account is deleted');
    await page.goto(`${issuer}/account`);
    await page.locator('#password').waitFor();
    expect(await parts.accounts.findByEmail(credentials.email)).to.equal(undefined);
    // What is refused on purpose is told as an error too.
    expect(complaints.filter((text) => !/status of 400/.test(text))).to.deep.equal([]);
  });

  async function saved(press: () => Promise<void>): Promise<string> {
    const [download] = await Promise.all([page.waitForEvent('download'), press()]);
    return readFileSync(await download.path(), 'utf8');
  }
});
