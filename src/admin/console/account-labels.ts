import type { Account } from '../../accounts/accounts.ts';
import type { GrantSummary } from '../../oidc/all-sessions.ts';
import { adminClientId, ownClientId } from '../../oidc/own-pages.ts';
import type { Crumb } from './console-views.ts';
import type { Visit } from './console-visit.ts';

export const accountsPath = '/admin/accounts';

export function accountPath(id: string): string {
  return `${accountsPath}/${encodeURIComponent(id)}`;
}

/** As people know somebody: by name, else by address. */
export function labelOf({ name, email }: Pick<Account, 'name' | 'email'>): string {
  return name || email;
}

export function listCrumb({ t }: Visit): Crumb {
  return { label: t('admin.section.accounts'), href: accountsPath };
}

/** The way back from a page about an account. */
export function accountCrumbs(visit: Visit, account: Pick<Account, 'id' | 'name' | 'email'>): Crumb[] {
  return [listCrumb(visit), { label: labelOf(account), href: accountPath(account.id) }];
}

/** A line about how many of a thing end; none where there are none. @param key of a text with plurals */
export function counted({ t }: Visit, key: string, count: number): string[] {
  return count > 0 ? [t(key, { count })] : [];
}

/** Not one of Holdfast's own pages, whose grants nobody can take anything with. */
export function isForApplication({ client }: Pick<GrantSummary, 'client'>): boolean {
  return client.clientId !== ownClientId && client.clientId !== adminClientId;
}
