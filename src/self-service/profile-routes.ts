import { z } from 'zod';
import type { Profile, ProfileField } from '../accounts/accounts.ts';
import { profileFields } from '../accounts/profile.ts';
import { isWholeNumber } from '../http/body.ts';
import { languageCookie } from '../http/language.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { languages, locales } from '../locale.ts';
import { csrfField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/profile';
const yearSeconds = 365 * 24 * 60 * 60;

const text = z.string().max(2048).trim().default('');
const profileForm = z.strictObject({
  csrf: csrfField,
  version: z.string().refine(isWholeNumber).transform(Number),
  ...(Object.fromEntries(profileFields.map((field) => [field, text])) as Record<ProfileField, typeof text>),
});

const timeZones = Intl.supportedValuesOf('timeZone');
const languageNames = Object.fromEntries(locales.map((locale) => [locale, languages[locale].name]));

type Entered = Record<ProfileField, string>;

export function profileRoutes(parts: PageParts): Route[] {
  const { visits, accounts, news } = parts;

  function show(
    visit: Visit,
    how: { entered?: Entered; faulty?: string[]; stored?: Record<string, string> },
    says: Says = {},
  ): Reply {
    const { account } = visit;
    const values = how.entered ?? valuesOf(account);
    // What the lists do not have is kept all the same.
    const listed = (list: string[], value: string) =>
      value && !list.includes(value) ? [value, ...list] : list;
    return visits.show(
      visit,
      'account-profile',
      'profile',
      {
        version: account.version,
        values,
        faulty: how.faulty ?? [],
        stored: how.stored ?? {},
        timeZones: listed(timeZones, values.zoneinfo),
        languages: { ...(values.locale ? { [values.locale]: values.locale } : {}), ...languageNames },
      },
      says,
    );
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) => visits.open(raw, { page }, async (visit) => show(visit, {}, query)),
    }),

    route({
      method: 'POST',
      path: page,
      body: profileForm,
      statuses: [303, 400, 409],
      handle: ({ raw, body }) =>
        visits.open(raw, { page }, async (visit) => {
          const { csrf, version, ...entered } = body;
          const { account } = visit;
          if (!visits.isOwnForm(visit, csrf)) {
            return show(visit, { entered }, { problem: 'form-expired', status: 400 });
          }
          const outcome = await accounts.updateProfile(account.id, version, entered as Profile);
          if (outcome.ok) {
            await news.note(visit, 'profile-changed', { id: String(outcome.account.version) });
            return {
              redirect: `${page}?done=profile-saved`,
              cookies: [languageChoice(visit, entered.locale)],
            };
          }
          if (outcome.problem === 'profile-invalid') {
            const { fields } = outcome;
            return show(visit, { entered, faulty: fields }, { problem: 'profile-invalid', status: 400 });
          }
          const present = (await accounts.find(account.id)) ?? account;
          // Sent twice: it is as it was meant to be.
          const stored = differences(valuesOf(present), entered);
          if (Object.keys(stored).length === 0) return { redirect: `${page}?done=profile-saved` };
          return show(
            { ...visit, account: present },
            { entered, stored },
            { problem: 'profile-changed', status: 409 },
          );
        }),
    }),
  ];
}

/** The language that the pages have from now on: the browser's own choice would go before the account's. */
function languageChoice({ ctx }: Visit, chosen: string) {
  const name = languageCookie(ctx);
  const isOurs = locales.some((locale) => locale === chosen);
  return isOurs ? { name, value: chosen, maxAgeSeconds: yearSeconds } : { name, value: null };
}

function valuesOf(profile: Profile): Entered {
  return Object.fromEntries(profileFields.map((field) => [field, profile[field] ?? ''])) as Entered;
}

function differences(stored: Entered, entered: Entered): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stored).filter(([field, value]) => value !== entered[field as ProfileField]),
  );
}
