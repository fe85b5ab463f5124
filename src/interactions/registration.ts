/**
 * The pages on which a person makes an account for themselves: the form, the mail, the confirmation. They own the
 * routes and what is kept in the browser between them; what an account may be, and when it comes to be, decides
 * accounts/register.ts.
 */
import type { Context } from 'koa';
import { z } from 'zod';
import type { FormProblem, Views } from '../http/render.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { Locale } from '../locale.ts';
import { keepAsked, keepRegistered, keptAsked } from './account-cookies.ts';
import {
  type AccountPageParts,
  busy,
  createForms,
  type Form,
  fields,
  formReply,
  isPasswordProblem,
  minimumLength,
  type Refused,
  refusedPassword,
  tooManyAttempts,
  unlessBusy,
} from './account-forms.ts';
import { createLinkPages } from './link-pages.ts';
import { signInPath } from './way-back.ts';

const registrationForm = z.strictObject({
  csrf: fields.csrf,
  email: fields.text,
  password: fields.password,
  name: fields.text,
  terms: fields.text,
  interaction: fields.interaction,
});
const confirmationForm = z.strictObject({
  csrf: fields.csrf,
  token: fields.token,
  /** Left out in the browser that registered. */
  password: z.string().max(8192).optional(),
  terms: fields.text,
});

type RefusedForm = Partial<Refused> & { problems: FormProblem[] };
type Typed = Pick<z.output<typeof registrationForm>, 'email' | 'name' | 'terms' | 'interaction'>;

export function registrationRoutes(parts: AccountPageParts): Route[] {
  const { flows, renderer, csrf, mail } = parts;
  const { register } = flows;
  const terms = flows.terms.current;
  const forms = createForms(csrf);
  const links = createLinkPages(parts, 'register', '/register/confirm');

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
        if (confirmed.ok) return done(raw, form, confirmed, { isElsewhere: looked.pending.isOtherBrowser });
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

  function done(
    raw: Context,
    { browser }: Form,
    { account, returnTo = '' }: { account: { id: string; epoch: number }; returnTo: string | undefined },
    { isElsewhere }: { isElsewhere: boolean },
  ): Reply {
    if (isElsewhere) return links.done(raw, { isElsewhere: returnTo !== '' });
    const registered = { accountId: account.id, epoch: account.epoch, interaction: returnTo };
    return links.done(raw, { cookies: [keepRegistered(raw, csrf, browser.secret, registered)] });
  }

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

  function showConfirmation(
    locale: Locale,
    { browser, csrfToken }: Form,
    token: string,
    pending: { email: string; isOtherBrowser: boolean },
    refused?: RefusedForm & { termsAccepted: boolean },
  ): Reply {
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
