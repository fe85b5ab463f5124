import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Renderer } from '../http/render.ts';
import { type Route, route } from '../http/route.ts';

/** What somebody sees who opens the provider's address by hand. */
export function homeRoutes(options: {
  config: Config;
  renderer: Renderer;
  demo?: { relyingPartyUrl: string };
  /** Where local mode shows its mails. */
  mailsPath?: string;
}): Route[] {
  const { config, renderer, demo, mailsPath } = options;
  return [
    route({
      method: 'GET',
      path: '/',
      // Links to it carry marks of whoever follows its visitors; they mean nothing here.
      query: z.looseObject({}),
      statuses: [200],
      async handle({ locale }) {
        const html = renderer.page('home', locale, {
          issuer: config.issuer,
          discoveryUrl: `${config.issuer}/.well-known/openid-configuration`,
          ...(demo ? { demo } : {}),
          ...(mailsPath ? { mailsPath } : {}),
          frame: { path: '/' },
        });
        return { status: 200, html };
      },
    }),
  ];
}
