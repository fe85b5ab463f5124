import { localeOf } from '../accounts/account-mail.ts';
import type { Activity, ActivityKind } from '../accounts/activity.ts';
import { nameBrowser } from '../accounts/browser-label.ts';
import type { Factor } from '../accounts/factors.ts';
import { nowMs } from '../clock.ts';
import { accountTarget, type EventKind, type PeopleEvents, person } from '../events/events.ts';
import { translator } from '../locale.ts';
import type { Mails } from '../mail/mail.ts';
import type { Visit } from './visit.ts';

/**
 * What goes out when something was changed: a line in the recent activity, and a mail where somebody else may have
 * been at it. A request that is sent again tells nothing twice.
 */
export type News = {
  /** @param options.what what it is about; id what the event is named by, beside its account and kind */
  note(visit: Visit, kind: ActivityKind, options?: { what?: string; id?: string }): Promise<void>;
  factorAdded(visit: Visit, factor: Factor): Promise<void>;
  factorRemoved(visit: Visit, factor: Factor): Promise<void>;
  providerLinked(visit: Visit, provider: string, identityId: string, linkedAt: number): Promise<void>;
  providerUnlinked(visit: Visit, provider: string, identityId: string, linkedAt: number): Promise<void>;
  passwordChanged(visit: Visit, epoch: number): Promise<void>;
};

const kindNames = {
  passkey: 'account.kind.passkey',
  totp: 'account.kind.totp',
  'recovery-codes': 'account.kind.recovery-codes',
} as const;

/** What the audit trail has of it; the rest concerns nobody but the person. */
const eventKinds: { readonly [K in ActivityKind]?: EventKind } = {
  'password-changed': 'password.changed',
  'factor-added': 'factor.added',
  'factor-removed': 'factor.removed',
  'recovery-codes-made': 'factor.added',
  'provider-linked': 'factor.added',
  'provider-unlinked': 'factor.removed',
  'application-revoked': 'consent.revoked',
  'session-ended': 'sign-out',
};

export function createNews(parts: { mail: Mails; activity: Activity; people: PeopleEvents }): News {
  const { mail, activity, people } = parts;

  const note: News['note'] = async ({ ctx, account }, kind, { what, id } = {}) => {
    const details = { browser: nameBrowser(ctx.get('user-agent')), address: ctx.ip, what };
    const eventKind = eventKinds[kind];
    await Promise.all([
      activity.record(account.id, kind, details, id === undefined ? {} : { id: `${kind}:${id}` }),
      eventKind &&
        people.note(ctx, {
          kind: eventKind,
          actor: person(account),
          target: accountTarget(account),
          after: { what: what ?? kind },
          via: 'account',
        }),
    ]);
  };

  const addressOf = ({ account }: Visit) => ({ to: account.email, locale: localeOf(account) });

  /** As it is called in a mail: by its name, else by what it is. */
  function nameOf(visit: Visit, { kind, name }: Factor): string {
    const kindName = translator(localeOf(visit.account))(kindNames[kind]);
    return name === '' ? kindName : `${kindName}: ${name}`;
  }

  async function wayIn(
    visit: Visit,
    happened: 'added' | 'removed',
    way: { name: string; id: string },
  ): Promise<void> {
    await mail.enqueue(
      {
        kind: `factor-${happened}`,
        ...addressOf(visit),
        values: { name: way.name, when: nowMs(), where: visit.ctx.ip },
      },
      { id: `factor-${happened}:${visit.account.id}:${way.id}` },
    );
  }

  async function factor(visit: Visit, happened: 'added' | 'removed', { ...one }: Factor): Promise<void> {
    const id = `${one.id}:${one.createdAt}`;
    await wayIn(visit, happened, { name: nameOf(visit, one), id });
    await note(visit, `factor-${happened}`, { what: nameOf({ ...visit, account: visit.account }, one), id });
  }

  async function provider(
    visit: Visit,
    happened: 'added' | 'removed',
    name: string,
    id: string,
  ): Promise<void> {
    await wayIn(visit, happened, { name, id });
    await note(visit, happened === 'added' ? 'provider-linked' : 'provider-unlinked', { what: name, id });
  }

  return {
    note,
    factorAdded: (visit, one) => factor(visit, 'added', one),
    factorRemoved: (visit, one) => factor(visit, 'removed', one),
    providerLinked: (visit, name, id, at) => provider(visit, 'added', name, `${id}:${at}`),
    providerUnlinked: (visit, name, id, at) => provider(visit, 'removed', name, `${id}:${at}`),

    async passwordChanged(visit, epoch) {
      const { account, ctx } = visit;
      await mail.enqueue(
        { kind: 'password-changed', ...addressOf(visit), values: { when: nowMs(), where: ctx.ip } },
        { id: `password-changed:${account.id}:${epoch}` },
      );
      await note(visit, 'password-changed', { id: String(epoch) });
    },
  };
}
