import { z } from 'zod';
import { localeOf } from '../http/language.ts';
import { type Route, route } from '../http/route.ts';
import { signedInPath } from '../oidc/own-pages.ts';
import type { PageParts } from './self-service.ts';

/** Besides `state` there is a code, which nobody exchanges (see oidc/own-pages.ts), or an error. */
const answer = z.object({ state: z.string().max(4096).optional(), error: z.string().optional() });

/** Where a sign-in for these pages comes back to. */
export function signInRoutes(parts: PageParts): Route[] {
  const { returnPath, signedIn, renderer } = parts;
  return [
    route({
      method: 'GET',
      path: signedInPath,
      query: answer,
      statuses: [200, 303],
      async handle({ query, raw }) {
        if (query.error === undefined) return { redirect: returnPath.open(query.state) };
        // The person said no. What needed a fresh sign-in would only ask again.
        if (await signedIn.current(raw)) return { redirect: '/account' };
        return {
          html: renderer.page('account-closed', localeOf(raw), {
            frame: { path: '/account' },
            kind: 'not-signed-in',
          }),
        };
      },
    }),
  ];
}
