/** The page of an invitation: whoever was invited makes their account there. What it may be decides src/accounts. */

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

const path = '/invitation';
const acceptForm = z.strictObject({
  csrf: fields.csrf,
  token: fields.token,
  password: fields.password,
  name: fields.text,
  terms: fields.text,
});

export function invitationRoutes(parts: AccountPageParts): Route[] {
  const { renderer, csrf } = parts;
  const { invitations } = parts.flows;
  const forms = createForms(csrf);
  const links = createLinkPages(parts, 'invitation', path);

  return [
    links.opening({
      async show(token, form, locale) {
        const looked = await invitations.look(token, form.browser.secret);
        if (!looked.ok) return links.problem(locale, looked.problem);
        return showForm(locale, form, token, looked, { name: '', terms: '' });
      },
    }),

    route({
      method: 'POST',
      path,
      body: acceptForm,
      statuses: [303, 400, 403, 410, 503],
      async handle({ body, locale, raw }) {
        const { isOurs, ...form } = forms.receive(raw, body.csrf);
        const { token, password } = body;
        const name = body.name.trim();
        const terms = parts.flows.terms.current;
        const looked = await invitations.look(token, form.browser.secret);
        if (!looked.ok) return links.problem(locale, looked.problem);
        const again = (problems: FormProblem[], refused: Partial<Refused> = {}) =>
          showForm(locale, form, token, looked, { name, terms: body.terms }, { ...refused, problems });

        if (!isOurs) return again([{ code: 'form-expired' }]);
        const problems = [
          ...(password === '' ? [{ code: 'password-missing' } as const] : []),
          ...(terms && body.terms !== terms.version ? [{ code: 'terms-not-accepted' } as const] : []),
        ];
        if (problems.length > 0) return again(problems);
        const accepted = await unlessBusy(
          invitations.accept(token, {
            browser: form.browser.secret,
            password,
            profile: name === '' ? {} : { name },
            termsVersion: terms && body.terms,
            locale,
          }),
        );
        if (accepted.ok) {
          const { account, returnTo = '' } = accepted;
          void parts.people.note(raw, {
            kind: 'registration',
            actor: person(account),
            target: accountTarget(account),
            after: { invited: true },
            via: 'account',
          });
          const { id: accountId, epoch } = account;
          return returnTo === ''
            ? links.done(raw)
            : links.registered(raw, form, { accountId, epoch, interaction: returnTo });
        }
        if (isPasswordProblem(accepted)) return again([refusedPassword(accepted).problem]);
        switch (accepted.problem) {
          case 'busy':
            return again([busy.problem], busy);
          case 'profile-invalid':
            return again([{ code: 'name-invalid' }]);
          case 'terms-not-accepted':
            return again([{ code: 'terms-not-accepted' }]);
          default:
            return links.problem(locale, accepted.problem);
        }
      },
    }),

    links.ending(),
  ];

  function showForm(
    locale: Locale,
    { browser, csrfToken }: Form,
    token: string,
    { email, inviter }: { email: string; inviter: string },
    typed: { name: string; terms: string },
    refused?: Partial<Refused> & { problems: FormProblem[] },
  ): Reply {
    const terms = parts.flows.terms.current;
    const html = renderer.page('invitation', locale, {
      action: path,
      csrfToken,
      problems: refused?.problems ?? [],
      token,
      email,
      inviter,
      name: typed.name,
      minimumLength,
      ...(terms ? { terms } : {}),
      termsAccepted: terms !== undefined && typed.terms === terms.version,
      frame: { path },
    });
    return formReply(html, browser.cookie, refused);
  }
}
