import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { chooseLocale, hasText, languages, locales, translator } from '../src/locale.ts';

const views = new URL('../views/', import.meta.url);

function catalogue(locale: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`locales/${locale}.json`, views), 'utf8'));
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '').sort();
}

/** The text of every template of ours; views/demo belongs to the demo, which has no catalogue. */
function templates(): string {
  const files = ['layout.ejs', ...['pages', 'partials'].flatMap(filesIn)];
  return files.map((file) => readFileSync(new URL(file, views), 'utf8')).join('\n');
}

function filesIn(directory: string): string[] {
  return readdirSync(new URL(directory, views)).map((name) => `${directory}/${name}`);
}

describe('the choice of a language', () => {
  const cases: [string, Parameters<typeof chooseLocale>[0], string][] = [
    ['takes English when nobody wishes anything', {}, 'en'],
    ['takes the first known language of ui_locales', { uiLocales: 'fr-CA de en' }, 'de'],
    ['shortens a tag from its end', { uiLocales: 'de-Latn-CH-1996' }, 'de'],
    ['drops a single letter together with what follows it', { uiLocales: 'de-x-private' }, 'de'],
    ['does not care about upper and lower case', { uiLocales: 'DE-at' }, 'de'],
    ['does not take a language that only begins alike', { uiLocales: 'deu' }, 'en'],
    ['asks the cookie when ui_locales has nothing known', { uiLocales: 'fr', cookie: 'de' }, 'de'],
    ['puts ui_locales before the cookie', { uiLocales: 'en', cookie: 'de' }, 'en'],
    ['puts the cookie before the header', { cookie: 'en', acceptLanguage: 'de' }, 'en'],
    ['follows the weights of Accept-Language', { acceptLanguage: 'en;q=0.5, de;q=0.8' }, 'de'],
    ['gives no weight the meaning of 1', { acceptLanguage: 'en;q=0.9,de' }, 'de'],
    ['keeps the order among equal weights', { acceptLanguage: 'de;q=0.5,en;q=0.5' }, 'de'],
    ['never takes what has the weight 0', { acceptLanguage: 'de;q=0,fr' }, 'en'],
    ['ignores an entry with a weight that is none', { acceptLanguage: 'de;q=high, en;q=0.1' }, 'en'],
    ['takes English for a star', { acceptLanguage: '*' }, 'en'],
  ];
  for (const [sentence, wanted, locale] of cases) {
    it(sentence, () => {
      expect(chooseLocale(wanted)).to.equal(locale);
    });
  }

  it('survives any nonsense', () => {
    const nonsense = [
      '',
      ' ',
      ',,;;q=',
      '-',
      '--',
      'x-',
      '../../etc/passwd',
      '\u0000',
      '__proto__',
      'constructor',
      '💥',
      ['de', 'en'],
      {},
      7,
      null,
    ];
    for (const value of nonsense) {
      const wish = value as string;
      expect(chooseLocale({ uiLocales: wish, cookie: wish, acceptLanguage: wish }), String(value)).to.equal(
        'en',
      );
    }
  });

  it('reads only the beginning of an endless list', () => {
    const endless = `${'fr-'.repeat(1_000_000)},`;
    expect(chooseLocale({ acceptLanguage: `${endless}de` })).to.equal('en');
    expect(chooseLocale({ uiLocales: `${'fr '.repeat(30)}de` })).to.equal('en');
  });
});

describe('the catalogues', () => {
  const english = catalogue('en');

  for (const locale of locales) {
    describe(locale, () => {
      const texts = catalogue(locale);

      it('has the same keys as English', () => {
        expect(Object.keys(texts)).to.deep.equal(Object.keys(english));
      });

      it('has the same placeholders as English in every text', () => {
        for (const [key, text] of Object.entries(english)) {
          expect(placeholders(texts[key] ?? ''), key).to.deep.equal(placeholders(text));
        }
      });

      it('has no empty text, no markup and no nesting', () => {
        for (const [key, text] of Object.entries(texts)) {
          expect(text.trim(), key)
            .to.equal(text)
            .and.to.not.match(/^$|[<>]|&\w+;|\$t\(/);
        }
      });

      it('has a name and a direction', () => {
        expect(languages[locale].name).to.match(/\p{L}/u);
        expect(languages[locale].direction).to.be.oneOf(['ltr', 'rtl']);
      });
    });
  }

  it('is not simply English in another file', () => {
    const german = catalogue('de');
    const alike = Object.keys(english).filter((key) => english[key] === german[key]);
    expect(alike).to.have.members([
      'brand',
      'title',
      'title.problem',
      'client.site',
      'error.code',
      'device-code.label',
    ]);
  });

  it('has every key that a template names, and none that no template names', () => {
    const source = templates();
    const whole = new Set([...source.matchAll(/'([a-z][a-z-]*(?:\.[\w-]+)*)'/g)].map(([, key]) => key ?? ''));
    const beginnings = [...source.matchAll(/`([a-z][a-z-]*\.(?:[\w-]+\.)*)\$\{/g)].map(
      ([, start]) => start ?? '',
    );
    // `${stay}.hint` and the like: a key from a variable with an ending.
    const endings = [...source.matchAll(/`\$\{\w+\}(\.[\w.-]+)`/g)].map(([, end]) => end ?? '');

    const calls = [...source.matchAll(/(?:\bt|emphasise)\('([^']+)'/g)].map(([, key]) => key ?? '');
    expect(calls).to.have.length.above(30);
    for (const key of calls) {
      expect(english[key] ?? english[`${key}_other`], `text for ${key}`).to.be.a('string');
    }
    for (const key of Object.keys(english)) {
      const plain = key.replace(/_(one|other)$/, '');
      const isNamed =
        whole.has(plain) ||
        beginnings.some((start) => plain.startsWith(start)) ||
        endings.some((end) => plain.endsWith(end) && whole.has(plain.slice(0, -end.length)));
      expect(isNamed, `a template that uses ${key}`).to.equal(true);
    }
  });
});

describe('a translator', () => {
  it('fills in values', () => {
    expect(translator('en')('consent.next', { host: 'a.example' })).to.equal(
      'Whichever you choose, you will return to a.example.',
    );
    expect(translator('de')('login.title')).to.equal('Anmelden');
  });

  it('chooses the plural by the count', () => {
    const t = translator('de');
    expect(t('error.wait.minutes', { count: 1 })).to.include('1 Minute und');
    expect(t('error.wait.minutes', { count: 2 })).to.include('2 Minuten und');
  });

  it('takes a value as it is, whatever it looks like', () => {
    const value = '$t(login.title) {{host}} {{count}} <b>&amp;</b>';
    expect(translator('en')('consent.next', { host: value })).to.include(`return to ${value}.`);
  });

  it('is not led astray by a value that is named like an option', () => {
    expect(translator('en')('login.title', { lng: 'de', defaultValue: 'no', ns: 'other' })).to.equal(
      'Sign in',
    );
  });

  it('throws for a text that is missing', () => {
    for (const key of ['no.such.key', 'login', 'error.wait.minutes', '__proto__', 'toString']) {
      expect(() => translator('en')(key), key).to.throw(`no text for "${key}"`);
    }
  });

  it('leaves a missing text to whoever wants to decide', () => {
    expect(translator('de', (key) => `?${key}`)('no.such.key')).to.equal('?no.such.key');
  });

  it('knows which texts there are', () => {
    expect(hasText('scope.openid')).to.equal(true);
    for (const key of ['scope.ledger:read', 'scope.', 'scope.__proto__', 'scope.a.b']) {
      expect(hasText(key), key).to.equal(false);
    }
  });
});
