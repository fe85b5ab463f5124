import type { Permission } from '../../access/access.ts';
import type { Account } from '../../accounts/accounts.ts';
import type { Reply } from '../../http/route.ts';
import type { Outcome } from '../outcome.ts';
import { accountCrumbs, accountPath, accountsPath, labelOf, listCrumb } from './account-labels.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, idField, textField } from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Question, type Visit } from './console-visit.ts';

/** An act on an account, or on something of it, that is asked for first. */
export type AccountAct = {
  /** Below the account's own address; with `:part` for what of it. */
  path: string;
  permission: Permission;
  /** See console-route.ts. */
  isSensitive?: boolean | undefined;
  /**
   * What is asked; without lead and title they are `admin.ask.<name>.title` and `.lead`. undefined when there is
   * nothing left to ask about.
   */
  name: string;
  isDangerous?: boolean;
  question?(visit: Visit, account: Account, part: string): Promise<Partial<Question> | undefined>;
  act(visit: Visit, account: Account, part: string): Promise<Outcome<unknown>>;
  /** The e-mail address is typed, to show that it is meant. */
  isTyped?: boolean;
  /** Where it leads; its account when left out. */
  next?: string;
};

/** The two routes of each act: GET asks, POST does it. */
export function questionRoutes({ admin, visits }: ConsoleParts, acts: AccountAct[]): ConsoleRoute[] {
  return acts.flatMap((one) => {
    const { name, permission, isSensitive, isDangerous = true, isTyped = false } = one;
    const path = `${accountsPath}/:id/${one.path}`;
    const hasPart = path.includes(':part');
    const params = { id: idField, ...(hasPart ? { part: idField } : {}) };
    const actionOf = (id: string, part: string) =>
      `${accountPath(id)}/${one.path.replace(':part', encodeURIComponent(part))}`;

    async function ask(
      visit: Visit,
      id: string,
      part: string,
      typed: string,
      says: Says & { status?: number } = {},
    ): Promise<Reply> {
      const { t } = visit;
      const found = await admin.accounts.find(id);
      if (!found.ok) return visits.notFound(visit, 'accounts', listCrumb(visit));
      const account = found.value;
      const more = one.question ? await one.question(visit, account, part) : {};
      if (!more) {
        return visits.notFound(visit, 'accounts', { label: labelOf(account), href: accountPath(id) });
      }
      const who = { who: labelOf(account), email: account.email };
      return visits.confirm(
        visit,
        'accounts',
        {
          title: t(`admin.ask.${name}.title`, who),
          lead: t(`admin.ask.${name}.lead`, who),
          submit: t(`admin.ask.${name}.submit`),
          action: actionOf(id, part),
          back: accountPath(id),
          crumbs: accountCrumbs(visit, account),
          isDangerous,
          ...(isTyped ? { typed: { label: t('admin.ask.typed', who), value: typed } } : {}),
          ...more,
        },
        says,
      );
    }

    return [
      consoleRoute({
        method: 'GET',
        path,
        permission,
        isSensitive,
        params,
        handle: ({ visit, params }) => ask(visit, params.id, partOf(params), ''),
      }),
      consoleRoute({
        method: 'POST',
        path,
        permission,
        isSensitive,
        params,
        body: isTyped ? { typed: textField(320) } : {},
        back: (params) => actionOf(params.id, partOf(params)),
        async handle({ visit, params, body }) {
          const { id } = params;
          const part = partOf(params);
          const { typed = '' } = body as { typed?: string };
          const found = await admin.accounts.find(id);
          if (!found.ok) return visits.notFound(visit, 'accounts', listCrumb(visit));
          if (isTyped && fold(typed) !== fold(found.value.email)) {
            return ask(visit, id, part, typed, { problem: visit.t('admin.ask.typed.differs'), status: 422 });
          }
          const outcome = await one.act(visit, found.value, part);
          if (!outcome.ok) return ask(visit, id, part, typed, visits.refusal(outcome));
          return doneAt(one.next ?? accountPath(id), name);
        },
      }),
    ];
  });
}

/** Of an address that has one. */
function partOf(params: object): string {
  return 'part' in params ? String(params.part) : '';
}

/** It is to show that the act is meant; capital letters do not matter. */
function fold(email: string): string {
  return email.normalize('NFKC').toLowerCase();
}
