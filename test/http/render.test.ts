import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Assets, loadAssets } from '../../src/http/assets.ts';
import { createRenderer, type Renderer } from '../../src/http/render.ts';
import type { Views } from '../../src/http/views.ts';
import { languages, locales } from '../../src/locale.ts';
import { samples } from '../pages/sample-pages.ts';

const viewsDirectory = new URL('../../views', import.meta.url).pathname;
const client = { name: 'Harbour Payroll', host: 'payroll.example.com' };
const login: Views['login'] = {
  base: '/interaction/1',
  csrfToken: 'token-1',
  client,
  email: '',
  reauthenticate: false,
  mayRemember: true,
  remember: false,
  passkey: { options: '{}', sealed: 'sealed' },
  providers: [],
};

const flag = 'autofocus|checked|disabled|formnovalidate|hidden|readonly|required|selected';
/** A start tag in which every attribute stands apart; a flag that has run into its neighbour is none. */
const wellFormedTag = new RegExp(`^<[a-z][a-z0-9]*(\\s+(${flag}|(?!${flag})[a-zA-Z-]+="[^"<]*"))*\\s*/?>$`);

/** The tags of a page with this name, in order. */
function tags(html: string, name: string): string[] {
  return html.match(new RegExp(`<${name}\\b[^>]*>`, 'g')) ?? [];
}

/** The one tag with this attribute, for example `name="email"`. */
function tagWith(html: string, attribute: string): string {
  const found =
    html.match(/<[a-z]+\b[^>]*>/g)?.filter((tag) => new RegExp(`\\s${attribute}`).test(tag)) ?? [];
  expect(found, attribute).to.have.length(1);
  return found[0] ?? '';
}

describe('a rendered page', () => {
  let assets: Assets;
  let renderer: Renderer;
  before(() => {
    assets = loadAssets(`${viewsDirectory}/assets`);
    renderer = createRenderer({ viewsDirectory, assets });
  });

  it('exists for every file in views/pages', () => {
    const files = readdirSync(`${viewsDirectory}/pages`).map((name) => name.replace('.ejs', ''));
    expect([...new Set(samples.map(({ view }) => view))].sort()).to.deep.equal(files.sort());
  });

  for (const locale of locales) {
    it(`is a complete document in ${locale}, in each of its states`, () => {
      for (const page of samples) {
        const html = page.html(renderer, locale);
        expect(html, page.name).to.match(/^<!doctype html>/);
        expect(html, page.name).to.include(`<html lang="${locale}" dir="${languages[locale].direction}">`);
        expect(html, page.name).to.match(/<title>[^<]+ – Holdfast<\/title>/);
        expect(tags(html, 'h1'), page.name).to.have.length(1);
        expect(tags(html, 'main'), page.name).to.have.length(1);
        for (const tag of html.match(/<[a-z][^>]*>/g) ?? []) expect(tag, page.name).to.match(wellFormedTag);
        expect(html, page.name).to.not.match(/undefined|\[object|\{\{|\}\}|&amp;(?:amp|lt|#)/);
      }
    });
  }

  it('prints every value escaped', () => {
    const hostile = `<i>"'&</i>`;
    const escaped = '&lt;i&gt;&#34;&#39;&amp;&lt;/i&gt;';
    for (const page of samples) {
      const html = page.html(renderer, 'en', (text) => text + hostile);
      expect(html, page.name).to.not.include('<i>').and.to.not.include('</i>');
      expect(html, page.name).to.include(escaped);
    }
  });

  it('has nothing inline and nothing from elsewhere', () => {
    for (const page of samples) {
      const html = page.html(renderer, 'de');
      expect(html, page.name).to.not.match(/<style|\sstyle=|\son\w+=|<base/i);
      // A mail is shown as it is in a frame that may do nothing but open its links elsewhere.
      for (const frame of tags(html, 'iframe')) {
        expect(page.view).to.equal('local-mails');
        expect(frame).to.include('sandbox="allow-popups allow-popups-to-escape-sandbox"');
        expect(frame).to.include('src="/local/mails/');
      }
      for (const script of tags(html, 'script')) expect(script).to.match(/src="\/assets\/[\w-]+\.\w+\.js"/);
      for (const image of tags(html, 'img')) expect(image).to.match(/src="\/assets\//);
      for (const link of tags(html, 'link')) expect(link).to.match(/href="\/assets\//);
    }
  });

  it('carries the form token wherever it posts', () => {
    for (const page of samples) {
      if (page.view === 'continue') continue;
      const html = page.html(renderer, 'en');
      const posts = html.match(/<form\b[^>]*method="post"[\s\S]*?<\/form>/g) ?? [];
      for (const form of posts)
        expect(form, page.name).to.match(/type="hidden" name="(csrf|xsrf)" value="[^"]+"/);
    }
  });

  it('links only to web addresses', () => {
    const html = renderer.page('login', 'en', {
      ...login,
      client: {
        ...client,
        uri: 'javascript:alert(1)',
        policyUri: ' jAvAsCrIpT:alert(1)',
        tosUri: 'https://payroll.example.com/terms?a=1&b=2',
      },
    });
    expect(tags(html, 'a')).to.deep.equal([
      '<a href="https://payroll.example.com/terms?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">',
    ]);
  });

  it('refuses a form that would run as a script', () => {
    for (const action of ['javascript:alert(1)', ' \tJavaScript:alert(1)', 'data:text/html,x']) {
      const data = { action, fields: {}, message: 'form-post' } as const;
      expect(() => renderer.page('continue', 'en', data), action).to.throw('a form may not run a script');
    }
    const native = { action: 'com.example.app:/callback', fields: {}, message: 'form-post' } as const;
    expect(renderer.page('continue', 'en', native)).to.include('action="com.example.app:/callback"');
  });

  it('keeps a name that reorders its surroundings inside its own bounds', () => {
    const name = 'Evil\u202e\u0002\u0003 corp';
    const html = renderer.page('device-done', 'en', { client: { name, host: 'h' }, approved: true });
    expect(html).to.include('<strong><bdi>Evil\u202e   corp</bdi></strong>');
    expect(tags(html, 'bdi')).to.have.length(1);
  });

  it('shows a letter in place of a logo', () => {
    const letter = (name: string) => {
      const html = renderer.page('login', 'en', { ...login, client: { ...client, name } });
      return /<span class="avatar"[^>]*>([^<]*)</.exec(html)?.[1];
    };
    expect(letter('harbour')).to.equal('H');
    expect(letter('"élan"')).to.equal('É');
    expect(letter('👋 42')).to.equal('4');
    expect(letter('---')).to.equal('?');
    expect(letter('')).to.equal('?');
  });

  it('offers the other languages only where there is a way back', () => {
    expect(renderer.page('home', 'en', { issuer: 'https://i', discoveryUrl: 'https://i/d' })).to.not.include(
      '/language',
    );
    const html = renderer.page('login', 'de', { ...login, frame: { path: '/interaction/1?a="b"' } });
    expect(html).to.include('name="back" value="/interaction/1?a=&#34;b&#34;"');
    expect(tags(html, 'button').filter((tag) => tag.includes('name="to"'))).to.deep.equal(
      ['en', 'es', 'fr', 'ja', 'ar'].map(
        (other) => `<button class="language" name="to" value="${other}" lang="${other}">`,
      ),
    );
    expect(html).to.include('<span class="language" aria-current="true">Deutsch</span>');
  });

  describe('login', () => {
    it('puts the cursor into the first empty field', () => {
      const empty = renderer.page('login', 'en', login);
      expect(tagWith(empty, 'autofocus')).to.include('name="email"');
      const known = renderer.page('login', 'en', { ...login, email: 'a@example.org' });
      expect(tagWith(known, 'autofocus')).to.include('name="password"');
    });

    it('names its fields so that a password manager fills them', () => {
      const html = renderer.page('login', 'en', login);
      expect(tagWith(html, 'name="email"')).to.include('autocomplete="username webauthn"');
      expect(tagWith(html, 'name="password"')).to.include('autocomplete="current-password"');
    });

    it('signs in by the enter key and cancels without filled fields', () => {
      const buttons = tags(renderer.page('login', 'en', login), 'button').filter(
        (tag) => !tag.includes('type="button"'),
      );
      expect(buttons[0]).to.include('name="decision" value="sign-in"');
      expect(buttons[1]).to.include('name="decision" value="cancel" formnovalidate');
    });

    it('ties a problem to the fields that it is about', () => {
      const about = (problem: Views['login']['problem']) => {
        const html = renderer.page('login', 'en', { ...login, problem });
        if (problem) expect(tagWith(html, 'role="alert"')).to.include('id="problem"');
        return tags(html, 'input')
          .filter((tag) => /\saria-invalid="true" aria-describedby="problem"/.test(tag))
          .map((tag) => /name="(\w+)"/.exec(tag)?.[1]);
      };
      expect(about(undefined)).to.deep.equal([]);
      expect(about('wrong-credentials')).to.deep.equal(['email', 'password']);
      expect(about('email-missing')).to.deep.equal(['email']);
      expect(about('password-missing')).to.deep.equal(['password']);
      expect(about('busy')).to.deep.equal([]);
    });

    it('never prints a password back', () => {
      expect(tagWith(renderer.page('login', 'en', login), 'name="password"')).to.not.include('value=');
    });

    it('fixes the address of an account that confirms its password', () => {
      const html = renderer.page('login', 'en', { ...login, email: 'a@example.org', reauthenticate: true });
      expect(tagWith(html, 'name="email"'))
        .to.include('value="a@example.org"')
        .and.to.match(/\breadonly\b/);
    });

    it('offers to remember only where it may, and as it was left', () => {
      expect(renderer.page('login', 'en', { ...login, mayRemember: false })).to.not.include(
        'name="remember"',
      );
      expect(tagWith(renderer.page('login', 'en', login), 'name="remember"')).to.not.include('checked');
      const html = renderer.page('login', 'en', { ...login, remember: true });
      expect(tagWith(html, 'name="remember"')).to.include('value="yes" checked');
    });
  });

  describe('consent', () => {
    const consent: Views['consent'] = {
      action: '/interaction/1/consent',
      csrfToken: 'token-1',
      client,
      account: { email: 'a@example.org' },
      scopes: [],
      claims: [],
      resources: [],
      alreadyGranted: [],
    };
    const listed = (data: Partial<Views['consent']>) =>
      [...renderer.page('consent', 'en', { ...consent, ...data }).matchAll(/<li>([\s\S]*?)<\/li>/g)].map(
        ([, item]) =>
          (item ?? '')
            .replace(/<[^>]*>|\s+/g, ' ')
            .replace(/ +/g, ' ')
            .trim(),
      );

    it('says what is asked for, and shows what it does not know as it was given', () => {
      expect(
        listed({ scopes: ['openid', 'ledger:read', 'constructor'], claims: ['birthdate', 'shoe_size'] }),
      ).to.deep.equal([
        'Recognise you when you sign in',
        'Use the permission ledger:read',
        'Use the permission constructor',
        'See your date of birth',
        'See the detail shoe_size',
      ]);
    });

    it('says the same thing only once', () => {
      expect(listed({ scopes: ['email'], claims: ['email', 'email'] })).to.deep.equal([
        'See your email address',
      ]);
    });

    it('lists the resources with their scopes', () => {
      const resources = [{ indicator: 'https://api.example', scopes: ['read', 'write'] }];
      expect(listed({ resources })).to.deep.equal(['Use https://api.example on your behalf read write']);
    });

    it('says where the person will be sent', () => {
      expect(renderer.page('consent', 'en', consent)).to.include(
        'return to <strong><bdi>payroll.example.com</bdi></strong>',
      );
    });

    it('posts either decision', () => {
      const buttons = tags(renderer.page('consent', 'en', consent), 'button');
      expect(buttons.map((tag) => /name="decision" value="(\w+)"/.exec(tag)?.[1])).to.deep.equal([
        'allow',
        'deny',
      ]);
    });
  });

  describe('logout', () => {
    it('ends the session only by the button that says so', () => {
      const html = renderer.page('logout', 'en', { action: '/end', xsrf: 'x', client });
      const [everywhere, stay] = tags(html, 'button');
      expect(everywhere).to.include('name="logout" value="yes"');
      expect(stay).to.not.include('name=');
    });

    it('does not promise to stay where a client is left', () => {
      const with_ = renderer.page('logout', 'en', { action: '/end', xsrf: 'x', client });
      expect(with_).to.include('Only leave this application').and.to.not.include('Nothing changes');
      const without = renderer.page('logout', 'en', { action: '/end', xsrf: 'x' });
      expect(without).to.include('>Stay signed in<').and.to.include('Nothing changes');
    });

    it('says afterwards whether the session is over', () => {
      const afterwards = (data: Views['signed-out']) => renderer.page('signed-out', 'en', data);
      expect(afterwards({})).to.include('Your Holdfast session has ended');
      expect(afterwards({ client })).to.include('You are still signed in to Holdfast');
      expect(afterwards({ client, stillSignedIn: false })).to.include('Your Holdfast session has ended');
      expect(afterwards({ stillSignedIn: true })).to.include('Nothing has changed');
    });
  });

  describe('error', () => {
    const error = {
      kind: 'unavailable',
      status: 503,
      code: 'temporarily_unavailable',
      requestId: 'r-1',
    } as const;

    it('shows the request id, and the technical part only in the details', () => {
      const html = renderer.page('error', 'en', { ...error, description: 'no replica acknowledged' });
      expect(html.indexOf('r-1')).to.be.within(0, html.indexOf('<details'));
      expect(html.indexOf('no replica acknowledged')).to.be.above(html.indexOf('<details'));
      expect(html.indexOf('temporarily_unavailable')).to.be.above(html.indexOf('<details'));
    });

    it('says how long to wait in seconds or in minutes', () => {
      const wait = (retryAfterSeconds: number) =>
        renderer.page('error', 'en', { ...error, retryAfterSeconds });
      expect(wait(1)).to.include('Please wait 1 second,');
      expect(wait(90)).to.include('Please wait 90 seconds,');
      expect(wait(91)).to.include('Please wait 2 minutes,');
      expect(wait(0)).to.include('Please reload this page');
    });
  });

  it('announces a problem in its title', () => {
    const html = renderer.page('login', 'en', { ...login, problem: 'busy' });
    expect(html).to.include('<title>Problem: Sign in – Holdfast</title>');
  });
});

describe('the templates', () => {
  it('print unescaped only what is finished HTML', () => {
    const files = [
      'layout.ejs',
      'admin-layout.ejs',
      ...['pages', 'partials'].flatMap((part) =>
        readdirSync(`${viewsDirectory}/${part}`).map((name) => `${part}/${name}`),
      ),
    ];
    for (const file of files) {
      const source = readFileSync(`${viewsDirectory}/${file}`, 'utf8');
      for (const [, printed] of source.matchAll(/<%-\s*([\s\S]*?)\s*%>/g)) {
        expect(printed, file).to.match(/^(partial\(|emphasise\(|drawing\(|data\.body$)/);
      }
    }
  });

  it('stop the start when one is broken, and speak up when a text is missing', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'holdfast-views-'));
    try {
      await cp(viewsDirectory, copy, { recursive: true });
      const assets = loadAssets(`${copy}/assets`);
      const home = { issuer: 'https://i.example', discoveryUrl: 'https://i.example/d' };

      await writeFile(`${copy}/pages/home.ejs`, `<%= t('home.nothing') %>`);
      expect(() => createRenderer({ viewsDirectory: copy, assets }).page('home', 'en', home)).to.throw(
        'home.nothing',
      );
      const forgiving = createRenderer({ viewsDirectory: copy, assets, onMissingText: (key) => `(${key})` });
      expect(forgiving.page('home', 'en', home)).to.include('(home.nothing)');

      await writeFile(`${copy}/pages/home.ejs`, '<% if (data.issuer) { %>');
      expect(() => createRenderer({ viewsDirectory: copy, assets })).to.throw('home.ejs');
    } finally {
      await rm(copy, { recursive: true });
    }
  });
});
