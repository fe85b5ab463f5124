import { z } from 'zod';
import { locales } from '../locale.ts';
import { languageCookie } from './language.ts';
import { type Route, route } from './route.ts';

const year = 365 * 24 * 60 * 60;

/** An absolute path of ours: no host, nothing that a browser reads as one, and fit for a Location header. */
const ownPath = z
  .string()
  .max(2000)
  .regex(/^\/(?![/\\])[!-[\]-~]*$/);

/** The switcher on each page: keeps the choice in a cookie and comes back. */
export function languageRoute(): Route {
  return route({
    method: 'GET',
    path: '/language',
    query: z.strictObject({ to: z.enum(locales), back: ownPath }),
    statuses: [303],
    async handle({ query: { to, back }, raw }) {
      return { redirect: back, cookies: [{ name: languageCookie(raw), value: to, maxAgeSeconds: year }] };
    },
  });
}
