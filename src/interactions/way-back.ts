import { z } from 'zod';
import { nowMs } from '../clock.ts';
import { knownBrowser } from '../http/browser-cookie.ts';
import { type Route, route } from '../http/route.ts';
import { dropRegistered, keptRegistered } from './account-cookies.ts';
import { type AccountPageParts, createForms, fields } from './account-forms.ts';
import { pageReply } from './page-reply.ts';
import { readProgress, withFact } from './sign-in-progress.ts';

/** Where somebody without an interaction signs in. */
const account = '/account';

/** Says that an account was made, to somebody who has nowhere to go on to. */
export const registeredPath = '/register/confirm/done';

/** Back to the sign-in that a person came from, if they came from one; it may have expired meanwhile. */
export function signInPath(interaction: string): string {
  return interaction === '' ? account : `/interaction/${interaction}/back`;
}

const params = z.strictObject({ uid: z.string().regex(/^[\w-]{1,64}$/) });

/**
 * From the pages around accounts back to the sign-in, whatever has become of it. The cookie by which the browser
 * has an interaction is sent below its own path alone, so these routes are there.
 */
export function wayBackRoutes({ interactions, accounts, renderer, csrf }: AccountPageParts): Route[] {
  const forms = createForms(csrf);

  return [
    route({
      method: 'GET',
      path: '/interaction/:uid/back',
      params,
      statuses: [303],
      async handle({ params: { uid }, raw }) {
        const pending = await interactions.load(raw, uid);
        if (!pending) return { redirect: account };
        return { redirect: 'answered' in pending ? pending.answered : `/interaction/${uid}` };
      },
    }),

    route({
      method: 'GET',
      path: '/interaction/:uid/registered',
      params,
      statuses: [200, 303],
      /** The account is made; below this path it can be told whether its person may go on to where they came from. */
      async handle({ params: { uid }, locale, raw }) {
        const { browser, csrfToken } = forms.show(raw);
        const pending = await interactions.load(raw, uid);
        const registered = keptRegistered(raw, csrf, browser.secret);
        const isHere = pending && 'uid' in pending && pending.prompt === 'login';
        if (!isHere || registered?.interaction !== uid) return { redirect: registeredPath };
        const html = renderer.page('link-done', locale, {
          purpose: 'register',
          isElsewhere: false,
          goOn: { action: `/interaction/${uid}/registered`, csrfToken, client: pending.client },
          frame: { path: `/interaction/${uid}/registered` },
        });
        return pageReply(200, html, pending);
      },
    }),

    route({
      method: 'POST',
      path: '/interaction/:uid/registered',
      params,
      body: z.strictObject({ csrf: fields.csrf }),
      statuses: [303, 400, 403],
      /** Whoever has just made an account in this browser need not type its password again. */
      async handle({ params: { uid }, body, raw }) {
        const { isOurs } = forms.receive(raw, body.csrf);
        const pending = await interactions.load(raw, uid, { toAnswer: true });
        if (!pending) return { redirect: account };
        if ('answered' in pending) return { redirect: pending.answered };
        const browser = knownBrowser(raw);
        const registered = browser && keptRegistered(raw, csrf, browser.secret);
        const made =
          isOurs && pending.prompt === 'login' && registered?.interaction === uid
            ? await accounts.find(registered.accountId)
            : undefined;
        if (made?.status === 'active' && made.epoch === registered?.epoch) {
          const before = readProgress(await interactions.progress(pending));
          const fact = { method: 'pwd', at: nowMs() } as const;
          const proven = { accountId: made.id, epoch: made.epoch, fact };
          await interactions.keepProgress(pending, withFact(before, proven));
        }
        return { redirect: `/interaction/${uid}`, cookies: [dropRegistered(raw)] };
      },
    }),
  ];
}
