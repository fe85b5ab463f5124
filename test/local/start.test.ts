import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import type { DemoDetails } from '../../src/local/local.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Started, startProcess } from '../support/processes.ts';
import { findPorts } from '../support/redis-process.ts';

describe('npm start', () => {
  let directory: string;
  let browser: Browser;
  let started: Started | undefined;
  let environment: Record<string, string>;
  let relyingParty: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
    // Below those of outgoing connections: they must be free when it is started again.
    const [port, demoPort, apiPort] = await findPorts(3);
    relyingParty = `http://localhost:${demoPort}`;
    environment = {
      HOLDFAST_LOCAL_DIRECTORY: directory,
      HOLDFAST_PORT: String(port),
      HOLDFAST_DEMO_PORT: String(demoPort),
      HOLDFAST_DEMO_API_PORT: String(apiPort),
    };
    browser = await launchBrowser();
  });
  after(async () => {
    await started?.stop();
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    started = startProcess('npm', ['start', '--silent'], environment);
    await started.prints('Holdfast is running');
  }

  const demo = () => JSON.parse(readFileSync(join(directory, 'demo.json'), 'utf8')) as DemoDetails;

  it('gives a working provider, and says how to use it', async () => {
    await start();
    const { issuer, account, owner, client } = demo();
    const people = [account.email, account.password, owner.email, owner.password];
    for (const said of [relyingParty, issuer, `${issuer}/admin`, ...people]) {
      expect(started?.output()).to.include(said);
    }
    expect(client).to.have.keys('id', 'secret', 'redirectUri');
    expect(owner.email).to.equal('owner@holdfast.example');
    expect(owner.password).to.not.equal(account.password);
    expect(statSync(join(directory, 'demo.json')).mode & 0o077).to.equal(0);
    const discovery = await fetch(`${issuer}/.well-known/openid-configuration`);
    expect(((await discovery.json()) as { issuer: string }).issuer).to.equal(issuer);
  });

  it('keeps accounts and signed-in sessions when it is stopped and started again', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const { account, owner } = demo();
    await page.goto(relyingParty);
    await page.getByRole('link', { name: 'Sign in with Holdfast' }).click();
    await page.fill('input[name=email]', account.email);
    await page.fill('input[name=password]', account.password);
    await page.keyboard.press('Enter');
    await page.getByText('Hello, Dana Demo').waitFor();

    await started?.stop();
    await start();
    expect(demo()).to.deep.include({ account, owner });

    await page.goto(`${relyingParty}/login?prompt=none`);
    await page.getByText('Hello, Dana Demo').waitFor();
    await page.getByRole('button', { name: 'Refresh tokens' }).click();
    await page.getByText('Your tokens are new.').waitFor();
    await page.getByRole('button', { name: 'Call the API' }).click();
    await page.getByText('at+jwt, signed with ES256').waitFor();
    await context.close();
  });

  it('works for the command line beside it', async () => {
    const run = startProcess('npm', ['run', '--silent', 'holdfast', '--', 'account', 'list'], environment);
    expect(await run.ended, run.output()).to.equal(0);
    expect(run.output()).to.include(demo().account.email);
    const list = ['account', 'list', '--role', 'owner', '--status', 'active'];
    const owners = startProcess('npm', ['run', '--silent', 'holdfast', '--', ...list], environment);
    expect(await owners.ended, owners.output()).to.equal(0);
    expect(owners.output()).to.include(demo().owner.email).and.not.include(demo().account.email);
  });

  it('says what to do when it runs already, and when a port is taken', async () => {
    const again = startProcess('npm', ['start', '--silent'], environment);
    expect(await again.ended).to.equal(1);
    expect(again.output()).to.include('already runs').and.not.include('    at ');

    const elsewhere = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
    const taken = startProcess('npm', ['start', '--silent'], {
      ...environment,
      HOLDFAST_LOCAL_DIRECTORY: elsewhere,
    });
    expect(await taken.ended).to.equal(1);
    expect(taken.output()).to.include('HOLDFAST_PORT').and.not.include('    at ');
    rmSync(elsewhere, { recursive: true, force: true });
  });
});
