/** How a mail becomes text and HTML: templates (views/mail), texts, and what each kind has in it. */
import { readFileSync } from 'node:fs';
import ejs from 'ejs';
import { languages } from '../locale.ts';
import { contentOf, type Mail } from './mail-kinds.ts';
import { loadMailTexts, type MailTexts } from './mail-texts.ts';
import { isolated, pageLink, plainValue } from './plain-value.ts';

/** Both parts say the same. */
export type ComposedMail = { to: string; subject: string; text: string; html: string; language: string };

/** What the two templates may name. Everything is plain text; the HTML one escapes. */
type Words = {
  locale: string;
  direction: 'ltr' | 'rtl';
  brand: string;
  host: string;
  subject: string;
  greeting: string;
  text: string;
  details: { label: string; value: string }[];
  code?: { label: string; value: string; hint: string };
  button?: { label: string; link: string; hint: string };
  second?: { label: string; link: string };
  question: string;
  answer: string;
  reason: string;
};

const views = new URL('../../views/mail/', import.meta.url);

/**
 * Compiles the templates and reads the texts, so that a broken one stops the start and not a mail.
 *
 * @param issuer the origin of this provider, which mails name as their sender
 * @returns a function that throws when a mail is not of a kind, or not in a language, that this version has
 */
export function createComposer(issuer: string): (mail: Mail) => ComposedMail {
  const html = compile('mail.html.ejs');
  const text = compile('mail.text.ejs');
  const textsIn = loadMailTexts();
  const { host } = new URL(issuer);
  const pages = { account: `${issuer}/account`, home: `${issuer}/` };

  return (mail) => {
    const words = wordsOf(mail, textsIn(mail.locale), host, pages);
    return {
      to: mail.to,
      subject: words.subject,
      text: `${text({ mail: words }).trim()}\n`,
      html: html({ mail: words }),
      language: mail.locale,
    };
  };
}

function wordsOf(
  mail: Mail,
  texts: MailTexts,
  host: string,
  pages: { account: string; home: string },
): Words {
  const { direction } = languages[mail.locale];
  const content = contentOf(mail, pages);
  const { t, moment } = texts;
  const value = (plain: string) => isolated(plainValue(plain), direction);
  const brand = t('brand');

  const words: Record<string, string> = { brand: value(brand), host: value(host), to: value(mail.to) };
  for (const [name, given] of Object.entries(content.words ?? {})) words[name] = value(given);
  const { minutes, left } = content.counts ?? {};
  if (minutes !== undefined) words.time = t('minutes', { count: minutes });
  if (left !== undefined) words.left = t(`${mail.kind}.left`, { count: left });
  const say = (part: string) => t(`${mail.kind}.${part}`, words);

  return {
    locale: mail.locale,
    direction,
    brand,
    host,
    subject: say('subject'),
    greeting: t('greeting'),
    text: t(content.textKey ?? `${mail.kind}.text`, words),
    details: (content.details ?? []).flatMap(({ label, value: given }) =>
      given === undefined || given === ''
        ? []
        : [{ label: t(`detail.${label}`), value: typeof given === 'number' ? moment(given) : value(given) }],
    ),
    ...(content.code === undefined
      ? {}
      : { code: { label: t('code.label'), value: plainValue(content.code), hint: t('code.hint') } }),
    ...(content.link === undefined
      ? {}
      : { button: { label: say('button'), link: pageLink(content.link), hint: t('link.hint') } }),
    ...(content.secondLink === undefined
      ? {}
      : { second: { label: say('second'), link: pageLink(content.secondLink) } }),
    question: texts.has(`${mail.kind}.question`) ? say('question') : t('not-you'),
    answer: say('not-you'),
    reason: `${t('sent', words)} ${say('why')}`,
  };
}

function compile(name: string): ejs.TemplateFunction {
  const file = new URL(name, views);
  return ejs.compile(readFileSync(file, 'utf8'), {
    filename: file.pathname,
    // Strict: no `with`, so a template sees the mail and nothing that was put on a prototype.
    strict: true,
    destructuredLocals: ['mail'],
  });
}
