import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import * as oidc from 'openid-client';
import type { Browser } from 'playwright-core';
import { permissions } from '../../src/access/access.ts';
import { credentialsOf } from '../self-service/console-fixture.ts';
import { launchBrowser } from '../support/browser.ts';
import { authorize, Person } from '../support/person.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';
import { type ConsoleBrowser, openConsole } from './console-page.ts';

const redirectUri = 'http://localhost:9/auth/callback';

for (const hasScripts of [true, false]) {
  describe(`clients in the console, ${hasScripts ? 'with' : 'without'} script`, () => {
    let provider: ConsoleProvider;
    let browser: Browser;
    let owner: Administrator;
    let paula: Administrator;
    let console: ConsoleBrowser;

    before(async () => {
      [provider, browser] = await Promise.all([startConsole(2), launchBrowser()]);
      owner = await provider.addPerson('odile', { roles: ['owner'] });
      paula = await provider.addPerson('paula', { hasApp: false });
      console = await openConsole(browser, provider, owner, { hasScripts });
    });
    after(async () => {
      await browser?.close();
      await provider?.stop();
    });
    afterEach(() => expect(console.complaints.splice(0)).to.deep.equal([]));

    /** What the page after the wizard shows. */
    async function shown() {
      const { page } = console;
      const codes = await page.locator('.admin-facts code').allTextContents();
      const [issuer = '', id = '', secret] = codes;
      return { issuer, id, secret };
    }

    async function wizard(kind: string, name: string, fill: () => Promise<void> = async () => {}) {
      await console.to('/admin/clients');
      await console.follow('New client');
      await console.follow(kind);
      await console.page.fill('#name', name);
      await fill();
      await console.press('Create client');
      expect(await console.told()).to.equal('The client is there.');
      return shown();
    }

    /** A relying party that knows what the page shows, and nothing else. */
    async function relyingParty({
      issuer,
      id,
      secret,
    }: {
      issuer: string;
      id: string;
      secret?: string | undefined;
    }) {
      const method = secret === undefined ? oidc.None() : oidc.ClientSecretBasic(secret);
      return oidc.discovery(new URL(issuer), id, undefined, method, {
        execute: [oidc.allowInsecureRequests],
      });
    }

    /** Signs Paula in to a client, in a new browser. */
    async function signIn(config: oidc.Configuration, to = redirectUri, scope = 'openid profile email') {
      const verifier = oidc.randomPKCECodeVerifier();
      const address = oidc.buildAuthorizationUrl(config, {
        redirect_uri: to,
        scope,
        state: 'the-state',
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const person = new Person(
        provider.issuer,
        provider.pods.map(({ url }) => url),
      );
      const answer = await authorize(
        person,
        `${address.pathname}${address.search}`,
        credentialsOf(paula),
        to,
      );
      const back = new URL(`${to}?${new URLSearchParams(answer)}`);
      return oidc.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedState: 'the-state',
      });
    }

    const pathOf = (id: string) => `/admin/clients/${encodeURIComponent(id)}`;

    it('makes a web application, and people sign in with what the page shows', async () => {
      const { page } = console;
      const made = await wizard('Web app with a server', 'Harbour Notes', () =>
        page.fill('#redirects', redirectUri),
      );
      expect(made.issuer).to.equal(provider.issuer);
      const settings = await console.text('#setup');
      for (const value of [made.issuer, made.id, redirectUri, 'openid profile email']) {
        expect(settings).to.include(value);
      }
      expect(settings).to.not.include(made.secret);

      const tokens = await signIn(await relyingParty(made));
      expect(tokens.claims()?.sub).to.equal(paula.id);

      // Loading the page again makes no second secret, and shows the first one until it was put away.
      await page.reload();
      expect((await shown()).secret).to.equal(made.secret);
      const found = await provider.parts.admin.clients.find(made.id);
      expect(found.ok && found.value.secrets.length).to.equal(1);
      await console.press('I have put it away');
      await console.to(`${pathOf(made.id)}/ready`);
      expect((await shown()).secret).to.equal(undefined);
      expect(await page.content()).to.not.include(made.secret);
    });

    it('shows a secret to nobody but who made it', async () => {
      const made = await wizard('Web app with a server', 'Private', () =>
        console.page.fill('#redirects', redirectUri),
      );
      const other = await provider.addPerson(`other-${hasScripts}`, { roles: ['owner'] });
      const theirs = await openConsole(browser, provider, other, { hasScripts });
      const [cookie] = (await console.page.context().cookies()).filter(({ name }) =>
        /client_secret/.test(name),
      );
      expect(cookie?.httpOnly).to.equal(true);
      expect(cookie?.value).to.not.include(made.secret);
      if (cookie) await theirs.page.context().addCookies([cookie]);
      await theirs.to(`${pathOf(made.id)}/ready`);
      expect(await theirs.page.content()).to.not.include(made.secret);
      await theirs.close();
    });

    it('changes a secret with no failed request', async () => {
      const { page } = console;
      const made = await wizard('Web app with a server', 'Rotating', () =>
        page.fill('#redirects', redirectUri),
      );
      await console.press('I have put it away');
      await console.follow('Add a secret');
      await console.press('Make the secret');
      expect(await console.told()).to.equal('The secret is there.');
      const { secret } = await shown();
      expect(secret).to.not.equal(made.secret);

      for (const one of [made.secret, secret]) {
        expect((await signIn(await relyingParty({ ...made, secret: one }))).claims()?.sub).to.equal(paula.id);
      }
      await console.press('I have put it away');
      expect(await page.locator('#secrets li').count()).to.equal(2 + 3);
      // The older one is the first.
      expect(await console.agree(/^Remove/)).to.equal('The secret is removed.');
      await within(1500, async () => {
        const refused = await signIn(await relyingParty(made)).catch((error: { status?: number }) => error);
        return (refused as { status?: number }).status === 401;
      });
      expect((await signIn(await relyingParty({ ...made, secret }))).claims()?.sub).to.equal(paula.id);

      // The last one stays: without it the application would fail.
      const only = page.locator('#secrets').getByRole('link', { name: /^Remove/ });
      await only.click();
      await page.locator('form[data-question] button').click();
      await page.getByRole('alert').waitFor();
      expect(await console.text('[role="alert"]')).to.include('only secret');
    });

    it('makes a single-page app, whose own pages alone may fetch tokens', async () => {
      const made = await wizard('Single-page app', 'Harbour Map', () =>
        console.page.fill('#redirects', 'http://localhost:9/callback'),
      );
      expect(made.secret).to.equal(undefined);
      const to = 'http://localhost:9/callback';
      const tokens = await signIn(await relyingParty(made), to, 'openid profile email offline_access');
      expect(tokens.refresh_token).to.be.a('string');
      const ask = async (origin: string) => {
        const answer = await fetch(`${provider.issuer}/token`, {
          method: 'POST',
          headers: { origin },
          body: new URLSearchParams({
            grant_type: 'refresh_token',
            client_id: made.id,
            refresh_token: 'none',
          }),
        });
        return answer.headers.get('access-control-allow-origin');
      };
      expect(await ask('http://localhost:9')).to.equal('http://localhost:9');
      expect(await ask('http://elsewhere.example')).to.equal(null);
    });

    it('makes a mobile app, with a scheme of its own or any port of its computer', async () => {
      const made = await wizard('Mobile or desktop app', 'Harbour Go', () =>
        console.page.fill('#redirects', 'com.example.harbour:/callback\nhttp://127.0.0.1/callback'),
      );
      expect(made.secret).to.equal(undefined);
      const config = await relyingParty(made);
      const tokens = await signIn(config, 'http://127.0.0.1:51999/callback', 'openid profile');
      expect(tokens.claims()?.sub).to.equal(paula.id);
      const own = await signIn(config, 'com.example.harbour:/callback', 'openid profile');
      expect(own.claims()?.sub).to.equal(paula.id);
    });

    it('makes a service that uses the admin API as far as its role goes', async () => {
      const made = await wizard('Service', 'Night job', () => console.page.check('[id="role-auditor"]'));
      const api = `${provider.issuer}/admin/api/v1`;
      const config = await relyingParty(made);
      const tokens = await oidc.clientCredentialsGrant(config, { resource: api, scope: 'accounts:read' });
      const headers = { authorization: `Bearer ${tokens.access_token}` };
      expect((await fetch(`${api}/accounts`, { headers })).status).to.equal(200);
      const wish = await fetch(`${api}/accounts`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'new@example.com' }),
      });
      expect(wish.status).to.equal(403);
    });

    it('makes a client for a device, which asks for a code', async () => {
      const made = await wizard('Device or TV', 'Harbour TV');
      const config = await relyingParty(made);
      const answer = await oidc.initiateDeviceAuthorization(config, { scope: 'openid profile' });
      expect(answer.user_code).to.match(/\w{4}-\w{4}/);
    });

    it('makes a client for a gateway, with the secret where that gateway sends it', async () => {
      const made = await wizard('Gateway in front of an app', 'Harbour Gate', async () => {
        await console.page.selectOption('#framework', 'envoy-gateway');
        await console.page.fill('#redirects', 'https://gate.example.com/oauth2/callback');
      });
      expect(await console.text('#setup')).to.include('kind: SecurityPolicy');
      const found = await provider.parts.admin.clients.find(made.id);
      expect(found.ok && found.value.metadata.token_endpoint_auth_method).to.equal('client_secret_post');
    });

    it('says what is wrong with addresses, and keeps what was entered', async () => {
      const { page } = console;
      await console.to('/admin/clients/new/web');
      await page.fill('#name', 'Careless');
      await page.fill('#redirects', 'http://app.example.com/cb\nhttps://*.example.com/cb');
      if (hasScripts) {
        // While it is typed.
        await page.locator('#address-findings li').nth(1).waitFor();
      }
      await console.press('Create client');
      await page.getByRole('alert').waitFor();
      const problem = await console.text('[role="alert"]');
      expect(problem).to.include('http://app.example.com/cb').and.to.include('https://*.example.com/cb');
      expect(await console.text('#address-findings')).to.include('https://app.example.com/cb');
      expect(await page.inputValue('#name')).to.equal('Careless');
      expect(await page.inputValue('#redirects')).to.include('*.example.com');
      const { items } = await provider.parts.admin.clients.list({ text: 'Careless' });
      expect(items).to.deep.equal([]);
    });

    it('tries a redirect address, and says why it is none', async () => {
      const { id } = await wizard('Web app with a server', 'Tried', () =>
        console.page.fill('#redirects', 'https://tried.example.com/cb'),
      );
      await console.to(pathOf(id));
      await console.page.fill('#address', 'https://tried.example.com/cb/');
      await console.press('Try it');
      expect(await console.text('#match'))
        .to.include('slash')
        .and.to.include('https://tried.example.com/cb');
      await console.page.fill('#address', 'https://tried.example.com/cb');
      await console.press('Try it');
      expect(await console.text('#match')).to.match(/^Yes/);
    });

    it('changes its settings group by group, and as JSON', async () => {
      const { page } = console;
      const { id } = await wizard('Web app with a server', 'Changing', () =>
        page.fill('#redirects', redirectUri),
      );
      const metadata = async () => {
        const found = await provider.parts.admin.clients.find(id);
        return found.ok ? found.value.metadata : {};
      };

      await console.to(`${pathOf(id)}/edit/sign-in`);
      await page.selectOption('#second_factor', 'required');
      await page.fill('#default_max_age', '3600');
      await console.press('Save');
      expect(await console.told()).to.equal('The changes are saved.');
      expect(await metadata()).to.deep.include({ second_factor: 'required', default_max_age: 3600 });

      await console.to(`${pathOf(id)}/edit/sign-in`);
      await page.selectOption('#second_factor', '');
      await page.fill('#default_max_age', 'soon');
      await console.press('Save');
      await page.getByRole('alert').waitFor();
      expect(await console.text('#default_max_age-fault')).to.include('whole number');
      expect(await page.inputValue('#default_max_age')).to.equal('soon');

      await console.to(`${pathOf(id)}/json`);
      const json = JSON.parse(await page.inputValue('#json'));
      const { second_factor: _, ...rest } = json;
      await page.fill('#json', JSON.stringify({ ...rest, description: 'By hand' }));
      await console.press('Save');
      expect(await console.told()).to.equal('The changes are saved.');
      expect(await metadata())
        .to.include({ description: 'By hand' })
        .and.to.not.have.property('second_factor');

      await console.to(`${pathOf(id)}/json`);
      await page.fill('#json', '{ "client_name": ');
      await console.press('Save');
      await page.getByRole('alert').waitFor();
      expect(await console.text('#json-fault')).to.include('not a JSON object');
      await page.fill('#json', JSON.stringify({ ...rest, colour: 'blue' }));
      await console.press('Save');
      await page.getByRole('alert').waitFor();
      expect(await console.text('[role="alert"]')).to.include('colour');
    });

    it('overwrites nobody else’s change', async () => {
      const { page } = console;
      const { id } = await wizard('Web app with a server', 'Shared', () =>
        page.fill('#redirects', redirectUri),
      );
      await console.to(`${pathOf(id)}/edit/general`);
      const somebodyElse = {
        kind: 'operator',
        id: 'ops',
        name: 'ops',
        permissions: new Set(permissions),
        via: 'cli',
        requestId: 'meanwhile',
        address: '',
      } as const;
      const changed = await provider.parts.admin.clients.update(somebodyElse, id, {
        description: 'By somebody else',
      });
      expect(changed.ok).to.equal(true);
      await page.fill('#client_name', 'Mine');
      await console.press('Save');
      await page.getByRole('alert').waitFor();
      expect(await console.text('[role="alert"]')).to.include('Somebody else has changed');
      const after = await provider.parts.admin.clients.find(id);
      expect(after.ok && after.value.metadata).to.include({
        client_name: 'Shared',
        description: 'By somebody else',
      });
    });

    it('disables, enables and deletes, and says what ends', async () => {
      const { page } = console;
      const made = await wizard('Web app with a server', 'Short-lived', () =>
        page.fill('#redirects', redirectUri),
      );
      const config = await relyingParty(made);
      await signIn(config);
      await console.to(pathOf(made.id));
      expect(await console.agree('Disable')).to.equal('The client is disabled.');
      await within(1500, () =>
        signIn(config).then(
          () => false,
          () => true,
        ),
      );
      expect(await console.agree('Enable')).to.equal('The client is enabled.');
      await within(1500, () =>
        signIn(config).then(
          () => true,
          () => false,
        ),
      );

      expect(await console.agree('End all')).to.equal('The sessions have ended.');
      expect(await console.agree('Revoke all access')).to.equal('All access is revoked.');

      await page.getByRole('main').getByRole('link', { name: 'Delete…' }).click();
      const question = page.locator('form[data-question]');
      await question.locator('#typed').fill('something else');
      await question.locator('button').click();
      await page.getByRole('alert').waitFor();
      expect((await provider.parts.admin.clients.find(made.id)).ok).to.equal(true);
      await page.fill('#typed', 'Short-lived');
      await page.locator('form[data-question] button').click();
      expect(await console.told()).to.equal('The client is deleted.');
      expect((await provider.parts.admin.clients.find(made.id)).ok).to.equal(false);
      await console.to(pathOf(made.id));
      expect(await console.text('h1')).to.equal('This is not there');
    });

    it('shows a name as a name, whatever is in it', async () => {
      const { page } = console;
      const name = `"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}`;
      const { id } = await wizard('Web app with a server', name, () => page.fill('#redirects', redirectUri));
      for (const path of [
        '/admin/clients',
        pathOf(id),
        `${pathOf(id)}/edit/general`,
        `${pathOf(id)}/json`,
        `${pathOf(id)}/delete`,
        `${pathOf(id)}/secrets/new`,
        `${pathOf(id)}/ready?for=generic`,
        `${pathOf(id)}?address=${encodeURIComponent('"><script>alert(3)</script>')}`,
        `/admin/clients?text=${encodeURIComponent(name)}`,
        `/admin/sessions?client=${encodeURIComponent(name)}&account=${encodeURIComponent(name)}`,
      ]) {
        await console.to(path);
        expect(await page.locator('main img[src="x"], main script').count(), path).to.equal(0);
        expect(await page.content(), path).to.not.include('<script>alert');
      }
      await console.to(pathOf(id));
      expect(await console.text('h1')).to.include(name);
    });
  });
}

/** Waits until something is so. @throws when it is not within that time */
async function within(ms: number, isSo: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + ms;
  while (!(await isSo())) {
    if (Date.now() > until) throw new Error('it did not happen in time');
    await pause(25);
  }
}
