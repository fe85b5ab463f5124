/** Owns putting pages into responses. */
import type { Context } from 'koa';
import type { SignedInView, TrailView } from './home-page.ts';
import type { Message } from './messages.ts';
import { loadTemplate } from './page-files.ts';

export type Pages = {
  home(ctx: Context, data: HomeData): void;
  message(ctx: Context, message: Message): void;
  /** The part of the home page that its script renews. */
  trail(ctx: Context, trail: TrailView): void;
};

export type HomeData = {
  notice: string | null;
  session: SignedInView | null;
  /** A way to sign in that anyone may know, for a demonstration on one machine. */
  hint: { email: string; password: string } | null;
  trail: TrailView | null;
};

export function loadPages(issuer: string): Pages {
  const home = loadTemplate<HomeData & Frame>('home');
  const message = loadTemplate<Message & Frame>('message');
  const trail = loadTemplate<{ trail: TrailView }>('partials/trail');

  const answer = (ctx: Context, status: number, html: string) => {
    ctx.status = status;
    if (status === 503) ctx.set('Retry-After', '2');
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = html;
  };

  return {
    home: (ctx, data) => answer(ctx, 200, home({ ...data, issuer })),
    message: (ctx, data) => answer(ctx, data.status, message({ ...data, issuer })),
    trail: (ctx, data) => answer(ctx, 200, trail({ trail: data })),
  };
}

type Frame = { issuer: string };
