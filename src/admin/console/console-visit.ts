import type { Context } from 'koa';
import type { Access, Permission } from '../../access/access.ts';
import type { Actor } from '../../access/actor.ts';
import type { Account, Accounts } from '../../accounts/accounts.ts';
import { nowMs } from '../../clock.ts';
import type { Events } from '../../events/events.ts';
import type { Csrf } from '../../http/csrf.ts';
import { localeOf } from '../../http/language.ts';
import type { Renderer } from '../../http/render.ts';
import type { ReturnPath } from '../../http/return-path.ts';
import type { Reply } from '../../http/route.ts';
import type { Views } from '../../http/views.ts';
import { type Locale, type Translator, translator } from '../../locale.ts';
import type { BrowserSession, SignedIn } from '../../oidc/oidc.ts';
import { adminClientId, type SignInWish, signInPath } from '../../oidc/own-pages.ts';
import type { LiveSettings } from '../../settings/settings.ts';
import type { Admin } from '../admin.ts';
import type { Refused } from '../outcome.ts';
import { createAdministrators } from './administrator.ts';
import type { Gate } from './console-route.ts';
import type { ConsoleData, ConsolePage, Crumb, Says } from './console-views.ts';
import { createRefusals } from './no-permission.ts';
import type { SectionId } from './sections.ts';
import { strongerWish } from './sign-in-strength.ts';

/** An administrator who looks at a page of the console, or sends a form of it. */
export type Visit = {
  ctx: Context;
  /** Who does what the request asks for; goes to the flows. */
  actor: Actor;
  account: Account;
  session: BrowserSession;
  locale: Locale;
  t: Translator;
  may(permission: Permission): boolean;
  /** The path of the page, with its query. */
  page: string;
  /** What a redirect to the page wants it to say. */
  says: Says;
};

export type ConsoleView = {
  [V in keyof Views]: Views[V] extends ConsolePage ? V : never;
}[keyof Views];

/** Of a question before an act; what is left out is empty. */
export type Question = Pick<
  Views['admin-confirm'],
  'title' | 'lead' | 'action' | 'submit' | 'back' | 'typed'
> &
  Partial<Pick<Views['admin-confirm'], 'crumbs' | 'ends' | 'stays' | 'fields' | 'isDangerous'>>;

export type Visits = {
  /** Goes on with whoever may; anybody else signs in, or is told what they lack. */
  open(
    ctx: Context,
    /** csrf: of a form */
    options: { page: string; permission: Gate; isSensitive: boolean; csrf?: string },
    told: Pick<Says, 'done' | 'count'> & { again?: 'yes' },
    goOn: (visit: Visit) => Promise<Reply>,
  ): Promise<Reply>;
  /** @param options.problem and what else stands above the page; status of the answer, 200 when left out */
  show<V extends ConsoleView>(
    visit: Visit,
    view: V,
    section: SectionId | undefined,
    data: ConsoleData<Views[V]>,
    options?: Says & { status?: number; search?: string },
  ): Reply;
  /** The page that asks before something ends. */
  confirm(visit: Visit, section: SectionId, question: Question, options?: Says & { status?: number }): Reply;
  /** What an act was refused for, as the options of `show`. */
  refusal(refused: Refused): Says & { status: number };
  /** That there is no such thing. @param list where the others are */
  notFound(visit: Visit, section: SectionId, list: Crumb): Reply;
  csrfToken(session: BrowserSession): string;
};

export type VisitParts = {
  issuer: string;
  signedIn: Pick<SignedIn, 'current'>;
  accounts: Pick<Accounts, 'find'>;
  access: Pick<Access, 'effectiveNow'>;
  settings: Pick<LiveSettings, 'current'>;
  events: Pick<Events, 'note'>;
  admin: Admin;
  renderer: Renderer;
  csrf: Csrf;
  returnPath: ReturnPath;
};

const freshMs = 10 * 60_000;

export function createVisits(parts: VisitParts): Visits {
  const { issuer, settings, renderer, csrf, returnPath } = parts;
  const host = new URL(issuer).host;
  const { whoIs, actorOf } = createAdministrators(parts);
  const bindingOf = ({ uid }: BrowserSession) => `admin:${uid}`;

  function signIn(ctx: Context, page: string, wish: Partial<SignInWish>): Reply {
    // A form that came too late is not kept: the page says so.
    const back = ctx.method === 'POST' ? withQuery(page, { again: 'yes' }) : page;
    return { redirect: signInPath(issuer, { ...wish, state: returnPath.seal(back) }, adminClientId) };
  }

  const visits: Visits = {
    async open(ctx, { page, permission, isSensitive, csrf: token }, told, goOn) {
      const present = await whoIs(ctx);
      if (!present) return signIn(ctx, page, {});
      const { session, account, permissions, isWeak } = present;
      if (permission !== 'signed-in' && isWeak) {
        const rule = settings.current().console_second_factor;
        return signIn(ctx, page, strongerWish(session, rule, account));
      }
      const locale = localeOf(ctx, undefined, account.locale);
      const { done, count, again } = told;
      const t = translator(locale);
      const visit: Visit = {
        ctx,
        actor: actorOf(ctx, present),
        account,
        session,
        locale,
        t,
        may: (one) => permissions.has(one),
        page,
        says: {
          ...(done === undefined ? {} : { done }),
          ...(count === undefined ? {} : { count }),
          ...(again ? { problem: t('admin.problem.sign-in-again') } : {}),
        },
      };
      const lacks =
        permission === 'signed-in'
          ? false
          : permission === 'any'
            ? permissions.size === 0
            : !permissions.has(permission);
      if (lacks) return refusals.noPermission(visit, permission);
      if (isSensitive && nowMs() - session.signedInAt > freshMs) {
        // Less than what is asked for here, so that the two never disagree by a second.
        return signIn(ctx, page, {
          maxAgeSeconds: freshMs / 2000,
          loginHint: account.email,
          uiLocales: locale,
        });
      }
      if (token !== undefined && !csrf.check(token, bindingOf(session))) {
        return refusals.formExpired(visit);
      }
      return goOn(visit);
    },

    show(visit, view, section, data, { status = 200, search = '', ...says } = {}) {
      const { account, actor, locale, page, session } = visit;
      const common: ConsolePage = {
        frame: {
          path: visit.ctx.method === 'GET' ? page : pathOf(page),
          ...(account.zoneinfo ? { timeZone: account.zoneinfo } : {}),
        },
        csrfToken: visits.csrfToken(session),
        console: {
          host,
          section,
          person: {
            id: account.id,
            email: account.email,
            ...(account.name ? { name: account.name } : {}),
          },
          may: [...actor.permissions],
          search,
        },
        says: Object.keys(says).length > 0 ? says : visit.says,
      };
      const whole = { ...common, ...data } as unknown as Views[typeof view];
      return { status, html: renderer.page(view, locale, whole), connects: true };
    },

    confirm(visit, section, question, options) {
      const whole = { crumbs: [], ends: [], stays: [], fields: {}, isDangerous: true, ...question };
      return visits.show(visit, 'admin-confirm', section, whole, options);
    },

    refusal({ problem, message, faults }) {
      const statuses = {
        ...{ 'not-found': 404, changed: 409, conflict: 409, invalid: 422 },
        ...{ outranked: 403, ended: 403 },
      };
      return { status: statuses[problem], problem: message, ...(faults ? { faults } : {}) };
    },

    notFound: (visit, section, list) =>
      visits.show(
        visit,
        'admin-message',
        section,
        { title: visit.t('admin.not-found'), text: visit.t('admin.not-found.why'), links: [list] },
        { status: 404 },
      ),

    csrfToken: (session) => csrf.issue(bindingOf(session)),
  };
  const refusals = createRefusals(parts, visits);
  return visits;
}

/** An address with these parameters in it, in place of those that are called the same. */
export function withQuery(page: string, more: Record<string, string | number | undefined>): string {
  const [path = '', query = ''] = page.split('?');
  const given = new URLSearchParams(query);
  for (const [name, value] of Object.entries(more)) {
    if (value === undefined || value === '') given.delete(name);
    else given.set(name, String(value));
  }
  return given.size > 0 ? `${path}?${given}` : path;
}

function pathOf(page: string): string {
  return page.split('?')[0] ?? page;
}

/** Leads to a page that says what was done: the text `admin.done.<word>`. */
export function doneAt(page: string, word: string, count?: number): Reply {
  return { redirect: withQuery(page, { done: word, count }) };
}
