import { z } from 'zod';
import { localeOf } from '../../http/language.ts';
import { type Route, route } from '../../http/route.ts';
import { adminSignedInPath } from '../../oidc/own-pages.ts';
import type { ConsoleParts } from './console.ts';

/** Besides `state` there is a code, which nobody exchanges (see oidc/own-pages.ts), or an error. */
const answer = z.object({ state: z.string().max(8192).optional(), error: z.string().optional() });

/** Where a sign-in for the console comes back to. Whether it is good enough decides the page that it leads to. */
export function signInRoutes({
  returnPath,
  renderer,
  issuer,
}: Pick<ConsoleParts, 'returnPath' | 'renderer' | 'issuer'>): Route[] {
  return [
    route({
      method: 'GET',
      path: adminSignedInPath,
      query: answer,
      statuses: [200, 303],
      async handle({ query, raw }) {
        if (query.error === undefined) return { redirect: returnPath.open(query.state) };
        // The person said no. The page would only ask again, so it is left to them.
        return {
          html: renderer.page('admin-closed', localeOf(raw), {
            frame: { path: '/admin' },
            kind: 'not-signed-in',
            issuer,
          }),
        };
      },
    }),
  ];
}
