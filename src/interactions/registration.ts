/**
 * The pages on which a person asks for an account of their own: the form, and where to look for the mail. They own
 * the routes and what is kept in the browser between them; not what the mail leads to
 * (registration-confirmation.ts), nor what an account may be and when it comes to be (accounts/register.ts).
 */

import { z } from 'zod';
import { usualMinimumLength as minimumLength } from '../accounts/new-password.ts';
import { unlessBusy } from '../errors.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { FormProblem, Views } from '../http/views.ts';
import type { Locale } from '../locale.ts';
import { keepAsked, keptAsked } from './account-cookies.ts';
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
  tooManyAttempts,
} from './account-forms.ts';
import { signInPath } from './way-back.ts';

const registrationForm = z.strictObject({
  csrf: fields.csrf,
  email: fields.text,
  password: fields.password,
  name: fields.text,
  terms: fields.text,
  interaction: fields.interaction,
});

type RefusedForm = Partial<Refused> & { problems: FormProblem[] };
type Typed = Pick<z.output<typeof registrationForm>, 'email' | 'name' | 'terms' | 'interaction'>;

export function registrationRoutes(parts: AccountPageParts): Route[] {
  const { flows, renderer, csrf, mail } = parts;
  const { register } = flows;
  const forms = createForms(csrf);

  return [
    route({
      method: 'GET',
      path: '/register',
      query: z.object({ interaction: fields.interaction, again: z.literal('yes').optional() }),
      statuses: [200],
      async handle({ query: { interaction, again }, locale, raw }) {
        const refused = notOffered(locale, interaction);
        if (refused) return { ...refused, status: 200 };
        const kept = again ? keptAsked(raw, 'register') : undefined;
        const typed = { email: kept?.email ?? '', name: kept?.name ?? '', terms: '' };
        return showForm(locale, forms.show(raw), { ...typed, interaction }, { isAgain: kept !== undefined });
      },
    }),

    route({
      method: 'POST',
      path: '/register',
      body: registrationForm,
      statuses: [303, 400, 403, 429, 503],
      async handle({ body, locale, clientAddress, raw }) {
        const { isOurs, ...form } = forms.receive(raw, body.csrf);
        const terms = flows.terms.current;
        const closed = notOffered(locale, body.interaction);
        if (closed) return closed;
        const email = body.email.trim();
        const name = body.name.trim();
        const again = (problems: FormProblem[], refused: Partial<Refused> = {}) =>
          showForm(locale, form, { ...body, email, name }, { refused: { ...refused, problems } });

        if (!isOurs) return again([{ code: 'form-expired' }]);
        const problems = [
          ...(email === '' ? [{ code: 'email-missing' } as const] : []),
          ...(body.password === '' ? [{ code: 'password-missing' } as const] : []),
          ...(terms && body.terms !== terms.version ? [{ code: 'terms-not-accepted' } as const] : []),
        ];
        if (problems.length > 0) return again(problems);
        const started = await unlessBusy(
          register.start({
            email,
            password: body.password,
            profile: name === '' ? {} : { name },
            termsVersion: terms && body.terms,
            locale,
            browser: form.browser.secret,
            address: clientAddress,
            returnTo: body.interaction || undefined,
          }),
        );
        if (started.ok) {
          const asked = { what: 'register', email, name, interaction: body.interaction } as const;
          return { redirect: '/register/sent', cookies: [keepAsked(raw, asked)] };
        }
        if (isPasswordProblem(started)) return again([refusedPassword(started).problem]);
        switch (started.problem) {
          case 'closed':
            return showNotOffered('register', locale, body.interaction);
          case 'invitation-needed':
            return showNotOffered('register-by-invitation', locale, body.interaction);
          case 'profile-invalid':
            return again([{ code: 'name-invalid' }]);
          case 'too-many-attempts': {
            const refused = tooManyAttempts(started.retryAfterSeconds);
            return again([refused.problem], refused);
          }
          case 'busy':
            return again([busy.problem], busy);
          default:
            return again([{ code: started.problem }]);
        }
      },
    }),

    route({
      method: 'GET',
      path: '/register/sent',
      statuses: [200, 303],
      async handle({ locale, raw }) {
        const asked = keptAsked(raw, 'register');
        if (!asked) return { redirect: '/register' };
        const query = asked.interaction && `interaction=${asked.interaction}`;
        const html = renderer.page('mail-sent', locale, {
          what: 'register',
          email: asked.email,
          againPath: `/register?${['again=yes', query].filter(Boolean).join('&')}`,
          otherAddressPath: query ? `/register?${query}` : '/register',
          signInPath: signInPath(asked.interaction),
          ...(parts.showsMails ? { mailsPath: '/local/mails' } : {}),
          frame: { path: '/register/sent' },
        });
        return { html };
      },
    }),
  ];

  function notOffered(locale: Locale, interaction: string): (Reply & { html: string }) | undefined {
    if (register.isOpen && mail.isOn) return undefined;
    const what =
      parts.config.registration === 'invitation' && mail.isOn ? 'register-by-invitation' : 'register';
    return showNotOffered(what, locale, interaction);
  }

  function showNotOffered(what: Views['not-offered']['what'], locale: Locale, interaction: string) {
    const html = renderer.page('not-offered', locale, {
      what,
      signInPath: signInPath(interaction),
      frame: { path: '/register' },
    });
    return { status: 403, html };
  }

  function showForm(
    locale: Locale,
    { browser, csrfToken }: Form,
    { email, name, interaction, ...typed }: Typed,
    { isAgain = false, refused }: { isAgain?: boolean; refused?: RefusedForm } = {},
  ): Reply {
    const terms = flows.terms.current;
    const html = renderer.page('register', locale, {
      action: '/register',
      csrfToken,
      problems: refused?.problems ?? [],
      email,
      name,
      interaction,
      minimumLength,
      ...(terms ? { terms } : {}),
      termsAccepted: terms !== undefined && typed.terms === terms.version,
      isAgain,
      signInPath: signInPath(interaction),
      frame: { path: interaction ? `/register?interaction=${interaction}` : '/register' },
    });
    return formReply(html, browser.cookie, refused);
  }
}
