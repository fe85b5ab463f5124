/**
 * Owns how data becomes a page: the templates (views/), compiled once at start. The only user of EJS. Does not own
 * which pages there are (views.ts), requests, headers or what a page says (views/locales).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ejs from 'ejs';
import {
  formatDateTime,
  formatNumber,
  formatRelative,
  formatShortDateTime,
  hasText,
  type Locale,
  languages,
  locales,
  type Translator,
  translator,
} from '../locale.ts';
import type { Assets } from './assets.ts';
import type { Views } from './views.ts';

export type Renderer = {
  /** The whole HTML document. Throws when the view or a text is missing. */
  page<V extends keyof Views>(view: V, locale: Locale, data: Views[V]): string;
};

/**
 * The names that a template may use. `data`: what it was given. `head`: title, problem and scripts, which a page
 * sets for the layout. `t` and `hasText`: texts. `asset`, `initial`, `link`, `target`: see below. `moment`
 * and `number` write a time and a number for this person. `partial`,
 * `emphasise` and `drawing` give finished HTML and are, with the layout's body, all that may be printed unescaped.
 */
const vocabulary = [
  'data',
  'head',
  't',
  'emphasise',
  'drawing',
  'hasText',
  'partial',
  'asset',
  'initial',
  'moment',
  'number',
  'link',
  'target',
];

/**
 * Compiles every template, so that a broken one stops the start and not a request.
 *
 * @param options.onMissingText see `translator`; without it a missing text throws.
 */
export function createRenderer(options: {
  viewsDirectory: string;
  assets: Assets;
  onMissingText?: (key: string) => string;
}): Renderer {
  const layout = compile(join(options.viewsDirectory, 'layout.ejs'));
  const adminLayout = compile(join(options.viewsDirectory, 'admin-layout.ejs'));
  const pages = compileAll(join(options.viewsDirectory, 'pages'));
  const partials = compileAll(join(options.viewsDirectory, 'partials'));
  const translators = new Map(
    locales.map((locale) => [locale, translator(locale, options.onMissingText)] as const),
  );

  function named(templates: Map<string, ejs.TemplateFunction>, name: string): ejs.TemplateFunction {
    const template = templates.get(name);
    if (template === undefined) throw new Error(`there is no template "${name}"`);
    return template;
  }

  return {
    page(view, locale, data) {
      const t = translators.get(locale) ?? translator(locale, options.onMissingText);
      const zone = (data as { frame?: { timeZone?: string } }).frame?.timeZone;
      const head = { title: '', problem: false, isWide: false, scripts: [] as string[] };
      const words = {
        head,
        t,
        emphasise: emphasiser(t),
        drawing,
        hasText,
        asset: options.assets.url,
        initial,
        moment: (ms: number) => momentFor(locale, ms, zone),
        number: (value: number) => formatNumber(locale, value),
        link,
        target,
        partial: (name: string, partialData: object = {}): string =>
          named(partials, name)({ ...words, data: partialData }),
      };
      const body = named(pages, view)({ ...words, data });
      const frame = { body, locale, languages, path: data.frame?.path };
      if ('console' in data) return adminLayout({ ...words, data: { ...frame, page: data } });
      return layout({ ...words, data: frame });
    },
  };
}

function momentFor(locale: Locale, ms: number, timeZone: string | undefined) {
  return {
    iso: new Date(ms).toISOString(),
    text: formatDateTime(locale, ms, timeZone),
    short: formatShortDateTime(locale, ms, timeZone),
    ago: formatRelative(locale, ms),
  };
}

function compileAll(directory: string): Map<string, ejs.TemplateFunction> {
  const files = readdirSync(directory).filter((name) => name.endsWith('.ejs'));
  return new Map(files.map((name) => [name.slice(0, -'.ejs'.length), compile(join(directory, name))]));
}

function compile(file: string): ejs.TemplateFunction {
  // Strict: no `with`, so a template sees its vocabulary and nothing that was put on a prototype.
  return ejs.compile(readFileSync(file, 'utf8'), {
    filename: file,
    strict: true,
    destructuredLocals: vocabulary,
    rmWhitespace: true,
  });
}

/**
 * Makes a text in which each value stands out from the sentence, as HTML. `bdi` keeps a name that is written
 * right to left, or that tries to reorder the sentence, inside its own bounds.
 */
/** An SVG that was made here. @throws when it has anything but shapes */
function drawing(svg: string): string {
  if (!/^<svg( [\w:-]+="[^"<>]*")*>(<(path|rect)( [\w-]+="[^"<>]*")*\/>)*<\/svg>$/.test(svg.trim())) {
    throw new Error('not a drawing of shapes alone');
  }
  return svg;
}

function emphasiser(t: Translator): (key: string, values: Record<string, string>) => string {
  return (key, values) => {
    const marked = Object.entries(values).map(([name, value]) => [name, `\u0002${printable(value)}\u0003`]);
    return ejs
      .escapeXML(t(key, Object.fromEntries(marked)))
      .replaceAll('\u0002', '<strong><bdi>')
      .replaceAll('\u0003', '</bdi></strong>');
  };
}

function printable(value: string): string {
  return value.replace(/\p{Cc}/gu, ' ');
}

const letters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The letter that stands in for a logo: the first letter or digit of a name. */
function initial(name: string): string {
  const graphemes = Array.from(letters.segment(name.slice(0, 100)), ({ segment }) => segment);
  return (graphemes.find((grapheme) => /[\p{L}\p{N}]/u.test(grapheme)) ?? '?').toUpperCase();
}

/** The address if a person may be offered it as a link, otherwise undefined. */
function link(address: string | undefined): string | undefined {
  return address !== undefined && /^https?:$/.test(schemeOf(address)) ? address : undefined;
}

/** The address of a form. Throws for one that would run as a script in this page. */
function target(address: string): string {
  if (/^(javascript|data|vbscript):$/.test(schemeOf(address))) throw new Error('a form may not run a script');
  return address;
}

function schemeOf(address: string): string {
  // The base only serves to accept paths; the scheme is read the way a browser reads it.
  return URL.parse(address, 'relative://path')?.protocol ?? 'invalid:';
}
