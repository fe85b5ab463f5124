/**
 * Owns the languages of the pages: which ones there are, which one a request gets, and the texts in it.
 * Does not own where a wish for a language comes from (parameter, cookie, header), nor any markup.
 */
import { readFileSync } from 'node:fs';
import i18next from 'i18next';

export const locales = ['en', 'de'] as const;
export type Locale = (typeof locales)[number];

/** What the layout and the language switcher need: each language named in itself, and its direction. */
export const languages: Record<Locale, { name: string; direction: 'ltr' | 'rtl' }> = {
  en: { name: 'English', direction: 'ltr' },
  de: { name: 'Deutsch', direction: 'ltr' },
};

export type Translator = (key: string, values?: Record<string, string | number>) => string;

const defaultLocale: Locale = 'en';

// A wish list comes from a stranger. Real ones are far shorter than this; what lies beyond is not read.
const longestWish = 500;
const mostRanges = 20;

/**
 * Picks the language of an answer: `ui_locales` first (OpenID Connect Core 3.1.2.1), then the person's own
 * earlier choice, then the browser's list, then English. Anything malformed counts as absent.
 *
 * @param wanted `uiLocales` is a space separated list of language tags in order of preference, `cookie` one
 *   tag, `acceptLanguage` the header of that name.
 */
export function chooseLocale(wanted: {
  uiLocales?: string;
  cookie?: string;
  acceptLanguage?: string;
}): Locale {
  return (
    lookup(split(wanted.uiLocales, ' ')) ??
    lookup(split(wanted.cookie, ' ')) ??
    lookup(byQuality(split(wanted.acceptLanguage, ','))) ??
    defaultLocale
  );
}

// Typed as a string, but a query parameter that was sent twice may reach this as something else.
function split(list: unknown, separator: string): string[] {
  if (typeof list !== 'string') return [];
  return list
    .slice(0, longestWish)
    .split(separator)
    .map((range) => range.trim())
    .filter((range) => range !== '')
    .slice(0, mostRanges);
}

/** Orders the entries of an Accept-Language header; RFC 9110 12.4.2: no weight means 1, weight 0 means never. */
function byQuality(entries: string[]): string[] {
  return entries
    .map((entry) => {
      const [range = '', ...parameters] = entry.split(';').map((part) => part.trim());
      const weight = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2) ?? '1';
      return { range, quality: /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ range }) => range);
}

/** RFC 4647 3.4, "lookup": each range in turn, shortened from its end until it is a language that we have. */
function lookup(ranges: string[]): Locale | undefined {
  for (const range of ranges) {
    const subtags = range.toLowerCase().split('-');
    while (subtags.length > 0) {
      const match = locales.find((locale) => locale === subtags.join('-'));
      if (match !== undefined) return match;
      subtags.pop();
      if (subtags.at(-1)?.length === 1) subtags.pop();
    }
  }
  return undefined;
}

function readCatalogue(locale: Locale): Record<string, string> {
  return JSON.parse(
    readFileSync(new URL(`../views/locales/${locale}.json`, import.meta.url), 'utf8'),
  ) as Record<string, string>;
}

const texts = Object.fromEntries(locales.map((locale) => [locale, { translation: readCatalogue(locale) }]));

const catalogues = i18next.createInstance();
catalogues.init({
  initAsync: false,
  lng: defaultLocale,
  fallbackLng: false,
  resources: texts,
  // Keys are flat, so that a scope or claim name with dots or colons in it stays one key.
  keySeparator: false,
  nsSeparator: false,
  // The templates escape, once, where the text is printed.
  interpolation: { escapeValue: false },
});

// All catalogues have the same keys, so one of them tells which there are.
const keys = new Set(Object.keys(texts[defaultLocale]?.translation ?? {}));

/** Whether the catalogues have a text for this key; for keys that are made from outside, such as scope names. */
export function hasText(key: string): boolean {
  return keys.has(key);
}

/**
 * Gives the texts of one language. A value named `count` also picks the plural form. The answer is plain
 * text: whoever prints it escapes it.
 *
 * @param onMissing called with a key that has no text; what it returns is shown instead. Without it a missing
 *   text throws, which is what tests and development need.
 */
export function translator(locale: Locale, onMissing: (key: string) => string = refuse): Translator {
  const translate = catalogues.getFixedT(locale);
  return (key, values = {}) => {
    const { count } = values;
    if (typeof count === 'number' && hasText(`${key}_other`))
      return translate(key, { replace: values, count });
    return hasText(key) ? translate(key, { replace: values }) : onMissing(key);
  };
}

function refuse(key: string): never {
  throw new Error(`no text for "${key}" in views/locales`);
}
