import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import type { DemoDetails } from '../../src/local/local.ts';
import { launchBrowser } from '../support/browser.ts';
import { freePort } from '../support/pods.ts';
import { type Started, startProcess } from '../support/processes.ts';

describe('npm run demo', () => {
  let directory: string;
  let browser: Browser;
  let demo: Started;
  let relyingParty: string;

  before(async function () {
    this.timeout(60_000);
    directory = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    relyingParty = `http://localhost:${ports[1]}`;
    const options = ['--ports', ports.join(','), '--directory', directory, '--kill-every', '1'];
    demo = startProcess('npm', ['run', '--silent', 'demo', '--', ...options]);
    browser = await launchBrowser();
    await demo.prints('Three pods are running');
  });
  after(async () => {
    await demo?.stop();
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('keeps you signed in while pods are killed', async function () {
    this.timeout(60_000);
    const page = await browser.newPage();
    const { account } = JSON.parse(readFileSync(join(directory, 'demo.json'), 'utf8')) as DemoDetails;
    await page.goto(relyingParty);
    await page.getByRole('link', { name: 'Sign in with Holdfast' }).click();
    await page.fill('input[name=email]', account.email);
    await page.fill('input[name=password]', account.password);
    await page.keyboard.press('Enter');
    await page.getByText('Hello, Dana Demo').waitFor();

    const kills = () => [...demo.output().matchAll(/ended pod-[abc]/g)].length;
    const before = kills();
    const pods = new Set<string>();
    for (let round = 0; kills() < before + 3 || round < 8; round++) {
      const actions = [
        () => page.getByRole('button', { name: 'Refresh tokens' }).click(),
        () => page.getByRole('button', { name: 'Call the API' }).click(),
        () => page.goto(`${relyingParty}/login?prompt=none`),
      ];
      await actions[round % actions.length]?.();
      await page.getByText('Hello, Dana Demo').waitFor();
      for (const [pod] of (await page.content()).matchAll(/pod-[abc]/g)) pods.add(pod);
    }
    expect([...pods].sort()).to.deep.equal(['pod-a', 'pod-b', 'pod-c']);
  });
});
