import type { Context } from 'koa';
import { z } from 'zod';
import type { LinkPurpose } from '../accounts/one-time-link.ts';
import { browserFor, requireBrowser } from '../http/browser-cookie.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { Views } from '../http/views.ts';
import type { Locale } from '../locale.ts';
import {
  dropLink,
  keepLink,
  keepRegistered,
  keptLink,
  type NewCookie,
  type Registered,
} from './account-cookies.ts';
import { type AccountPageParts, createForms, type Form, linkQuery } from './account-forms.ts';
import { registeredPath, signInPath } from './way-back.ts';

/** Why a link does nothing, as the page tells it. */
export type LinkPageProblem = Views['link-problem']['problem'];

/** What the pages that mails lead to have in common: how a link is opened, that it is done, that it is not. */
export type LinkPages = {
  /**
   * The route of the link itself. It takes the token out of the address, and changes nothing: programs that look
   * for dangerous links open them too.
   * @param page.show the page for the token that the browser has kept
   */
  opening(page: { show(token: string, form: Form, locale: Locale): Promise<Reply> }): Route;
  /** The page that says that it is done, at `<path>/done`. */
  ending(): Route;
  done(ctx: Context, options?: { isElsewhere?: boolean; interaction?: string }): Reply;
  /** An account was made in this browser: its person goes on to where they came from, if that is still there. */
  registered(ctx: Context, form: Form, registered: Registered): Reply;
  problem(locale: Locale, problem: LinkPageProblem): Reply;
};

export function createLinkPages(
  parts: AccountPageParts,
  purpose: Exclude<LinkPurpose, 'owner'>,
  path: string,
): LinkPages {
  const { renderer, csrf } = parts;
  const forms = createForms(csrf);

  function problem(locale: Locale, what: LinkPageProblem): Reply {
    const html = renderer.page('link-problem', locale, { purpose, problem: what, frame: { path } });
    return { status: 410, html };
  }

  return {
    problem,

    opening: ({ show }) =>
      route({
        method: 'GET',
        path,
        query: linkQuery,
        statuses: [200, 303, 400, 410],
        async handle({ query: { token, kept }, locale, raw }) {
          if (token !== undefined) {
            const cookies = [browserFor(raw).cookie, keepLink(raw, purpose, token)];
            return { redirect: `${path}?kept=yes`, cookies };
          }
          if (kept) requireBrowser(raw);
          const link = keptLink(raw, purpose);
          return link === undefined ? problem(locale, 'gone') : show(link, forms.show(raw), locale);
        },
      }),

    ending: () =>
      route({
        method: 'GET',
        path: `${path}/done`,
        query: z.object({
          elsewhere: z.literal('yes').optional(),
          interaction: z
            .string()
            .regex(/^[\w-]{1,64}$/)
            .optional(),
        }),
        statuses: [200],
        async handle({ query: { elsewhere, interaction }, locale }) {
          const html = renderer.page('link-done', locale, {
            purpose,
            isElsewhere: elsewhere === 'yes',
            goOnPath: signInPath(interaction ?? ''),
            frame: { path: `${path}/done` },
          });
          return { html };
        },
      }),

    done(ctx, { isElsewhere = false, interaction } = {}) {
      const query = new URLSearchParams({
        ...(isElsewhere ? { elsewhere: 'yes' } : {}),
        ...(interaction ? { interaction } : {}),
      });
      const redirect = query.size > 0 ? `${path}/done?${query}` : `${path}/done`;
      return { redirect, cookies: [dropLink(ctx)] };
    },

    registered(ctx, { browser }, registered) {
      const { interaction } = registered;
      const redirect = interaction === '' ? registeredPath : `/interaction/${interaction}/registered`;
      const cookies: NewCookie[] = [dropLink(ctx), keepRegistered(ctx, csrf, browser.secret, registered)];
      return { redirect, cookies };
    },
  };
}
