import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  adminLocales,
  chooseLocale,
  formatDateTime,
  formatRelative,
  hasText,
  type Locale,
  languages,
  locales,
  translator,
} from '../src/locale.ts';

const views = new URL('../views/', import.meta.url);
const sources = new URL('../src/', import.meta.url);

function catalogue(locale: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`locales/${locale}.json`, views), 'utf8'));
}

const pluralEnding = /_(zero|one|two|few|many|other)$/;

/** The keys without the endings of plural forms, each once, in their order. */
function names(texts: Record<string, string>): string[] {
  return [...new Set(Object.keys(texts).map((key) => key.replace(pluralEnding, '')))];
}

/** The plural categories of a language, each with the counts below 1000 that fall into it. */
function countsByCategory(locale: string): Map<string, number[]> {
  const rules = new Intl.PluralRules(locale);
  const counts = new Map<string, number[]>(
    rules.resolvedOptions().pluralCategories.map((category) => [category, []]),
  );
  for (let count = 0; count < 1000; count += 1) counts.get(rules.select(count))?.push(count);
  return counts;
}

/** The keys that a catalogue must have: English ones, and where a text has plurals, the forms of its language. */
function wantedKeys(locale: string, english: Record<string, string>): string[] {
  const categories = [...countsByCategory(locale).keys()];
  return names(english).flatMap((name) =>
    english[`${name}_other`] === undefined ? [name] : categories.map((category) => `${name}_${category}`),
  );
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '').sort();
}

/** The text of every file of ours below a directory; the demo has texts of its own and no catalogue. */
function textsOf(directory: URL, ending: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.startsWith('demo/'))
    .map((name) => readFileSync(new URL(name, directory), 'utf8'))
    .join('\n');
}

describe('the choice of a language', () => {
  const cases: [string, Parameters<typeof chooseLocale>[0], string][] = [
    ['takes English when nobody wishes anything', {}, 'en'],
    ['takes the first known language of ui_locales', { uiLocales: 'pt-BR de en' }, 'de'],
    ['shortens a tag from its end', { uiLocales: 'de-Latn-CH-1996' }, 'de'],
    ['drops a single letter together with what follows it', { uiLocales: 'de-x-private' }, 'de'],
    ['does not care about upper and lower case', { uiLocales: 'DE-at' }, 'de'],
    ['does not take a language that only begins alike', { uiLocales: 'deu' }, 'en'],
    ['knows Spanish of any country', { uiLocales: 'es-419' }, 'es'],
    ['knows French of any country', { uiLocales: 'fr-CA' }, 'fr'],
    ['knows Japanese', { acceptLanguage: 'ja-JP,ja;q=0.9,en-US;q=0.8' }, 'ja'],
    ['knows Arabic in any script and country', { acceptLanguage: 'ar-Arab-EG' }, 'ar'],
    ['asks the cookie when ui_locales has nothing known', { uiLocales: 'it', cookie: 'de' }, 'de'],
    ['puts ui_locales before the account', { uiLocales: 'fr', account: 'ja', cookie: 'de' }, 'fr'],
    ['puts the account before the cookie', { uiLocales: 'it', account: 'ja', cookie: 'de' }, 'ja'],
    ['passes over an account whose language there is none of', { account: 'it', cookie: 'de' }, 'de'],
    ['puts ui_locales before the cookie', { uiLocales: 'en', cookie: 'de' }, 'en'],
    ['puts the cookie before the header', { cookie: 'en', acceptLanguage: 'de' }, 'en'],
    ['follows the weights of Accept-Language', { acceptLanguage: 'en;q=0.5, de;q=0.8' }, 'de'],
    ['gives no weight the meaning of 1', { acceptLanguage: 'en;q=0.9,de' }, 'de'],
    ['keeps the order among equal weights', { acceptLanguage: 'de;q=0.5,en;q=0.5' }, 'de'],
    ['never takes what has the weight 0', { acceptLanguage: 'de;q=0,it' }, 'en'],
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
      const wanted = { uiLocales: wish, account: wish, cookie: wish, acceptLanguage: wish };
      expect(chooseLocale(wanted), String(value)).to.equal('en');
    }
  });

  it('reads only the beginning of an endless list', () => {
    const endless = `${'it-'.repeat(1_000_000)},`;
    expect(chooseLocale({ acceptLanguage: `${endless}de` })).to.equal('en');
    expect(chooseLocale({ uiLocales: `${'it '.repeat(30)}de` })).to.equal('en');
  });
});

describe('the catalogues', () => {
  const english = { ...catalogue('en'), ...catalogue('admin/en') };

  // The admin console has a catalogue of its own, in fewer languages; in the others it is shown in English.
  const catalogues: { name: string; locale: Locale; source: string }[] = [
    ...locales.map((locale) => ({ name: locale, locale, source: 'en' })),
    ...adminLocales.map((locale) => ({ name: `admin/${locale}`, locale, source: 'admin/en' })),
  ];
  for (const { name, locale, source } of catalogues) {
    describe(name, () => {
      const texts = catalogue(name);
      const english = catalogue(source);

      it('lacks no text, in no plural form', () => {
        const missing = wantedKeys(locale, english).filter((key) => texts[key] === undefined);
        expect(missing, `missing in views/locales/${name}.json`).to.deep.equal([]);
      });

      it('has no text that English lacks, and no plural form that its language lacks', () => {
        const wanted = new Set(wantedKeys(locale, english));
        const surplus = Object.keys(texts).filter((key) => !wanted.has(key));
        expect(surplus, `surplus in views/locales/${name}.json`).to.deep.equal([]);
      });

      it('keeps the order of English, so that they can be read side by side', () => {
        const known = new Set(names(texts));
        expect(names(texts)).to.deep.equal(names(english).filter((name) => known.has(name)));
      });

      it('has the same placeholders as English in every text', () => {
        const counts = countsByCategory(locale);
        for (const [key, text] of Object.entries(texts)) {
          const form = pluralEnding.exec(key)?.[1];
          const original = english[key] ?? english[key.replace(pluralEnding, '_other')] ?? '';
          // A form for one single number may say it in words: Arabic has a dual, "two minutes" is one word.
          const maySpellOut = form !== undefined && counts.get(form)?.length === 1;
          const without = maySpellOut && !text.includes('{{count}}') ? ['count'] : [];
          expect(placeholders(text), key).to.deep.equal(
            placeholders(original).filter((name) => !without.includes(name)),
          );
        }
      });

      it('has no empty text, no blanks around or doubled, no markup and no nesting', () => {
        for (const [key, text] of Object.entries(texts)) {
          expect(text.trim(), key)
            .to.equal(text)
            .and.to.not.match(/^$|\s\s|[<>]|&\w+;|\$t\(|\{\{(?!\w+\}\})/);
        }
      });

      it('has a name and a direction', () => {
        expect(languages[locale].name).to.match(/\p{L}/u);
        expect(languages[locale].direction).to.be.oneOf(['ltr', 'rtl']);
      });
    });
  }

  // Words that are the same in both languages; everything else must have been translated.
  const alike: Record<Exclude<Locale, 'en'>, string[]> = {
    de: [
      'title.problem',
      'client.site',
      'error.code',
      'device-code.label',
      'enrol.passkey.title',
      'account.kind.passkey',
    ],
    es: [],
    fr: ['error.code', 'error.description', 'device-code.label'],
    ja: [],
    ar: [],
  };
  for (const [locale, same] of Object.entries(alike)) {
    it(`is not simply English in another file: ${locale}`, () => {
      const texts = catalogue(locale);
      const found = Object.keys(catalogue('en')).filter((key) => english[key] === texts[key]);
      expect(found).to.have.members(['brand', 'title', ...same]);
    });
  }

  it('of the admin console are not simply English in another file', () => {
    // Short ones may be the same word: Status, Version, Pods.
    const isShort = (text: string) => text.split(' ').length < 3;
    const texts = catalogue('admin/de');
    const same = Object.entries(catalogue('admin/en')).filter(
      ([key, text]) => !isShort(text) && texts[key] === text,
    );
    expect(same).to.deep.equal([]);
  });

  it('have every text of the admin console in every language, in English where there is none of its own', () => {
    expect(translator('de')('admin.section.settings')).to.equal('Einstellungen');
    expect(translator('ja')('admin.section.settings')).to.equal('Settings');
    expect(translator('ar')('admin.days', { count: 3 })).to.equal('3 days');
  });

  it('write Japanese and Arabic in their own scripts', () => {
    const scripts = {
      ja: /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u,
      ar: /\p{Script=Arabic}/u,
    };
    for (const [locale, script] of Object.entries(scripts)) {
      for (const [key, text] of Object.entries(catalogue(locale))) {
        if (key !== 'brand' && key !== 'title') expect(text, `${locale} ${key}`).to.match(script);
      }
    }
  });

  it('keep to one tone and to one word for one thing, whoever adds a text', () => {
    // Spanish says tú. Japanese and French have one word each for signing in and for recovery codes.
    const strays: Partial<Record<Locale, RegExp>> = {
      es: /\busted\b|\b(confirme|elija|escriba|espere|guarde|inicie|inténtelo|revise|vuelva)\b/i,
      fr: /code[s]? de récupération|\btu\b/i,
      ja: /サインイン|サインアウト|サインオン/,
    };
    for (const [locale, stray] of Object.entries(strays)) {
      for (const [key, text] of Object.entries(catalogue(locale))) {
        expect(text, `${locale} ${key}`).to.not.match(stray);
      }
    }
  });

  it('keep dates, addresses and URLs in one piece in Arabic', () => {
    for (const [key, text] of Object.entries(catalogue('ar'))) {
      // Without an isolate around it, 1990-05-31 is shown as 31-05-1990, and https:// as //:https.
      const open = text.replace(/[\u2066\u2068][^\u2069]*\u2069/g, '');
      expect(open, key).to.not.match(/\d-\d|:\/\/|@/);
    }
  });

  it('keep to the typography of French and Spanish', () => {
    for (const [key, text] of Object.entries(catalogue('fr'))) {
      // High punctuation follows a blank that does not break; the apostrophe is a curved one.
      expect(text, key).to.not.match(/[^\u00a0][?!;:](?=\s|$)|'/);
    }
    for (const [key, text] of Object.entries(catalogue('es'))) {
      expect(text.split('¿').length, key).to.equal(text.split('?').length);
      expect(text.split('¡').length, key).to.equal(text.split('!').length);
    }
  });

  it('have every key that a template names, and none that neither a template nor a source file names', () => {
    const source = `${textsOf(views, '.ejs')}\n${textsOf(sources, '.ts')}`;
    const whole = new Set([...source.matchAll(/'([a-z][a-z-]*(?:\.[\w-]+)*)'/g)].map(([, key]) => key ?? ''));
    const beginnings = [...source.matchAll(/`([a-z][a-z-]*\.(?:[\w-]+\.)*)\$\{/g)].map(
      ([, start]) => start ?? '',
    );
    // `${stay}.hint` and the like: a key from a variable with an ending.
    const endings = [...source.matchAll(/`\$\{\w+\}(\.[\w.-]+)`/g)].map(([, end]) => end ?? '');

    const calls = [...textsOf(views, '.ejs').matchAll(/(?:\bt|emphasise)\('([^']+)'/g)].map(
      ([, key]) => key ?? '',
    );
    expect(calls).to.have.length.above(30);
    for (const key of calls) {
      expect(english[key] ?? english[`${key}_other`], `text for ${key}`).to.be.a('string');
    }
    const unnamed = names(english).filter(
      (key) =>
        !whole.has(key) &&
        !beginnings.some((start) => key.startsWith(start)) &&
        !endings.some((end) => key.endsWith(end) && whole.has(key.slice(0, -end.length))),
    );
    expect(unnamed, 'keys that nothing names').to.deep.equal([]);
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

  it('has a form for every count, in every language', () => {
    const english = translator('en');
    for (const locale of locales) {
      const t = translator(locale);
      for (const count of [0, 1, 2, 3, 10, 11, 99, 100, 101, 102, 103, 1_000_000]) {
        const text = t('error.wait.minutes', { count });
        if (locale !== 'en') expect(text).to.not.equal(english('error.wait.minutes', { count }));
        if (count > 2) expect(text, locale).to.include(String(count));
      }
    }
  });

  it('tells the six plurals of Arabic and the large numbers of Spanish and French apart', () => {
    const arabic = translator('ar');
    const forms = [0, 1, 2, 3, 11, 100].map((count) => arabic('error.wait.minutes', { count }));
    expect(forms).to.deep.equal([
      'يمكنك المحاولة مجددًا الآن.',
      'يُرجى الانتظار دقيقة واحدة ثم المحاولة مجددًا.',
      'يُرجى الانتظار دقيقتين ثم المحاولة مجددًا.',
      'يُرجى الانتظار 3 دقائق ثم المحاولة مجددًا.',
      'يُرجى الانتظار 11 دقيقة ثم المحاولة مجددًا.',
      'يُرجى الانتظار 100 دقيقة ثم المحاولة مجددًا.',
    ]);
    expect(translator('fr')('error.wait.minutes', { count: 1_000_000 })).to.include('1000000 de minutes');
    expect(translator('fr')('error.wait.minutes', { count: 0 })).to.include('0 minute,');
    expect(translator('es')('error.wait.minutes', { count: 1_000_000 })).to.include('1000000 de minutos');
    expect(translator('ja')('error.wait.minutes', { count: 1 })).to.include('1分');
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

describe('a moment', () => {
  const at = Date.UTC(2025, 10, 24, 9, 5);
  const plain = (text: string) => text.replace(/\s/g, ' ');

  it('is written as each language writes it, with its time zone', () => {
    expect(locales.map((locale) => plain(formatDateTime(locale, at)))).to.deep.equal([
      '24 November 2025 at 09:05 UTC',
      '24. November 2025 um 09:05 UTC',
      '24 de noviembre de 2025 a las 9:05 UTC',
      '24 novembre 2025 à 09:05 UTC',
      '2025年11月24日 9:05 UTC',
      '24 نوفمبر 2025 في 9:05 ص UTC',
    ]);
  });

  it('is told in the time zone of the reader, and in UTC when that is unknown', () => {
    expect(plain(formatDateTime('en', at, 'Europe/Berlin'))).to.equal('24 November 2025 at 10:05 CET');
    expect(plain(formatDateTime('en', at, 'Asia/Tokyo'))).to.match(/^24 November 2025 at 18:05 /);
    for (const zone of ['', 'Nowhere/Land', '../etc']) {
      expect(plain(formatDateTime('en', at, zone)), zone).to.equal('24 November 2025 at 09:05 UTC');
    }
  });

  it('has Latin digits in every language, as the codes and addresses beside it have', () => {
    for (const locale of locales) {
      const written = `${formatDateTime(locale, at)} ${formatRelative(locale, at - 11 * 86_400_000, at)}`;
      expect(written, locale).to.match(/2025/).and.to.match(/11/);
      expect(written.replace(/[0-9]/g, ''), locale).to.not.match(/\p{Nd}/u);
    }
  });

  it('is told by its distance from now', () => {
    const distance = (seconds: number, locale: Locale = 'en') =>
      formatRelative(locale, at + seconds * 1000, at);
    expect(distance(0)).to.equal('now');
    expect(distance(-59)).to.equal('now');
    expect(distance(-60)).to.equal('1 minute ago');
    expect(distance(-3599)).to.equal('59 minutes ago');
    expect(distance(-3600)).to.equal('1 hour ago');
    expect(distance(-25 * 3600)).to.equal('1 day ago');
    expect(distance(3 * 86_400)).to.equal('in 3 days');
    expect(distance(-40 * 86_400)).to.equal('1 month ago');
    expect(distance(-800 * 86_400)).to.equal('2 years ago');
    expect(distance(-2 * 3600, 'de')).to.equal('vor 2 Stunden');
    expect(distance(-2 * 3600, 'es')).to.equal('hace 2 horas');
    expect(distance(-2 * 3600, 'fr')).to.equal('il y a 2 heures');
    expect(plain(distance(-2 * 3600, 'ja'))).to.equal('2 時間前');
    expect(distance(-2 * 3600, 'ar')).to.equal('قبل ساعتين');
    expect(distance(0, 'ar')).to.equal('الآن');
  });

  it('is measured from the clock where nothing else is said', () => {
    expect(formatRelative('en', Date.now() - 5 * 60_000 - 1000)).to.equal('5 minutes ago');
  });
});
