import type { Context } from 'koa';
import type { LinkPurpose } from '../accounts/one-time-link.ts';
import type { Csrf } from '../http/csrf.ts';

/**
 * What the pages around accounts keep in the browser from one request to the next, so that no pod has to: the link
 * that was opened, what was asked for, and that an account was just made here. None of it is good in another
 * browser.
 */
export type NewCookie = { name: string; value: string | null; maxAgeSeconds?: number };

const hour = 60 * 60;

/**
 * The token of the link that was opened. It is taken out of the address at once, so that neither the language
 * switcher, nor the history, nor a log of addresses that a page came from gets to see it.
 */
export function keepLink(ctx: Context, purpose: LinkPurpose, token: string): NewCookie {
  return { name: nameOf(ctx, 'link'), value: `${purpose}.${token}`, maxAgeSeconds: hour };
}

export function keptLink(ctx: Context, purpose: LinkPurpose): string | undefined {
  const value = read(ctx, 'link');
  return value?.startsWith(`${purpose}.`) ? value.slice(purpose.length + 1) : undefined;
}

export function dropLink(ctx: Context): NewCookie {
  return { name: nameOf(ctx, 'link'), value: null };
}

/** What a person asked for a mail with, for the page that says where to look for it. Shown to that browser alone. */
export type Asked = { what: 'register' | 'reset-password'; email: string; name: string; interaction: string };

export function keepAsked(ctx: Context, asked: Asked): NewCookie {
  const { what, email, name, interaction } = asked;
  const value = Buffer.from(JSON.stringify([what, email, name, interaction])).toString('base64url');
  return { name: nameOf(ctx, 'asked'), value, maxAgeSeconds: hour };
}

export function keptAsked(ctx: Context, what: Asked['what']): Asked | undefined {
  try {
    const kept: unknown = JSON.parse(Buffer.from(read(ctx, 'asked') ?? '', 'base64url').toString());
    if (!Array.isArray(kept) || kept[0] !== what || !kept.every((one) => typeof one === 'string')) {
      return undefined;
    }
    const [, email = '', name = '', interaction = ''] = kept as string[];
    return { what, email, name, interaction };
  } catch {
    return undefined;
  }
}

/** That this browser has just made an account, with a password that was chosen in it. */
export type Registered = { accountId: string; epoch: number; interaction: string };

const bindingOf = (browser: string, { accountId, epoch, interaction }: Registered) =>
  JSON.stringify(['registered', browser, accountId, epoch, interaction]);

export function keepRegistered(ctx: Context, csrf: Csrf, browser: string, registered: Registered): NewCookie {
  const { accountId, epoch, interaction } = registered;
  const mac = csrf.issue(bindingOf(browser, registered));
  const value = [accountId, epoch, interaction, mac].join('~');
  return { name: nameOf(ctx, 'registered'), value, maxAgeSeconds: hour };
}

export function keptRegistered(ctx: Context, csrf: Csrf, browser: string): Registered | undefined {
  const [accountId = '', epoch = '', interaction = '', mac = ''] = read(ctx, 'registered')?.split('~') ?? [];
  const registered = { accountId, epoch: Number(epoch), interaction };
  return csrf.check(mac, bindingOf(browser, registered)) ? registered : undefined;
}

export function dropRegistered(ctx: Context): NewCookie {
  return { name: nameOf(ctx, 'registered'), value: null };
}

function read(ctx: Context, what: string): string | undefined {
  return ctx.cookies.get(nameOf(ctx, what), { signed: false });
}

function nameOf(ctx: Context, what: string): string {
  return `${ctx.secure ? '__Host-' : ''}holdfast_${what}`;
}
