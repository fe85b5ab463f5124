/**
 * Local mode without an SMTP server: the mails that would have been sent, on a page of this computer. It does not
 * own what is kept of them (src/mail), and there is none of it anywhere else.
 */
import { isIP } from 'node:net';
import type { Context } from 'koa';
import { z } from 'zod';
import { Refusal } from '../errors.ts';
import type { Renderer } from '../http/render.ts';
import { type Route, route } from '../http/route.ts';
import { formatDateTime } from '../locale.ts';
import type { Mails } from '../mail/mail.ts';

export const mailsPath = '/local/mails';

/** What a mail may do that is shown as it is: look like itself, and open its links in another tab. */
const mailPolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
  'sandbox allow-popups allow-popups-to-escape-sandbox',
].join('; ');

export function localMailRoutes({ mail, renderer }: { mail: Mails; renderer: Renderer }): Route[] {
  return [
    route({
      method: 'GET',
      path: mailsPath,
      statuses: [200, 404],
      async handle({ locale, raw }) {
        onlyFromHere(raw);
        const mails = await mail.localMails();
        const html = renderer.page('local-mails', locale, {
          mails: mails.map(({ id, subject, to, at, text }) => ({
            id,
            subject,
            to,
            at: formatDateTime(locale, at),
            text: pieces(text),
            htmlPath: `${mailsPath}/${inPath(id)}`,
          })),
          frame: { path: mailsPath },
        });
        raw.set(
          'content-security-policy',
          `${raw.response.get('content-security-policy')}; frame-src 'self'`,
        );
        return { html };
      },
    }),

    route({
      method: 'GET',
      path: `${mailsPath}/:id`,
      params: z.strictObject({ id: z.string().max(256) }),
      statuses: [200, 404],
      async handle({ params: { id }, raw }) {
        onlyFromHere(raw);
        const found = (await mail.localMails()).find((one) => inPath(one.id) === id);
        if (!found) throw new Refusal(404, 'not-found', { code: 'not_found' });
        raw.set({ 'content-security-policy': mailPolicy, 'x-frame-options': 'SAMEORIGIN' });
        return { html: found.html.replace(/<a /g, '<a target="_blank" rel="noopener" ') };
      },
    }),
  ];
}

/** Paths are in small letters. */
function inPath(id: string): string {
  return Buffer.from(id).toString('hex');
}

/** For everybody else the page is not there. */
function onlyFromHere(ctx: Context): void {
  const isLoopback = isIP(ctx.ip) === 4 ? ctx.ip.startsWith('127.') : ctx.ip === '::1';
  if (!isLoopback) throw new Refusal(404, 'not-found', { code: 'not_found' });
}

/** The text of a mail, with its addresses apart. */
function pieces(text: string): { piece: string; link: boolean }[] {
  return text
    .split(/(https?:\/\/\S+)/)
    .filter((piece) => piece !== '')
    .map((piece) => ({ piece, link: /^https?:\/\/\S+$/.test(piece) }));
}
