import { expect } from 'chai';
import { type Harbour, publicUrl, startHarbour } from './harbour.ts';
import { SmallBrowser } from './small-browser.ts';

describe('signing in at the demo relying party', () => {
  let harbour: Harbour;

  beforeEach(async () => {
    harbour = await startHarbour({ signInHint: { email: 'ada@example.com', password: 'try <me>' } });
  });

  afterEach(() => harbour.stop());

  it('shows a sign-in button and the credentials of the demonstration, escaped', async () => {
    const { html, status } = await harbour.browser.get('/');
    expect(status).to.equal(200);
    expect(html).to.include('href="/login"');
    expect(html).to.include('try &lt;me&gt;').and.not.include('try <me>');
  });

  it('has no news that are none, whatever stands in the address', async () => {
    for (const done of ['constructor', '__proto__', 'toString', 'no-such']) {
      const { html, status } = await harbour.browser.get(`/?done=${done}`);
      expect(status, done).to.equal(200);
      expect(html, done).to.not.match(/native code|\[object/);
    }
  });

  it('signs in, and names the pod that answered each step', async () => {
    const page = await harbour.browser.get('/login');
    expect(page.url).to.equal(`${publicUrl}/?done=signed-in`);
    expect(page.html).to.include('Ada Lovelace').and.include('ada@example.com');
    for (const step of ['Discovery', 'Tokens', 'Signing keys', 'User info']) {
      expect(page.html).to.match(new RegExp(`${step}[\\s\\S]*?pod-1`));
    }
  });

  it('lets any instance take over at any moment', async () => {
    const { browser, one, two } = harbour;
    browser.instance = one;
    const login = await browser.request('/login', {});
    browser.receive(login);
    const callback = (await fetch(login.headers.get('location') ?? '', { redirect: 'manual' })).headers.get(
      'location',
    );

    browser.instance = two;
    expect((await browser.get(callback ?? '')).html).to.include('Ada Lovelace');
    browser.instance = one;
    expect((await browser.get('/')).html).to.include('Ada Lovelace');
    expect((await browser.press('/refresh')).url).to.include('done=refreshed');
  });

  it('keeps logins in several tabs apart, and not too many of them', async () => {
    const { browser } = harbour;
    const callbacks: string[] = [];
    for (let tab = 0; tab < 7; tab += 1) {
      const login = await browser.request('/login', {});
      browser.receive(login);
      const answer = await fetch(login.headers.get('location') ?? '', { redirect: 'manual' });
      callbacks.push(answer.headers.get('location') ?? '');
    }
    expect([...browser.cookies.keys()].filter((name) => name.startsWith('harbour_login.'))).to.have.length(5);

    const [first = '', , third = '', , , , last = ''] = callbacks;
    expect((await browser.get(last)).url).to.include('done=signed-in');
    expect((await browser.get(third)).url).to.include('done=signed-in');
    // The first tab's login gave way; its browser is signed in anyway.
    expect((await browser.get(first)).html).to.include('Ada Lovelace');
  });

  it('takes no callback that another browser started', async () => {
    const login = await harbour.browser.request('/login', {});
    const answer = await fetch(login.headers.get('location') ?? '', { redirect: 'manual' });
    const stranger = new SmallBrowser(publicUrl, harbour.one);
    const page = await stranger.get(answer.headers.get('location') ?? '');
    expect(page.status).to.equal(400);
    expect(page.html).to.include('This sign-in has expired').and.include('href="/login"');
    expect(stranger.cookies.size).to.equal(0);
    expect(harbour.issuer.requests).not.to.include('/token');
  });

  it('sends a token request again when its answer is lost, and says so', async () => {
    harbour.issuer.faults = [
      { path: '/token', kind: 'lose the answer' },
      { path: '/token', kind: 'unavailable' },
    ];
    const page = await harbour.browser.get('/login');
    expect(page.html)
      .to.include('Ada Lovelace')
      .and.match(/Tokens[\s\S]*?sent 3 times/);
    expect(harbour.issuer.requests.filter((path) => path === '/token')).to.have.length(3);
  });

  it('finishes the same callback later when the provider was away for longer', async () => {
    const { browser, issuer } = harbour;
    issuer.faults = Array.from({ length: 3 }, () => ({ path: '/token', kind: 'lose the answer' }) as const);
    const page = await browser.get('/login');
    expect(page.status).to.equal(503);
    expect(page.headers.get('retry-after')).to.equal('2');
    expect(page.html).to.include('cannot be reached').and.include('href="/login"');

    expect((await browser.get(page.url)).html).to.include('Ada Lovelace');
  });

  it('starts while the provider is down, and signs in once it is up', async () => {
    const { issuer, browser } = harbour;
    const port = Number(new URL(issuer.url).port);
    await issuer.stop();
    expect((await browser.get('/')).status).to.equal(200);
    const page = await browser.get('/login');
    expect(page.status).to.equal(503);
    expect(page.html).to.include('Holdfast cannot be reached');

    await issuer.start(port);
    expect((await browser.get('/login')).html).to.include('Ada Lovelace');
  });

  it('takes new signing keys without a restart', async () => {
    await harbour.browser.get('/login');
    await harbour.issuer.rotateKeys();
    expect((await harbour.browser.get('/login')).url).to.include('done=signed-in');
  });

  it('explains what the provider refused', async () => {
    const { issuer, browser } = harbour;
    const expected = [
      ['access_denied', 403, 'You did not let Harbour Notes in'],
      ['server_error', 503, 'could not finish the sign-in'],
      ['invalid_scope', 502, 'does not accept our request'],
    ] as const;
    for (const [error, status, words] of expected) {
      issuer.authorizationError = error;
      const page = await browser.get('/login');
      expect(page.status, error).to.equal(status);
      expect(page.html).to.include(words).and.include(error);
    }
  });

  it('checks silently, with and without a sign-in at the provider', async () => {
    const { issuer, browser } = harbour;
    issuer.authorizationError = 'login_required';
    expect((await browser.get('/login?prompt=none')).html).to.include('You are not signed in at Holdfast');

    issuer.authorizationError = undefined;
    expect((await browser.get('/login?prompt=none')).url).to.include('done=checked');

    issuer.authorizationError = 'login_required';
    const page = await browser.get('/login?prompt=none');
    expect(page.url).to.include('done=not-at-provider');
    expect(page.html).to.include('Ada Lovelace');
  });

  it('asks for what it needs, with PKCE, state and nonce', async () => {
    const login = await harbour.browser.request('/login?prompt=none', {});
    const asked = Object.fromEntries(new URL(login.headers.get('location') ?? '').searchParams);
    expect(asked).to.include({
      client_id: 'demo',
      code_challenge_method: 'S256',
      prompt: 'none',
      redirect_uri: `${publicUrl}/callback`,
      resource: 'https://api.example',
      response_type: 'code',
      scope: 'openid profile email offline_access api:read',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked[name]).to.have.length.above(40);
  });

  it('answers unknown addresses and wrong methods with words', async () => {
    const missing = await harbour.browser.get('/missing');
    expect(missing.status).to.equal(404);
    expect(missing.html).to.include('There is no such page');
    const wrong = await harbour.browser.get('/refresh');
    expect(wrong.status).to.equal(405);
    expect(wrong.html).to.include('does not work that way');
    expect((await harbour.browser.get('/healthz')).status).to.equal(200);
    expect(harbour.log).to.deep.equal([]);
  });
});
