/**
 * Owns the languages of pages and mails: which ones there are, which one a request gets, the texts in it, and
 * how dates are written in it. Does not own where a wish for a language comes from (parameter, account, cookie,
 * header), nor any markup.
 */
import { readFileSync } from 'node:fs';
import i18next from 'i18next';
import { nowMs } from './clock.ts';

/** Discovery, the switcher and the tests follow this list; each has its catalogue in views/locales. */
export const locales = ['en', 'de', 'es', 'fr', 'ja', 'ar'] as const;
export type Locale = (typeof locales)[number];

/** What the layout and the language switcher need: each language named in itself, and its direction. */
export const languages: Record<Locale, { name: string; direction: 'ltr' | 'rtl' }> = {
  en: { name: 'English', direction: 'ltr' },
  de: { name: 'Deutsch', direction: 'ltr' },
  es: { name: 'Español', direction: 'ltr' },
  fr: { name: 'Français', direction: 'ltr' },
  ja: { name: '日本語', direction: 'ltr' },
  ar: { name: 'العربية', direction: 'rtl' },
};

export type Translator = (key: string, values?: Record<string, string | number>) => string;

const defaultLocale: Locale = 'en';

// A wish list comes from a stranger. Real ones are far shorter than this; what lies beyond is not read.
const longestWish = 500;
const mostRanges = 20;

/**
 * Picks the language of an answer: `ui_locales` first (OpenID Connect Core 3.1.2.1), then what the account
 * has chosen, then the choice kept in this browser, then the browser's list, then English. Anything malformed
 * counts as absent.
 *
 * @param wanted `uiLocales` is a space separated list of language tags in order of preference, `account` and
 *   `cookie` one tag each, `acceptLanguage` the header of that name.
 */
export function chooseLocale(wanted: {
  uiLocales?: string;
  account?: string;
  cookie?: string;
  acceptLanguage?: string;
}): Locale {
  return (
    lookup(split(wanted.uiLocales, ' ')) ??
    lookup(split(wanted.account, ' ')) ??
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

/** Languages that the admin console is written in; in the others, its keys (`admin.…`) are shown in English. */
export const adminLocales: readonly Locale[] = ['en', 'de'];

function readCatalogue(locale: Locale): Record<string, string> {
  const read = (name: string) =>
    JSON.parse(readFileSync(new URL(`../views/locales/${name}.json`, import.meta.url), 'utf8')) as Record<
      string,
      string
    >;
  return { ...read(locale), ...(adminLocales.includes(locale) ? read(`admin/${locale}`) : {}) };
}

const texts = Object.fromEntries(locales.map((locale) => [locale, { translation: readCatalogue(locale) }]));

const catalogues = i18next.createInstance();
catalogues.init({
  initAsync: false,
  lng: defaultLocale,
  // A text that one catalogue lacks is better read in English than as a key. The tests let none be lacking.
  fallbackLng: defaultLocale,
  resources: texts,
  // Keys are flat, so that a scope or claim name with dots or colons in it stays one key.
  keySeparator: false,
  nsSeparator: false,
  // The templates escape, once, where the text is printed.
  interpolation: { escapeValue: false },
});

// English has every text, so it tells which there are. Its plurals end in _one and _other; the other catalogues
// have the forms that their language tells apart (Unicode's plural categories: Arabic six, Japanese one).
const keys = new Set(Object.keys(texts[defaultLocale]?.translation ?? {}));

/** Whether the catalogues have a text for this key; for keys that are made from outside, such as scope names. */
export function hasText(key: string): boolean {
  return keys.has(key);
}

/**
 * Gives the texts of one language. A value named `count` also picks the plural form, by the rules of that
 * language. The answer is plain text: whoever prints it escapes it.
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

/**
 * How dates are written. English gets the day before the month and 24 hours, which nobody reads the wrong way
 * round. Arabic gets Latin digits, as the codes, addresses and counts beside them have: Arabic-speaking countries
 * use both kinds, and two kinds on one page make it hard to compare them.
 */
const formatTags: Record<Locale, string> = {
  en: 'en-GB',
  de: 'de',
  es: 'es',
  fr: 'fr',
  ja: 'ja',
  ar: 'ar-u-ca-gregory-nu-latn',
};

/**
 * A moment as a person reads it, with its time zone: "24 November 2025 at 09:05 UTC".
 *
 * @param ms milliseconds since the epoch.
 * @param timeZone an IANA name such as "Europe/Berlin", perhaps from a person's profile. What is absent or
 *   unknown counts as UTC, since the zone of the pod says nothing about the reader's.
 */
export function formatDateTime(locale: Locale, ms: number, timeZone?: string): string {
  return dateFormat(locale, timeZone).format(ms);
}

/** The same for tables, to the second and without the zone: "24 Nov 2025, 09:05:31". */
export function formatShortDateTime(locale: Locale, ms: number, timeZone = 'UTC'): string {
  try {
    return new Intl.DateTimeFormat(formatTags[locale], {
      dateStyle: 'medium',
      timeStyle: 'medium',
      hour12: false,
      timeZone,
    }).format(ms);
  } catch (error) {
    if (error instanceof RangeError && timeZone !== 'UTC') return formatShortDateTime(locale, ms);
    throw error;
  }
}

/** A number as each language groups its digits: "1,234,567". */
export function formatNumber(locale: Locale, value: number): string {
  return new Intl.NumberFormat(formatTags[locale]).format(value);
}

function dateFormat(locale: Locale, timeZone = 'UTC'): Intl.DateTimeFormat {
  const shape = {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
  } as const;
  try {
    return new Intl.DateTimeFormat(formatTags[locale], { ...shape, timeZone, timeZoneName: 'short' });
  } catch (error) {
    if (error instanceof RangeError && timeZone !== 'UTC') return dateFormat(locale);
    throw error;
  }
}

// Each unit with its length in seconds, from the longest; a month and a year by their average length.
const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_556_952],
  ['month', 2_629_746],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/**
 * How far a moment is from now, in the largest unit that fits: "3 hours ago", "in 2 days"; under a minute
 * "now". Never rounded up, so that what was 59 minutes ago is not said to be an hour old.
 *
 * @param ms milliseconds since the epoch, like `now`.
 */
export function formatRelative(locale: Locale, ms: number, now: number = nowMs()): string {
  const seconds = (ms - now) / 1000;
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', Infinity];
  // `auto` has a word for "now", but it also says "yesterday", which 25 hours ago need not be.
  const numeric = unit === 'second' ? 'auto' : 'always';
  const format = new Intl.RelativeTimeFormat(formatTags[locale], { numeric });
  return format.format(Math.trunc(seconds / length), unit);
}
