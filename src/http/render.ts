/**
 * Owns how data becomes a page: the list of pages with the data of each, and the templates (views/), compiled
 * once at start. The only user of EJS. Does not own requests, headers or what a page says (views/locales).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ejs from 'ejs';
import { hasText, type Locale, languages, locales, type Translator, translator } from '../locale.ts';
import type { Assets } from './assets.ts';

/** What a page may say about a client. `host` is where the person is sent, without scheme and path. */
export type ClientSummary = {
  name: string;
  host: string;
  /** Not shown: the pages load nothing from elsewhere. They draw the first letter of the name. */
  logoUri?: string;
  uri?: string;
  policyUri?: string;
  tosUri?: string;
};

/** What every page accepts. `path` is where the language switcher comes back to; without it there is none. */
type Frame = { frame?: { path: string } };

/** The pages by name, which is also their file in views/pages, with the data that each one needs. */
export interface Views {
  /** Posts `csrf`, `email`, `password`, `remember` ("yes"), `decision` ("sign-in" or "cancel"). */
  login: Frame & {
    action: string;
    csrfToken: string;
    client: ClientSummary;
    email: string;
    problem?:
      | 'wrong-credentials'
      | 'too-many-attempts'
      | 'busy'
      | 'email-missing'
      | 'password-missing'
      | 'form-expired';
    /** The account is known and confirms its password: `email` is shown and cannot be changed. */
    reauthenticate: boolean;
    mayRemember: boolean;
    remember: boolean;
  };
  /** Posts `csrf`, `decision` ("allow" or "deny"). `scopes` and `claims` are the newly asked ones. */
  consent: Frame & {
    action: string;
    csrfToken: string;
    client: ClientSummary;
    account: { email: string; name?: string };
    scopes: string[];
    claims: string[];
    resources: { indicator: string; scopes: string[] }[];
    alreadyGranted: string[];
  };
  /** Posts `xsrf` and, to end the whole session, `logout` ("yes"). Without it only `client` is left. */
  logout: Frame & { action: string; xsrf: string; client?: ClientSummary; account?: { email: string } };
  /**
   * After logout. `client` is the one that was left. `stillSignedIn` says whether the session here goes on; when
   * absent it does if there is a client, which is how the engine tells the two ways of logging out apart.
   */
  'signed-out': Frame & { client?: ClientSummary; stillSignedIn?: boolean };
  error: Frame & {
    kind:
      | 'expired'
      | 'bad-request'
      | 'not-found'
      | 'forbidden'
      | 'too-many-requests'
      | 'unavailable'
      | 'server'
      | 'cookies';
    status: number;
    code: string;
    requestId: string;
    /** Public but possibly technical; shown only when the person asks for details. */
    description?: string;
    retryAfterSeconds?: number;
  };
  home: Frame & { issuer: string; discoveryUrl: string; demo?: { relyingPartyUrl: string } };
  /** Posts `fields` to `action`, at once where scripts run, otherwise at the press of its button. */
  continue: Frame & { action: string; fields: Record<string, string>; message: 'logout' | 'form-post' };
  /** Posts `xsrf`, `user_code`. */
  'device-code': Frame & {
    action: string;
    xsrf: string;
    userCode?: string;
    problem?: 'not-found' | 'expired' | 'missing';
  };
  /** Posts `xsrf`, `user_code` and either `confirm` ("yes") or `abort` ("yes"). */
  'device-confirm': Frame & {
    action: string;
    xsrf: string;
    userCode: string;
    client: ClientSummary;
    deviceAddress?: string;
    deviceAgent?: string;
    scopes: string[];
  };
  'device-done': Frame & { client: ClientSummary; approved: boolean };
}

export type Renderer = {
  /** The whole HTML document. Throws when the view or a text is missing. */
  page<V extends keyof Views>(view: V, locale: Locale, data: Views[V]): string;
};

/**
 * The names that a template may use. `data`: what it was given. `head`: title, problem and scripts, which a page
 * sets for the layout. `t` and `hasText`: texts. `asset`, `initial`, `link`, `target`: see below. `partial` and
 * `emphasise` give finished HTML and are, with the layout's body, all that may be printed unescaped.
 */
const vocabulary = [
  'data',
  'head',
  't',
  'emphasise',
  'hasText',
  'partial',
  'asset',
  'initial',
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
      const head = { title: '', problem: false, scripts: [] as string[] };
      const words = {
        head,
        t,
        emphasise: emphasiser(t),
        hasText,
        asset: options.assets.url,
        initial,
        link,
        target,
        partial: (name: string, partialData: object = {}): string =>
          named(partials, name)({ ...words, data: partialData }),
      };
      const body = named(pages, view)({ ...words, data });
      return layout({ ...words, data: { body, locale, languages, path: data.frame?.path } });
    },
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
