import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Locale, languages, locales } from '../../src/locale.ts';
import { createComposer } from '../../src/mail/compose.ts';
import type { Mail } from '../../src/mail/mail.ts';
import { kinds, link, sample, samples } from './samples.ts';

const directory = new URL('../../views/mail/locales/', import.meta.url);
const catalogue = (locale: string): Record<string, string> =>
  JSON.parse(readFileSync(new URL(`${locale}.json`, directory), 'utf8'));

describe('the texts of mails', () => {
  const plural = /_(zero|one|two|few|many|other)$/;
  const english = catalogue('en');
  const names = readdirSync(directory).map((file) => file.replace('.json', ''));
  const singleKeys = (texts: Record<string, string>) =>
    [...new Set(Object.keys(texts).map((key) => key.replace(plural, '')))].sort();
  const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();

  it('are there for every language of the pages', () => {
    expect(names).to.include.members([...locales]);
  });

  it('name the link on the sign-in page as that page does', () => {
    for (const locale of locales) {
      const file = new URL(`../../views/locales/${locale}.json`, import.meta.url);
      const pages = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
      expect(catalogue(locale)['password-changed.not-you']).to.include(pages['login.forgot'] ?? 'its name');
    }
  });

  for (const name of names) {
    const texts = catalogue(name);

    it(`say the same things in "${name}" as in English, with the same values in them`, () => {
      expect(singleKeys(texts)).to.deep.equal(singleKeys(english));
      for (const [key, text] of Object.entries(texts)) {
        expect(text.trim(), key).to.equal(text).and.not.equal('');
        if (plural.test(key)) continue;
        expect(placeholders(text), `${name} ${key}`).to.deep.equal(placeholders(english[key] ?? ''));
      }
    });

    it(`have every form that numbers take in "${name}"`, () => {
      for (const stem of ['minutes', 'recovery-code-used.left']) {
        const needed = Array.from({ length: 1000 }, (_, n) => new Intl.PluralRules(name).select(n));
        for (const form of new Set(needed)) expect(texts, name).to.have.property(`${stem}_${form}`);
      }
      expect(texts).to.have.property('recovery-code-used.left_zero');
    });

    if (name !== 'en') {
      it(`are really translated in "${name}"`, () => {
        // Words that are the same in some language, and what has but a number in it.
        const alike = new Set(['brand', 'detail.browser', 'detail.factor', 'minutes_one', 'minutes_other']);
        const same = Object.keys(texts).filter((key) => !alike.has(key) && texts[key] === english[key]);
        expect(same).to.deep.equal([]);
      });
    }
  }
});

describe('a composed mail', () => {
  const compose = createComposer('https://id.example.com');

  for (const locale of locales) {
    for (const kind of kinds) {
      it(`of the kind ${kind} says everything in "${locale}", as text and as HTML`, () => {
        const mail = compose(sample(kind, locale));
        const texts = catalogue(locale);
        const text = mail.text.replace(/[\u2068\u2069]/g, '');
        expect(mail.subject).to.equal(texts[`${kind}.subject`]);
        for (const part of [mail.subject, mail.text, mail.html]) {
          expect(part).not.to.match(/\{\{|\}\}|undefined|null|NaN|\[object/);
        }
        expect(text).to.include(texts[`${kind}.not-you`]?.replaceAll('{{host}}', 'id.example.com'));
        expect(text).to.include(texts[`${kind}.question`] ?? texts['not-you']);
        // Who sent it, to whom.
        expect(text).to.include('Holdfast').and.include('id.example.com').and.include('ada@example.com');
        expect(mail.html).to.include(`lang="${locale}" dir="${languages[locale].direction}"`);

        const buttons = mail.html.match(/<a href="[^"]+" style="display: inline-block/g) ?? [];
        expect(buttons).to.have.lengthOf(kind === 'email-code' ? 0 : 1);
        // Each link of the HTML is also there to be copied, alone on its line.
        for (const [, href = ''] of mail.html.matchAll(/href="([^"]+)"/g)) {
          expect(mail.text.split('\n')).to.include(href.replaceAll('&amp;', '&'));
        }
        const details = samples[kind] as Record<string, unknown>;
        for (const name of ['code', 'where', 'browser', 'place', 'inviter', 'link']) {
          const value = details[name];
          if (typeof value === 'string') expect(text).to.include(value);
        }
        if ('when' in details)
          expect(text)
            .to.match(/\b0?7:08\b.*UTC|UTC.*\b0?7:08\b/)
            .and.include('2031');
        if ('minutes' in details) expect(text).to.include(String(details.minutes));
      });
    }
  }

  it('loads nothing, runs nothing and follows nobody', () => {
    for (const kind of kinds) {
      const { html } = compose(sample(kind, 'en'));
      expect(html).not.to.match(
        /<(img|script|link|iframe|table|form|video|object)\b|url\(|@import|\son\w+=/i,
      );
    }
  });

  it('counts minutes and codes as each language does', () => {
    const minutes = (locale: Locale, count: number) =>
      compose({ kind: 'email-code', to: 'a@example.com', locale, values: { code: '1', minutes: count } })
        .text;
    const left = (locale: Locale, count: number) =>
      compose({ kind: 'recovery-code-used', to: 'a@example.com', locale, values: { left: count } }).text;
    expect(minutes('en', 1)).to.include('1 minute.');
    expect(minutes('en', 10)).to.include('10 minutes.');
    expect(minutes('de', 1)).to.include('1 Minute lang');
    expect(left('en', 0)).to.include('the last one');
    expect(left('en', 1)).to.include('1 left: please');
    expect(left('de', 7)).to.include('noch 7 übrig.');
  });

  it('shows names as they are, and lets none become markup', () => {
    const { html } = compose(sample('factor-removed', 'en'));
    expect(html).to.include('鍵 &lt;b&gt;1&lt;/b&gt;').and.not.include('<b>1');
    expect(compose(sample('invitation', 'de')).text).to.include('Zoë Müller 🪁');
  });

  it('lets no name break a line, turn the text around, or carry a link', () => {
    const inviter =
      'Eve\r\nBcc: all@example.com\u202e see https://evil.example/x and www.evil.example \u0000!';
    const mail = compose({
      kind: 'invitation',
      to: 'ada@example.com',
      locale: 'en',
      values: { link, inviter },
    });
    for (const part of [mail.subject, mail.text, mail.html]) {
      expect(part).not.to.match(/evil|^Bcc/m);
      expect(part).not.to.include('\u202e').and.not.include('\u0000');
    }
    expect(mail.text).to.include('Eve Bcc: all@example.com see … and … ! invites you');
  });

  it('cuts a name that is too long between two letters', () => {
    const mail = compose({
      kind: 'invitation',
      to: 'ada@example.com',
      locale: 'en',
      values: { link, inviter: '🪁'.repeat(5000) },
    });
    expect(mail.text).to.include(`${'🪁'.repeat(119)}… invites`);
    expect(mail.text.isWellFormed()).to.equal(true);
  });

  it('keeps a name that is written the other way within its bounds', () => {
    const { text } = compose(sample('factor-added', 'en'));
    expect(text).to.include('Name: \u2068مفتاح ليلى\u2069');
  });

  it('takes no link but that of a web page', () => {
    for (const bad of ['javascript:alert(1)', '/reset', 'data:text/html,x', '']) {
      const mail: Mail = {
        kind: 'confirm-new-email',
        to: 'ada@example.com',
        locale: 'en',
        values: { link: bad },
      };
      expect(() => compose(mail), bad).to.throw('absolute web address');
    }
  });
});
