/**
 * The pages for a password that was forgotten: asking for the link, and choosing a new password. They own the
 * routes; who gets a mail, and what a reset changes, decides accounts/reset-password.ts.
 */
import { z } from 'zod';
import { nameBrowser } from '../accounts/browser-label.ts';
import { usualMinimumLength as minimumLength } from '../accounts/new-password.ts';
import { unlessBusy } from '../errors.ts';
import { accountTarget, person } from '../events/events.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { FormProblem } from '../http/views.ts';
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
import { createLinkPages } from './link-pages.ts';
import { signInPath } from './way-back.ts';

const askForm = z.strictObject({ csrf: fields.csrf, email: fields.text, interaction: fields.interaction });
const resetForm = z.strictObject({
  csrf: fields.csrf,
  token: fields.token,
  password: fields.password,
  everywhere: z.literal('yes').optional(),
});

export function passwordResetRoutes(parts: AccountPageParts): Route[] {
  const { renderer, csrf, mail } = parts;
  const { resetPassword } = parts.flows;
  const forms = createForms(csrf);
  const links = createLinkPages(parts, 'reset-password', '/reset-password');

  return [
    route({
      method: 'GET',
      path: '/forgot-password',
      query: z.object({ interaction: fields.interaction }),
      statuses: [200],
      async handle({ query: { interaction }, locale, raw }) {
        if (!mail.isOn) return { ...notOffered(locale, interaction), status: 200 };
        return showAsk(locale, forms.show(raw), { email: '', interaction });
      },
    }),

    route({
      method: 'POST',
      path: '/forgot-password',
      body: askForm,
      statuses: [303, 400, 403, 429],
      async handle({ body, locale, clientAddress, raw }) {
        const { isOurs, ...form } = forms.receive(raw, body.csrf);
        const { interaction } = body;
        if (!mail.isOn) return notOffered(locale, interaction);
        const email = body.email.trim();
        const again = (refused: Partial<Refused> & { problem: FormProblem }) =>
          showAsk(locale, form, { email, interaction }, refused);
        if (!isOurs) return again({ problem: { code: 'form-expired' } });
        if (email === '') return again({ problem: { code: 'email-missing' } });

        const returnTo = interaction || undefined;
        const asked = await resetPassword.request(email, { address: clientAddress, returnTo });
        if (asked.ok) {
          const kept = { what: 'reset-password', email, name: '', interaction } as const;
          return { redirect: '/forgot-password/sent', cookies: [keepAsked(raw, kept)] };
        }
        if (asked.problem === 'too-many-attempts') return again(tooManyAttempts(asked.retryAfterSeconds));
        return again({ problem: { code: asked.problem } });
      },
    }),

    route({
      method: 'GET',
      path: '/forgot-password/sent',
      statuses: [200, 303],
      async handle({ locale, raw }) {
        const asked = keptAsked(raw, 'reset-password');
        if (!asked) return { redirect: '/forgot-password' };
        const { email, interaction } = asked;
        const { browser, csrfToken } = forms.show(raw);
        const html = renderer.page('mail-sent', locale, {
          what: 'reset-password',
          email,
          again: { action: '/forgot-password', csrfToken, interaction },
          otherAddressPath: askPath(interaction),
          signInPath: signInPath(interaction),
          ...(parts.showsMails ? { mailsPath: '/local/mails' } : {}),
          frame: { path: '/forgot-password/sent' },
        });
        return { html, cookies: [browser.cookie] };
      },
    }),

    links.opening({
      async show(token, form, locale) {
        const looked = await resetPassword.look(token, form.browser.secret);
        if (!looked.ok) return links.problem(locale, looked.problem);
        return showReset(locale, form, token, { email: looked.email, everywhere: true });
      },
    }),

    route({
      method: 'POST',
      path: '/reset-password',
      body: resetForm,
      statuses: [303, 400, 403, 410, 503],
      async handle({ body, locale, raw }) {
        const { isOurs, ...form } = forms.receive(raw, body.csrf);
        const { token, password } = body;
        const everywhere = body.everywhere === 'yes';
        const looked = await resetPassword.look(token, form.browser.secret);
        if (!looked.ok) return links.problem(locale, looked.problem);
        const again = (refused: Partial<Refused> & { problem: FormProblem }) =>
          showReset(locale, form, token, { email: looked.email, everywhere }, refused);
        if (!isOurs) return again({ problem: { code: 'form-expired' } });
        if (password === '') return again({ problem: { code: 'password-missing' } });

        const where = nameBrowser(raw.get('user-agent'));
        const completed = await unlessBusy(
          resetPassword.complete(token, {
            browser: form.browser.secret,
            password,
            endsSessions: everywhere,
            ...(where === '' ? {} : { where }),
          }),
        );
        if (completed.ok) {
          const { account } = completed;
          // Not awaited: what was done is done.
          void parts.people.note(raw, {
            kind: 'password.reset',
            actor: person(account),
            target: accountTarget(account),
            after: { endsSessions: everywhere },
            via: 'account',
          });
          return links.done(raw, { interaction: completed.returnTo ?? '' });
        }
        if (isPasswordProblem(completed)) return again(refusedPassword(completed));
        if (completed.problem === 'busy') return again(busy);
        return links.problem(locale, completed.problem);
      },
    }),

    links.ending(),
  ];

  function notOffered(locale: Locale, interaction: string): Reply & { html: string } {
    const html = renderer.page('not-offered', locale, {
      what: 'forgot-password',
      signInPath: signInPath(interaction),
      frame: { path: askPath(interaction) },
    });
    return { status: 403, html };
  }

  function showAsk(
    locale: Locale,
    { browser, csrfToken }: Form,
    typed: { email: string; interaction: string },
    refused?: Partial<Refused> & { problem: FormProblem },
  ): Reply {
    const html = renderer.page('forgot-password', locale, {
      action: '/forgot-password',
      csrfToken,
      problems: refused ? [refused.problem] : [],
      ...typed,
      signInPath: signInPath(typed.interaction),
      frame: { path: askPath(typed.interaction) },
    });
    return formReply(html, browser.cookie, refused);
  }

  function showReset(
    locale: Locale,
    { browser, csrfToken }: Form,
    token: string,
    shown: { email: string; everywhere: boolean },
    refused?: Partial<Refused> & { problem: FormProblem },
  ): Reply {
    const html = renderer.page('reset-password', locale, {
      action: '/reset-password',
      csrfToken,
      problems: refused ? [refused.problem] : [],
      token,
      ...shown,
      minimumLength,
      frame: { path: '/reset-password' },
    });
    return formReply(html, browser.cookie, refused);
  }
}

function askPath(interaction: string): string {
  return interaction === '' ? '/forgot-password' : `/forgot-password?interaction=${interaction}`;
}
