import { expect } from 'chai';
import { type Harbour, publicUrl, secrets, startHarbour } from './harbour.ts';

describe('being signed in at the demo relying party', () => {
  let harbour: Harbour;

  beforeEach(async () => {
    harbour = await startHarbour();
    await harbour.browser.get('/login');
  });

  afterEach(() => harbour.stop());

  /** What the page shows of the refresh token. */
  const refreshToken = async () =>
    /Refresh token<\/dt>\s*<dd>([^<]+)/.exec((await harbour.browser.get('/')).html)?.[1] ??
    'no refresh token';

  it('refreshes its tokens', async () => {
    const before = await refreshToken();
    const page = await harbour.browser.press('/refresh');
    expect(page.html).to.include('Your tokens are new.');
    expect(await refreshToken()).to.not.equal(before);
  });

  it('calls the API with a token for it', async () => {
    const page = await harbour.browser.press('/call-api');
    expect(page.html).to.include('&#34;sub&#34;: &#34;ada&#34;').and.include('at+jwt, signed with ES256');
  });

  it('keeps the newest refresh token when the API is down', async () => {
    const before = await refreshToken();
    await harbour.api.close();
    const page = await harbour.browser.press('/call-api');
    expect(page.html).to.include('no answer');
    expect(await refreshToken()).to.not.equal(before);
    expect((await harbour.browser.press('/refresh')).html).to.include('Your tokens are new.');
  });

  for (const order of ['first to last', 'last to first']) {
    it(`stays signed in when two tabs refresh at once and the answers arrive ${order}`, async () => {
      const { browser, one, two } = harbour;
      const form = await browser.form();
      const init = { method: 'POST', body: form, headers: { origin: publicUrl } };
      browser.instance = one;
      const tabs = [browser.request('/refresh', init)];
      browser.instance = two;
      tabs.push(browser.request('/call-api', init));
      const answers = await Promise.all(tabs);
      expect(answers.map((answer) => answer.headers.get('location'))).to.deep.equal([
        '/?done=refreshed',
        '/?done=called',
      ]);

      for (const answer of order === 'first to last' ? answers : answers.reverse()) browser.receive(answer);
      expect((await browser.press('/refresh')).html).to.include('Your tokens are new.');
      expect((await browser.press('/call-api')).html).to.include('&#34;sub&#34;: &#34;ada&#34;');
    });
  }

  it('gets the same answer when another tab has used the refresh token a moment ago', async () => {
    const { browser } = harbour;
    const form = await browser.form();
    const init = { method: 'POST', body: form, headers: { origin: publicUrl } };
    const refreshed = await browser.request('/refresh', init);
    expect(refreshed.headers.get('location')).to.equal('/?done=refreshed');
    // The second tab still has the old cookie: its refresh token has been used by the first one.
    const called = await browser.request('/call-api', init);
    expect(called.headers.get('location')).to.equal('/?done=called');
    browser.receive(called);
    expect((await browser.get('/')).html).to.include('&#34;sub&#34;: &#34;ada&#34;');
    browser.receive(refreshed);
    expect((await browser.press('/refresh')).html).to.include('Your tokens are new.');
  });

  it('stays signed in while the provider is away', async () => {
    await harbour.issuer.stop();
    const page = await harbour.browser.press('/refresh');
    expect(page.status).to.equal(503);
    expect(page.html).to.include('You are still signed in here.');
    expect((await harbour.browser.get('/')).html).to.include('Ada Lovelace');
  });

  it('forgets a sign-in that the provider has ended', async () => {
    harbour.issuer.revokeEverything();
    const page = await harbour.browser.press('/refresh');
    expect(page.html).to.include('Your sign-in has ended').and.include('href="/login"');
    expect(harbour.browser.cookies.size).to.equal(0);
  });

  it('does not take the tokens of someone else', async () => {
    harbour.issuer.subject = 'eve';
    const page = await harbour.browser.press('/refresh');
    expect(page.status).to.equal(502);
    expect(page.html).to.include('other_subject');
    expect((await harbour.browser.get('/')).html).to.include('Ada Lovelace');
  });

  it('signs out at the provider and comes back', async () => {
    const page = await harbour.browser.press('/logout');
    expect(page.url).to.equal(`${publicUrl}/signed-out`);
    expect(page.html).to.include('You are signed out');
    expect(harbour.issuer.requests).to.include('/logout');
    expect(harbour.browser.cookies.size).to.equal(0);
  });

  it('forgets someone here only', async () => {
    const page = await harbour.browser.press('/forget');
    expect(page.html).to.include('Sign in with Holdfast');
    expect(harbour.issuer.requests).not.to.include('/logout');
    expect(harbour.browser.cookies.size).to.equal(0);
  });

  it('acts only on a form of its own page, in the same session', async () => {
    const { browser } = harbour;
    const form = await browser.form();
    const none = new URLSearchParams();
    const attempts: [URLSearchParams, Record<string, string>][] = [
      [none, {}],
      [new URLSearchParams({ csrf: 'x'.repeat(43) }), {}],
      [form, { origin: 'https://evil.example' }],
      [form, { origin: 'null', 'sec-fetch-site': 'cross-site' }],
      [form, { origin: publicUrl, 'sec-fetch-site': 'same-site' }],
    ];
    for (const [body, headers] of attempts) {
      for (const action of ['/refresh', '/call-api', '/logout', '/forget']) {
        const page = await browser.send(action, body, headers);
        expect(page.status, action).to.equal(403);
        expect(page.html).to.include('Please press that button again');
      }
    }
    expect((await browser.get('/')).html).to.include('Ada Lovelace');
    // What a browser sends for a page that hides its address.
    expect((await browser.send('/refresh', form, { origin: 'null' })).url).to.include('done=refreshed');
  });

  it('takes no form of another session', async () => {
    const form = await harbour.browser.form();
    await harbour.browser.get('/login');
    expect((await harbour.browser.send('/forget', form)).status).to.equal(403);
  });

  it('tells someone who is signed out that a form changed nothing', async () => {
    const form = await harbour.browser.form();
    harbour.browser.cookies.clear();
    expect((await harbour.browser.send('/refresh', form)).html).to.include('You are not signed in');
  });

  it('treats a changed cookie as no cookie', async () => {
    const { browser } = harbour;
    for (const [name, value] of browser.cookies) browser.cookies.set(name, `${value.slice(0, -4)}AAAA`);
    expect((await browser.get('/')).html).to.include('Sign in with Holdfast');
  });

  it('sends strict headers, and cookies that scripts cannot read', async () => {
    const { headers } = await harbour.browser.get('/');
    expect(headers.get('content-security-policy')).to.equal(
      `default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self' ${harbour.issuer.url}; frame-ancestors 'none'; base-uri 'none'`,
    );
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    expect(headers.get('referrer-policy')).to.equal('no-referrer');
    expect(headers.get('cache-control')).to.equal('no-store');
    const login = await harbour.browser.request('/login', {});
    for (const cookie of login.headers.getSetCookie()) {
      expect(cookie).to.match(/; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    }
  });
});

describe('the cookies of the demo relying party', () => {
  it('are bound to the host under https', async () => {
    const harbour = await startHarbour({ publicUrl: 'https://notes.example' });
    try {
      const login = await harbour.browser.request(`${publicUrl}/login`, {});
      const [cookie = ''] = login.headers.getSetCookie();
      expect(cookie)
        .to.match(/^__Host-harbour_login\..*; Secure$/)
        .and.not.match(/Domain/i);
      expect(login.headers.get('strict-transport-security')).to.match(/max-age/);
    } finally {
      await harbour.stop();
    }
  });

  it('survive a rotation of the secrets, and stay below 4 KB each', async () => {
    const before = await startHarbour({ cookieSecrets: secrets });
    const after = await startHarbour({ cookieSecrets: [...secrets].reverse() });
    try {
      before.issuer.subject = 'a'.repeat(1_500);
      await before.browser.get('/login');
      for (const [name, value] of before.browser.cookies)
        expect(name.length + value.length).to.be.below(3_900);
      expect(before.browser.cookies.size).to.equal(2);

      before.browser.instance = after.one;
      expect((await before.browser.get('/')).html).to.include('Signed in here');
    } finally {
      await Promise.all([before.stop(), after.stop()]);
    }
  });

  it('hold a session whose tokens are huge, without what can be left out', async () => {
    const harbour = await startHarbour();
    try {
      harbour.issuer.subject = 'a'.repeat(3_000);
      await harbour.browser.get('/login');
      const page = await harbour.browser.get('/');
      expect(page.html).to.include('The ID token was too large to keep.');
      expect((await harbour.browser.press('/refresh')).html).to.include('Your tokens are new.');
    } finally {
      await harbour.stop();
    }
  });
});
