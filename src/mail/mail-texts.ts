import { readFileSync } from 'node:fs';
import i18next from 'i18next';
import { type Locale, locales } from '../locale.ts';

/** The texts of mails in one language (views/mail/locales). */
export type MailTexts = {
  has(key: string): boolean;
  /**
   * Plain text: whoever prints it escapes it. A value named `count` picks the form of a number.
   * @throws when there is no such text
   */
  t(key: string, values?: Record<string, string | number>): string;
  /** A moment in words, in UTC. @param ms since the epoch */
  moment(ms: number): string;
};

const directory = new URL('../../views/mail/locales/', import.meta.url);

/** Reads all catalogues, so that a missing one stops the start and not a mail. */
export function loadMailTexts(): (locale: Locale) => MailTexts {
  const catalogues = i18next.createInstance();
  catalogues.init({
    initAsync: false,
    fallbackLng: false,
    resources: Object.fromEntries(
      locales.map((locale) => [
        locale,
        { translation: JSON.parse(readFileSync(new URL(`${locale}.json`, directory), 'utf8')) },
      ]),
    ),
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false, skipOnVariables: true },
  });

  const loaded = new Map(locales.map((locale) => [locale, textsOf(locale)]));

  function textsOf(locale: Locale): MailTexts {
    const translate = catalogues.getFixedT(locale);
    const moments = new Intl.DateTimeFormat(locale, {
      numberingSystem: 'latn',
      calendar: 'gregory',
      year: 'numeric',
      month: 'long',
      day: 'numeric',
      hour: 'numeric',
      minute: '2-digit',
      timeZone: 'UTC',
      timeZoneName: 'short',
    });
    return {
      has: (key) => catalogues.exists(key, { lng: locale }),
      t(key, values = {}) {
        const { count } = values;
        const options = { replace: values, ...(typeof count === 'number' ? { count } : {}) };
        if (!catalogues.exists(key, { lng: locale, ...options })) {
          throw new Error(`no text for "${key}" in views/mail/locales/${locale}.json`);
        }
        return translate(key, options);
      },
      moment: (ms) => moments.format(ms),
    };
  }

  return (locale) => {
    const texts = loaded.get(locale);
    if (!texts) throw new Error(`there are no mails in the language "${locale}"`);
    return texts;
  };
}
