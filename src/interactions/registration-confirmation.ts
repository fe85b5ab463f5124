/** The page that the mail of a registration leads to, in the browser that registered or in another. */

import { z } from 'zod';
import { usualMinimumLength as minimumLength } from '../accounts/new-password.ts';
import { unlessBusy } from '../errors.ts';
import { accountTarget, person } from '../events/events.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { FormProblem } from '../http/views.ts';
import type { Locale } from '../locale.ts';
import {
  type AccountPageParts,
  busy,
  createForms,
  type Form,
  fields,
  formReply,
  isPasswordProblem,
  type Refused,
  refusedPassword,
} from './account-forms.ts';
import { createLinkPages } from './link-pages.ts';

type RefusedForm = Partial<Refused> & { problems: FormProblem[] };

const confirmationForm = z.strictObject({
  csrf: fields.csrf,
  token: fields.token,
  /** Left out in the browser that registered. */
  password: z.string().max(8192).optional(),
  terms: fields.text,
});

export function registrationConfirmationRoutes(parts: AccountPageParts): Route[] {
  const { flows, renderer, csrf } = parts;
  const { register } = flows;
  const forms = createForms(csrf);
  const links = createLinkPages(parts, 'register', '/register/confirm');

  return [
    links.opening({
      async show(token, form, locale) {
        const looked = await register.look(token, form.browser.secret);
        if (!looked.ok) return links.problem(locale, looked.problem);
        return showConfirmation(locale, form, token, looked.pending);
      },
    }),

    route({
      method: 'POST',
      path: '/register/confirm',
      body: confirmationForm,
      statuses: [303, 400, 403, 410, 503],
      async handle({ body, locale, raw }) {
        const { isOurs, ...form } = forms.receive(raw, body.csrf);
        const { token, password } = body;
        const looked = await register.look(token, form.browser.secret);
        if (!looked.ok) return links.problem(locale, looked.problem);
        const terms = flows.terms.current;
        const termsAccepted = terms !== undefined && body.terms === terms.version;
        const again = (problem: FormProblem, refused: Partial<Refused> = {}) =>
          showConfirmation(locale, form, token, looked.pending, {
            ...refused,
            problems: [problem],
            termsAccepted,
          });
        if (!isOurs) return again({ code: 'form-expired' });
        if (password === '') return again({ code: 'password-missing' });

        const confirmed = await unlessBusy(
          register.confirm(token, {
            browser: form.browser.secret,
            password,
            termsVersion: terms && body.terms,
          }),
        );
        if (confirmed.ok) {
          const { account, returnTo = '' } = confirmed;
          void parts.people.note(raw, {
            kind: 'registration',
            actor: person(account),
            target: accountTarget(account),
            via: 'account',
          });
          if (looked.pending.isOtherBrowser) return links.done(raw, { isElsewhere: returnTo !== '' });
          const { id: accountId, epoch } = account;
          return links.registered(raw, form, { accountId, epoch, interaction: returnTo });
        }
        if (isPasswordProblem(confirmed)) return again(refusedPassword(confirmed).problem);
        switch (confirmed.problem) {
          case 'busy':
            return again(busy.problem, busy);
          case 'password-needed':
            return again({ code: 'password-missing' });
          case 'terms-not-accepted':
            return again({ code: 'terms-not-accepted' });
          default:
            return links.problem(locale, confirmed.problem);
        }
      },
    }),

    links.ending(),
  ];

  function showConfirmation(
    locale: Locale,
    { browser, csrfToken }: Form,
    token: string,
    pending: { email: string; isOtherBrowser: boolean },
    refused?: RefusedForm & { termsAccepted: boolean },
  ): Reply {
    const terms = flows.terms.current;
    const html = renderer.page('register-confirm', locale, {
      action: '/register/confirm',
      csrfToken,
      problems: refused?.problems ?? [],
      token,
      email: pending.email,
      asksPassword: pending.isOtherBrowser,
      minimumLength,
      ...(terms ? { terms } : {}),
      termsAccepted: refused?.termsAccepted ?? false,
      frame: { path: '/register/confirm' },
    });
    return formReply(html, browser.cookie, refused);
  }
}
