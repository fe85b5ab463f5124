import { expect } from 'chai';
import type { Context } from 'koa';
import { localeOf } from '../../src/http/language.ts';
import { languageRoute } from '../../src/http/language-route.ts';
import { locales } from '../../src/locale.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';

describe('the language switcher', () => {
  let plain: SmallServer;
  let secure: SmallServer;
  before(async () => {
    const options = {
      routes: [languageRoute()],
      engine: [
        (ctx: Context) => {
          const { ui_locales, account } = ctx.query;
          ctx.body = localeOf(
            ctx,
            String(ui_locales ?? ''),
            account === undefined ? account : String(account),
          );
        },
      ],
    };
    plain = await startSmallServer(options);
    secure = await startSmallServer({ ...options, environment: { HOLDFAST_ISSUER: 'https://id.example' } });
  });
  after(() => Promise.all([plain.stop(), secure.stop()]));

  const switchTo = (to: string, back: string, small = plain) =>
    small.get(`/language?${new URLSearchParams({ to, back })}`);

  it('keeps the choice for a year and goes back', async () => {
    const reply = await switchTo('de', '/interaction/abc?x=1%20#y');
    expect([reply.status, reply.location]).to.deep.equal([303, '/interaction/abc?x=1%20#y']);
    const [cookie = ''] = reply.setCookies;
    expect(cookie).to.match(/^holdfast_language=de; path=\/; expires=[^;]+; samesite=lax; httponly$/);
    const expires = Date.parse(/expires=([^;]+)/.exec(cookie)?.[1] ?? '');
    expect((expires - Date.now()) / 86_400_000).to.be.within(364, 366);
  });

  it('knows each of them', async () => {
    for (const locale of locales) {
      const [cookie = ''] = (await switchTo(locale, '/')).setCookies;
      expect(cookie).to.match(new RegExp(`^holdfast_language=${locale};`));
      expect((await plain.get('/which', { cookie: `holdfast_language=${locale}` })).body).to.equal(locale);
    }
  });

  it('binds the cookie to this host where there is TLS', async () => {
    const [cookie] = (await switchTo('de', '/', secure)).setCookies;
    expect(cookie).to.match(
      /^__Host-holdfast_language=de; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/,
    );
    const headers = { cookie: '__Host-holdfast_language=de', 'accept-language': 'en' };
    expect((await secure.get('/which', headers)).body).to.equal('de');
    expect((await secure.get('/which', { cookie: 'holdfast_language=de' })).body).to.equal('en');
  });

  it('goes back to pages of ours alone', async () => {
    for (const back of [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '/a\\b',
      '\\\\evil.example',
      '/\t/evil.example',
      '/\n/evil.example',
      ' /',
      'javascript:alert(1)',
      'interaction',
      '',
      // What a Location header cannot carry.
      '/\u0001',
      '/\u007f',
      '/\r\nset-cookie: a=b',
      '/ü',
      '/日本',
      `/${'a'.repeat(2000)}`,
    ]) {
      const reply = await switchTo('de', back);
      expect([reply.status, reply.location, reply.setCookies.length], back).to.deep.equal([
        400,
        undefined,
        0,
      ]);
    }
  });

  it('knows our languages alone', async () => {
    for (const to of ['it', '', 'de,en', 'ar-EG', '__proto__', 'de\0']) {
      expect((await switchTo(to, '/')).status, to).to.equal(400);
    }
  });

  it('goes before what the application asks for, that before what the account has chosen, and that before the browser', async () => {
    const cookie = 'holdfast_language=de';
    const which = async (path: string, headers: Record<string, string>) =>
      (await plain.get(path, headers)).body;
    expect(await which('/which?ui_locales=en', { cookie, 'accept-language': 'en' })).to.equal('de');
    expect(await which('/which?ui_locales=de', { 'accept-language': 'en' })).to.equal('de');
    expect(await which('/which?ui_locales=de&account=fr', { 'accept-language': 'en' })).to.equal('de');
    expect(await which('/which?account=fr', { cookie, 'accept-language': 'en' })).to.equal('de');
    expect(await which('/which?account=fr', { 'accept-language': 'en' })).to.equal('fr');
    expect(await which('/which?account=xx', { 'accept-language': 'ja' })).to.equal('ja');
    expect(await which('/which', { 'accept-language': 'de' })).to.equal('de');
    expect(await which('/which', { cookie: 'holdfast_language=%00', 'accept-language': 'x' })).to.equal('en');
  });
});
