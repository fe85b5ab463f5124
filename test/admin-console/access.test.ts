import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';
import { type ConsoleBrowser, openConsole } from './console-page.ts';

const strange = `"><img src=x onerror=alert(1)><script>alert(2)</script>`;

for (const hasScripts of [true, false]) {
  describe(`roles, groups and APIs in the console, ${hasScripts ? 'with' : 'without'} script`, () => {
    let provider: ConsoleProvider;
    let browser: Browser;
    let owner: Administrator;
    let console: ConsoleBrowser;

    before(async () => {
      [provider, browser] = await Promise.all([startConsole(2), launchBrowser()]);
      owner = await provider.addPerson('odile', { roles: ['owner'] });
      console = await openConsole(browser, provider, owner, { hasScripts });
    });
    after(async () => {
      await browser?.close();
      await provider?.stop();
    });
    afterEach(() => expect(console.complaints.splice(0)).to.deep.equal([]));

    async function claim(at: number, name: string, type: string, value: string) {
      const row = console.page.locator('.admin-claim').nth(at);
      await row.locator('[name="claim-name"]').fill(name);
      await row.locator('[name="claim-type"]').selectOption(type);
      await row.locator('[name="claim-value"]').fill(value);
    }

    it('makes a role with permissions and claims, changes and deletes it', async () => {
      const { page } = console;
      await console.to('/admin/roles');
      await console.follow('New role');
      await page.fill('#id', 'helpdesk');
      await page.fill('#name', 'Help desk');
      await page.check('[id="permission-accounts:read"]');
      await page.check('[id="permission-sessions:end"]');
      await claim(0, 'desk_level', 'number', '2');
      await claim(1, 'areas', 'list', 'north\nsouth');
      await claim(2, 'inside', 'boolean', 'yes');
      await console.press('Create role');
      expect(await console.told()).to.equal('The role is there.');
      const find = async () => {
        const found = await provider.parts.admin.roles.find('helpdesk');
        return found.ok ? found.value : undefined;
      };
      expect(await find()).to.deep.include({
        name: 'Help desk',
        permissions: ['accounts:read', 'sessions:end'],
        claims: { desk_level: 2, areas: ['north', 'south'], inside: true },
      });

      await provider.addPerson('helga', { roles: ['helpdesk'] });
      await console.follow('Change');
      expect(await page.isChecked('[id="permission-accounts:read"]')).to.equal(true);
      await page.uncheck('[id="permission-sessions:end"]');
      await claim(0, '', 'number', '2');
      await claim(3, 'desk', 'number', 'no number');
      await console.press('Save');
      await page.getByRole('alert').waitFor();
      expect(await console.text('[role="alert"]')).to.include('claims.desk');
      // What was entered is still there.
      expect(await page.isChecked('[id="permission-sessions:end"]')).to.equal(false);
      const names = await page.locator('[name="claim-name"]').all();
      const entered = await Promise.all(names.map((name) => name.inputValue()));
      const at = entered.indexOf('desk');
      await claim(at, 'desk', 'text', 'A');
      await console.press('Save');
      expect(await console.told()).to.include('The role is saved');
      expect(await find()).to.deep.include({
        permissions: ['accounts:read'],
        claims: { areas: ['north', 'south'], inside: true, desk: 'A' },
      });

      await console.to('/admin/roles/helpdesk');
      expect(await console.text('main')).to.include('1 account');
      expect(await console.agree('Delete', 'helpdesk')).to.equal('The role is deleted.');
      expect(await find()).to.equal(undefined);
    });

    it('shows what somebody may not give as a box that cannot be ticked, and why', async () => {
      const made = await provider.parts.access.roles.create(`limited-${hasScripts}`, {
        name: 'Limited',
        description: '',
        permissions: ['roles:read', 'roles:write', 'groups:read', 'groups:write', 'accounts:read'],
        claims: {},
      });
      expect(made.ok).to.equal(true);
      const lena = await provider.addPerson(`lena-${hasScripts}`, { roles: [`limited-${hasScripts}`] });
      const hers = await openConsole(browser, provider, lena, { hasScripts });
      await hers.to('/admin/roles/new');
      const box = hers.page.locator('[id="permission-keys:revoke"]');
      expect(await box.isDisabled()).to.equal(true);
      expect(await hers.text('#permissions')).to.include('You may not do this yourself');
      expect(await hers.page.locator('[id="permission-accounts:read"]').isDisabled()).to.equal(false);
      // By hand it is refused as well.
      await hers.page.fill('#id', 'mighty');
      await hers.page.locator('[id="permission-accounts:read"]').check();
      await box.evaluate((input: { disabled: boolean; checked: boolean }) => {
        input.disabled = false;
        input.checked = true;
      });
      await hers.press('Create role');
      await hers.page.getByRole('alert').waitFor();
      expect(await hers.text('[role="alert"]')).to.include('keys:revoke');
      expect((await provider.parts.admin.roles.find('mighty')).ok).to.equal(false);
      await hers.to('/admin/roles/owner');
      expect(await hers.page.getByRole('link', { name: 'Change' }).count()).to.equal(0);
      await hers.close();
    });

    it('makes a group that brings a role and claims, and counts its members', async () => {
      const { page } = console;
      await console.to('/admin/groups/new');
      await page.fill('#id', 'harbour');
      await page.fill('#name', 'Harbour');
      await page.check('[id="role-auditor"]');
      await claim(0, 'team', 'text', 'harbour');
      await console.press('Create group');
      expect(await console.told()).to.equal('The group is there.');
      const made = await provider.parts.admin.groups.find('harbour');
      expect(made.ok && made.value).to.deep.include({ roles: ['auditor'], claims: { team: 'harbour' } });
      await provider.parts.administer.update(owner.id, undefined, { groups: ['harbour'] });
      await console.to('/admin/groups/harbour');
      expect(await console.text('main'))
        .to.include('1 account')
        .and.to.include('Auditor');
      await console.to('/admin/groups/harbour/edit');
      await page.uncheck('[id="role-auditor"]');
      await console.press('Save');
      expect(await console.told()).to.include('The group is saved');
      await console.to('/admin/groups/harbour');
      expect(await console.agree('Delete', 'harbour')).to.equal('The group is deleted.');
    });

    it('makes an API with scopes, names the clients that may ask, and deletes it', async () => {
      const { page } = console;
      await console.to('/admin/resources/new');
      await page.fill('#indicator', 'api.example.com');
      await page.locator('[name="scope-name"]').nth(0).fill('orders:read');
      await page.locator('[name="scope-description"]').nth(0).fill('See orders');
      await page.locator('[name="scope-name"]').nth(1).fill('two words');
      await console.press('Create API');
      await page.getByRole('alert').waitFor();
      expect(await page.locator('[name="scope-name"]').nth(1).inputValue()).to.equal('two words');
      await page.fill('#indicator', 'https://api.example.com/v1');
      await page.fill('#name', 'Harbour API');
      await page.locator('[name="scope-name"]').nth(1).fill('orders:write');
      await page.fill('#accessTokenSeconds', '120');
      await console.press('Create API');
      expect(await console.told()).to.equal('The API is there.');
      const find = async () => {
        const found = await provider.parts.admin.resources.find('https://api.example.com/v1');
        return found.ok ? found.value : undefined;
      };
      expect(await find()).to.deep.include({
        name: 'Harbour API',
        accessTokenSeconds: 120,
        scopes: [
          { name: 'orders:read', description: 'See orders' },
          { name: 'orders:write', description: '' },
        ],
      });

      await console.follow('Change');
      await page.locator('[name="scope-name"]').nth(1).fill('');
      await page.fill('#accessTokenSeconds', '');
      await console.press('Save');
      expect(await console.told()).to.equal('The changes are saved.');
      expect((await find())?.scopes).to.have.length(1);
      expect((await find())?.accessTokenSeconds).to.equal(undefined);

      await console.to('/admin/clients/new/service');
      await page.fill('#name', 'Order job');
      await page.check('[id="api-https://api.example.com/v1"]');
      await console.press('Create client');
      expect(await console.text('#setup'))
        .to.include('https://api.example.com/v1')
        .and.to.include('orders:read');
      await console.to('/admin/resources');
      await console.follow(/^Harbour API/);
      expect(await console.text('main'))
        .to.include('Order job')
        .and.to.include('1 client may ask');
      expect(await console.agree('Delete', 'Harbour API')).to.equal('The API is deleted.');
      expect(await find()).to.equal(undefined);
    });

    it('shows names as names, whatever is in them', async () => {
      const { page } = console;
      const { admin } = provider.parts;
      const actor = {
        kind: 'operator',
        id: 'ops',
        name: 'ops',
        permissions: new Set((await provider.parts.access.roles.find('owner'))?.permissions),
        via: 'cli',
        requestId: 'names',
        address: '',
      } as const;
      const claims = { note: strange, list: [strange] };
      const outcomes = await Promise.all([
        admin.roles.create(actor, 'strange', { name: strange, description: strange, claims }),
        admin.groups.create(actor, 'strange', { name: strange, description: strange, claims }),
        admin.resources.create(actor, 'https://strange.example.com', {
          name: strange,
          scopes: [{ name: 'a', description: strange }],
        }),
      ]);
      for (const outcome of outcomes) expect(outcome.ok, JSON.stringify(outcome)).to.equal(true);
      const api = `/admin/resources/${Buffer.from('https://strange.example.com').toString('base64url')}`;
      for (const path of [
        '/admin/roles',
        '/admin/roles/strange',
        '/admin/roles/strange/edit',
        '/admin/roles/strange/delete',
        '/admin/groups',
        '/admin/groups/strange',
        '/admin/groups/strange/edit',
        '/admin/groups/strange/delete',
        '/admin/resources',
        api,
        `${api}/edit`,
        `${api}/delete`,
        '/admin/clients/new/service',
      ]) {
        await console.to(path);
        expect(await page.locator('main img[src="x"], main script').count(), path).to.equal(0);
        expect(await page.content(), path).to.not.include('<script>alert');
        expect(await page.content(), path).to.include('alert(2)');
      }
    });

    it('tells how programs reach the admin API', async () => {
      await console.to('/admin/api');
      expect(await console.text('main')).to.include(`${provider.issuer}/admin/api/v1`);
      const reference = await console.page.request.get(`${provider.issuer}/admin/api/v1/reference`);
      expect(reference.status()).to.equal(200);
      await console.follow('Create a service client');
      expect(await console.text('h1')).to.include('Service');
    });
  });
}
