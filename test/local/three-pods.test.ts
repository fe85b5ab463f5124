import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import type { DemoDetails } from '../../src/local/local.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Started, startProcess } from '../support/processes.ts';

describe('npm run demo', () => {
  let directory: string;
  let browser: Browser;
  let demo: Started | undefined;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
    browser = await launchBrowser();
  });
  after(async () => {
    await demo?.stop();
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(...options: string[]): Promise<Started> {
    const everywhere = ['--ports', '0,0,0', '--directory', directory];
    demo = startProcess('npm', ['run', '--silent', 'demo', '--', ...everywhere, ...options]);
    await demo.prints('Three pods are running');
    return demo;
  }

  const details = () => JSON.parse(readFileSync(join(directory, 'demo.json'), 'utf8')) as DemoDetails;

  /** The processes of all pods so far, as each says when it listens. */
  function podProcesses(): number[] {
    const log = readFileSync(join(directory, 'pods.log'), 'utf8');
    return [...log.matchAll(/"pid":(\d+),"msg":"listening"/g)].map(([, pid]) => Number(pid));
  }

  function lives(pid: number): boolean {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  it('keeps you signed in while pods are killed, shows them, and ends with all of them', async () => {
    const running = await start('--kill-every', '1');
    const { relyingParty, account } = details();
    const page = await browser.newPage();
    await page.goto(relyingParty);
    await page.getByRole('link', { name: 'Sign in with Holdfast' }).click();
    await page.fill('input[name=email]', account.email);
    await page.fill('input[name=password]', account.password);
    await page.keyboard.press('Enter');
    await page.getByText('Hello, Dana Demo').waitFor();

    const kills = () => [...running.output().matchAll(/ended pod-[abc]/g)].length;
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
    expect(await page.content()).to.match(/\d+ pods? ha(s|ve) been killed/);
    expect(running.output()).to.match(/ended pod-[abc] \(SIG(KILL|TERM)\), 2 of 3 are up\n/);

    await running.stop('SIGINT');
    expect(running.output()).to.match(/Stopping…\n$/);
    expect(podProcesses().length).to.be.greaterThan(3);
    expect(podProcesses().filter(lives)).to.deep.equal([]);
  });

  it('keeps its account, and leaves no pod behind when it is killed itself', async function () {
    // Elsewhere the system does not end children with their parent.
    if (process.platform !== 'linux') this.skip();
    const running = await start('--no-kill');
    const { password } = details().account;
    expect(running.output()).to.include(password).and.include('No pod is killed.');
    // A pod writes its log a moment later.
    while (podProcesses().filter(lives).length < 3) await pause(20);
    const pods = podProcesses().filter(lives);
    await running.stop('SIGKILL');
    while (pods.some(lives)) await pause(20);
  });

  it('says what is wrong with an option', async () => {
    for (const [option, value, said] of [
      ['--ports', '3000,3001', '--ports takes three port numbers'],
      ['--kill-every', 'often', '--kill-every takes a number of seconds'],
      ['--sometimes', '', "Unknown option '--sometimes'"],
    ] as const) {
      const run = startProcess(process.execPath, ['src/local/three-pods.ts', option, value]);
      expect(await run.ended).to.equal(1);
      expect(run.output()).to.include(said).and.not.include('    at ');
    }
  });
});
