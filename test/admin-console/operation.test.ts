import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { settingGroups, settingShapes } from '../../src/admin/console/setting-fields.ts';
import { faultsOf } from '../../src/settings/setting-values.ts';
import { settingNames } from '../../src/settings/settings.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';
import { type ConsoleBrowser, openConsole } from './console-page.ts';

/** Pods whose key sets relying parties may keep for a second alone, so that a rotation ends while we look. */
const environment = { HOLDFAST_KEY_SET_SECONDS: '1', HOLDFAST_ACCESS_TOKEN_SECONDS: '900' };

for (const hasScripts of [true, false]) {
  describe(`keys, settings and sessions in the console, ${hasScripts ? 'with' : 'without'} script`, () => {
    let provider: ConsoleProvider;
    let browser: Browser;
    let owner: Administrator;
    let console: ConsoleBrowser;

    before(async () => {
      [provider, browser] = await Promise.all([startConsole(2, environment), launchBrowser()]);
      owner = await provider.addPerson('odile', { roles: ['owner'] });
      console = await openConsole(browser, provider, owner, { hasScripts });
    });
    after(async () => {
      await browser?.close();
      await provider?.stop();
    });
    afterEach(() => expect(console.complaints.splice(0)).to.deep.equal([]));

    const signingKeys = async () =>
      (await provider.parts.admin.keys.list()).filter(({ use }) => use === 'signing');

    it('rotates the signing keys, and shows how far it is', async () => {
      const before = (await signingKeys()).map(({ id }) => id);
      await console.to('/admin/keys');
      const [rotate] = await console.page.getByRole('link', { name: 'Rotate' }).all();
      await rotate?.click();
      const question = console.page.locator('form[data-question]');
      await question.waitFor();
      expect(await question.textContent()).to.include('No request fails');
      await question.locator('button').click();
      expect(await console.told()).to.equal('New keys are published. They become active by themselves.');
      expect(await console.page.locator('#signing .admin-key-row').count()).to.equal(before.length * 2);

      await until(async () => {
        const keys = await signingKeys();
        return keys.filter(({ state }) => state === 'active').every(({ id }) => !before.includes(id));
      });
      await console.to('/admin/keys');
      const active = await console.page.locator('#signing .admin-key-row.is-active code').allTextContents();
      expect(active).to.have.length(before.length);
      for (const id of active) expect(before).to.not.include(id);
      expect(await console.page.locator('#signing .admin-key-row.is-retired').count()).to.equal(
        before.length,
      );
    });

    it('revokes a key only when its name is typed, and says what breaks', async () => {
      const [key] = (await signingKeys()).filter(({ state }) => state === 'retired');
      if (!key) throw new Error('no key is retired');
      const { page } = console;
      await console.to('/admin/keys');
      await page
        .locator('.admin-key-row', { hasText: key.id })
        .getByRole('link', { name: /Revoke/ })
        .click();
      const question = page.locator('form[data-question]');
      await question.waitFor();
      expect(await question.textContent()).to.include('Every token that it signed');
      await question.locator('#typed').fill('something');
      await question.locator('button').click();
      await page.getByRole('alert').waitFor();
      expect((await signingKeys()).map(({ id }) => id)).to.include(key.id);
      await page.fill('#typed', key.id);
      await page.locator('form[data-question] button').click();
      expect(await console.told()).to.include('another one is in its place');
      expect((await signingKeys()).map(({ id }) => id)).to.not.include(key.id);
    });

    it('shows where each setting comes from, and changes it on every pod', async () => {
      const { page } = console;
      await console.to('/admin/settings');
      const row = (name: string) => page.locator('.admin-facts > div', { hasText: name }).first();
      expect(await row('Access tokens').textContent()).to.match(/15 minutes\s+from the environment/);
      expect(await row('Refresh tokens').textContent()).to.match(/30 days\s+as it comes/);
      expect(await console.text('#environment')).to.include('HOLDFAST_KEY_SET_SECONDS');

      await console.to('/admin/settings/tokens');
      expect(await page.inputValue('#access_token_seconds')).to.equal('15');
      await page.fill('#access_token_seconds', '5');
      await console.press('Save');
      expect(await console.told()).to.include('settings are saved');
      expect(await row('Access tokens').textContent()).to.match(/5 minutes\s+set here/);
      // What was left as it was is not set here.
      expect(await row('Refresh tokens').textContent()).to.match(/30 days\s+as it comes/);
      await until(async () => provider.parts.settings.current().access_token_seconds === 300);

      await console.to('/admin/settings/tokens');
      await page.check('[id="back-access_token_seconds"]');
      await console.press('Save');
      expect(await row('Access tokens').textContent()).to.match(/15 minutes\s+from the environment/);
    });

    it('keeps settings within their bounds, and what was entered', async () => {
      const { page } = console;
      await console.to('/admin/settings/tokens');
      await page.fill('#access_token_seconds', '3');
      await page.selectOption('[name="access_token_seconds-unit"]', 'days');
      await console.press('Save');
      await page.getByRole('alert').waitFor();
      expect(await page.inputValue('#access_token_seconds')).to.equal('3');
      expect(await page.inputValue('[name="access_token_seconds-unit"]')).to.equal('days');
      await console.to('/admin/settings/people');
      await page.fill('#terms_url', 'https://example.com/terms');
      await console.press('Save');
      await page.getByRole('alert').waitFor();
      expect(await console.text('#terms_version-fault')).to.include('belong together');
    });

    it('ends the sessions that are ticked, and those alone', async () => {
      const [one, two, three] = await Promise.all(
        ['sven', 'tara', 'udo'].map((name) => provider.addPerson(name, { hasApp: false })),
      );
      for (const person of [one, two, three]) await person?.open('/account');
      const { page } = console;
      await console.to('/admin/sessions');
      for (const name of ['sven', 'tara']) {
        await page.locator('tbody tr', { hasText: name }).locator('input[type="checkbox"]').check();
      }
      await console.press('End sessions');
      const question = page.locator('form[data-question]');
      expect(await question.textContent())
        .to.include('sven')
        .and.to.include('tara')
        .and.to.not.include('udo');
      await question.locator('button').click();
      expect(await console.told()).to.equal('2 sessions have ended.');
      const isSignedIn = async (person?: Administrator) =>
        (await person?.person.request('/account'))?.status === 200;
      await until(async () => !(await isSignedIn(one)) && !(await isSignedIn(two)));
      expect(await isSignedIn(three)).to.equal(true);

      await console.to(`/admin/sessions?account=${encodeURIComponent(three?.email ?? '')}`);
      expect(await console.agree('End all of this person')).to.equal('1 session has ended.');
      await until(async () => !(await isSignedIn(three)));
    });

    it('ends everything only when the name of the host is typed; then its own session, too', async () => {
      const { page } = console;
      const vera = await provider.addPerson('vera', { hasApp: false });
      await vera.open('/account');
      await console.to('/admin/sessions');
      await page.getByRole('link', { name: 'End everything…' }).click();
      const question = page.locator('form[data-question]');
      await question.waitFor();
      expect(await question.textContent()).to.include('Your own session');
      await question.locator('#typed').fill(new URL(provider.issuer).host);
      await question.locator('button').click();
      expect(await console.told()).to.equal('Everybody is signed out.');
      await until(async () => {
        await console.to('/admin/sessions');
        return page.locator('#email').isVisible();
      });
      await until(async () => (await vera.person.request('/account')).status !== 200);
    });
  });
}

describe('the settings that forms ask for', () => {
  it('are all that there are, each in one group', () => {
    const inGroups = Object.values(settingGroups).flat();
    expect([...inGroups].sort()).to.deep.equal([...settingNames].sort());
    expect(new Set(inGroups).size).to.equal(inGroups.length);
  });

  it('have the bounds that the rules have', () => {
    for (const name of settingNames) {
      const shape = settingShapes[name];
      if (shape.type === 'choice') {
        for (const option of shape.options)
          expect(faultsOf(name, option), `${name} ${option}`).to.deep.equal([]);
      } else if (shape.type !== 'text') {
        expect(faultsOf(name, shape.least), name).to.deep.equal([]);
        expect(faultsOf(name, shape.most), name).to.deep.equal([]);
        expect(faultsOf(name, shape.least - 1), name).to.have.length(1);
        expect(faultsOf(name, shape.most + 1), name).to.have.length(1);
      }
    }
  });
});

/** Waits until something is so. @throws when it is not within ten seconds */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await pause(25);
  }
}
