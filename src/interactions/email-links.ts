/**
 * The pages of links about the address of an account that is there: confirm it, change it, take a change back.
 * Each shows what will happen and has one button that does it; what that is decides src/accounts.
 */
import { z } from 'zod';
import type { AccountFlows } from '../accounts/account-flows.ts';
import type { Account } from '../accounts/accounts.ts';
import { accountTarget, person } from '../events/events.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { FormProblem } from '../http/views.ts';
import type { Locale } from '../locale.ts';
import { type AccountPageParts, createForms, type Form, fields, formReply } from './account-forms.ts';
import { createLinkPages, type LinkPageProblem } from './link-pages.ts';

type Refused = { ok: false; problem: LinkPageProblem };
type EmailLink = {
  purpose: 'verify-email' | 'change-email' | 'undo-email-change';
  look(token: string, browser: string): Promise<{ ok: true; email: string; newEmail?: string } | Refused>;
  /** moved: the account whose address is another now. */
  carryOut(token: string, browser: string): Promise<{ ok: true; moved?: Account } | Refused>;
};

const form = z.strictObject({ csrf: fields.csrf, token: fields.token });

export function emailLinkRoutes(parts: AccountPageParts): Route[] {
  return emailLinks(parts.flows).flatMap((one) => routesOf(parts, one));
}

function emailLinks({ verifyEmail, changeEmail }: AccountFlows): EmailLink[] {
  return [
    {
      purpose: 'verify-email',
      look: verifyEmail.look,
      carryOut: (token, browser) => verifyEmail.confirm(token, { browser }),
    },
    {
      purpose: 'change-email',
      look: async (token, browser) => fromTo(await changeEmail.look(token, browser)),
      carryOut: async (token, browser) => moved(await changeEmail.confirm(token, { browser })),
    },
    {
      purpose: 'undo-email-change',
      look: async (token, browser) => fromTo(await changeEmail.lookUndo(token, browser)),
      carryOut: async (token, browser) => moved(await changeEmail.undo(token, { browser })),
    },
  ];
}

function fromTo(looked: { ok: true; from: string; to: string } | Refused) {
  return looked.ok ? { ok: true as const, email: looked.from, newEmail: looked.to } : looked;
}

function moved(done: { ok: true; account: Account } | Refused) {
  return done.ok ? { ok: true as const, moved: done.account } : done;
}

function routesOf(parts: AccountPageParts, { purpose, look, carryOut }: EmailLink): Route[] {
  const path = `/${purpose}`;
  const forms = createForms(parts.csrf);
  const links = createLinkPages(parts, purpose, path);

  async function show(token: string, form: Form, locale: Locale, problem?: FormProblem): Promise<Reply> {
    const looked = await look(token, form.browser.secret);
    if (!looked.ok) return links.problem(locale, looked.problem);
    const { email, newEmail } = looked;
    const html = parts.renderer.page('email-link', locale, {
      purpose,
      action: path,
      csrfToken: form.csrfToken,
      problems: problem ? [problem] : [],
      token,
      email,
      ...(newEmail === undefined ? {} : { newEmail }),
      frame: { path },
    });
    return formReply(html, form.browser.cookie, problem && { status: 400 });
  }

  return [
    links.opening({ show }),
    route({
      method: 'POST',
      path,
      body: form,
      statuses: [303, 400, 403, 410],
      async handle({ body: { csrf, token }, locale, raw }) {
        const { isOurs, ...form } = forms.receive(raw, csrf);
        if (!isOurs) return show(token, form, locale, { code: 'form-expired' });
        const done = await carryOut(token, form.browser.secret);
        if (!done.ok) return links.problem(locale, done.problem);
        if (done.moved) {
          const { id, email } = done.moved;
          await Promise.all([
            parts.activity.record(id, 'email-changed', { what: email, address: raw.ip }, { id: token }),
            parts.people.note(raw, {
              kind: 'email.changed',
              actor: person(done.moved),
              target: accountTarget(done.moved),
              after: { email },
              via: 'account',
            }),
          ]);
        }
        return links.done(raw);
      },
    }),
    links.ending(),
  ];
}
