import { Readable } from 'node:stream';
import { z } from 'zod';
import { type EventKind, type EventQuery, eventKinds, type RecordedEvent } from '../../events/events.ts';
import { hasText } from '../../locale.ts';
import { eventLines } from '../event-lines.ts';
import { verifyAgainSeconds } from '../verify-events.ts';
import type { AuditFilters } from './audit-views.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, cursorField, idField, textField } from './console-route.ts';
import { type Visit, withQuery } from './console-visit.ts';
import { changesOf } from './event-changes.ts';

const path = '/admin/audit';
const perPage = 50;

const momentField = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/)
  .or(z.literal(''))
  .catch('')
  .default('');

const filterFields = {
  person: textField(320),
  client: textField(128),
  kind: z
    .enum(['', ...eventKinds] as [string, ...string[]])
    .catch('')
    .default(''),
  trail: z.enum(['', 'admin', 'people']).catch('').default(''),
  outcome: z.enum(['', 'success', 'failure', 'unknown']).catch('').default(''),
  request: textField(64),
  from: momentField,
  to: momentField,
};

/** Who did what, and what people did: found, read, proven and taken out. */
export function auditRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  const listCrumb = ({ t }: Visit) => ({ label: t('admin.section.audit'), href: path });

  async function queryOf(given: AuditFilters): Promise<Omit<EventQuery, 'cursor' | 'count'>> {
    return {
      ...(await personOf(given.person)),
      ...(given.client ? { clientId: given.client } : {}),
      ...(given.kind ? { kinds: [given.kind as EventKind] } : {}),
      ...(given.trail ? { trail: given.trail as NonNullable<EventQuery['trail']> } : {}),
      ...(given.outcome ? { outcome: given.outcome as RecordedEvent['outcome'] } : {}),
      ...(given.request ? { requestId: given.request } : {}),
      ...(given.from ? { from: Date.parse(`${given.from}Z`) } : {}),
      ...(given.to ? { to: Date.parse(`${given.to}Z`) } : {}),
    };
  }

  /** By id or address; an address that nobody has may still have been typed by somebody. */
  async function personOf(person: string): Promise<Pick<EventQuery, 'accountId' | 'email'>> {
    if (person === '') return {};
    if (!person.includes('@')) return { accountId: person };
    const { items } = await admin.accounts.search({ text: person, count: 10 });
    const found = items.find(({ email }) => fold(email) === fold(person));
    return found ? { accountId: found.id } : { email: person };
  }

  const verifyQuestion = (visit: Visit) => ({
    title: visit.t('admin.ask.audit-verified.title'),
    lead: visit.t('admin.ask.audit-verified.lead'),
    submit: visit.t('admin.audit.verify'),
    action: `${path}/verify`,
    back: path,
    crumbs: [listCrumb(visit)],
    isDangerous: false,
  });

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'audit:read',
      query: { ...filterFields, cursor: cursorField },
      async handle({ visit, query }) {
        const { cursor } = query;
        const filters = filtersOf(query);
        const asked = await queryOf(filters);
        const found = await admin.events.list({ ...asked, ...(cursor ? { cursor } : {}), count: perPage });
        const here = withQuery(path, filters);
        return visits.show(visit, 'admin-audit', 'audit', {
          events: found.events,
          filters,
          isFiltered: Object.values(filters).some(Boolean),
          kinds: eventKinds,
          isPersonUnknown: asked.email !== undefined,
          why: filters.request ? found.events.flatMap(whyOf) : [],
          exportPath: withQuery(`${path}/export`, filters),
          ...(cursor ? { first: here } : {}),
          ...(found.cursor ? { next: withQuery(here, { cursor: found.cursor }) } : {}),
        });
      },
    }),

    consoleRoute({
      method: 'GET',
      path: `${path}/export`,
      permission: 'audit:export',
      query: filterFields,
      async handle({ visit, query }) {
        const { ctx, actor } = visit;
        const filters = filtersOf(query);
        const asked = await queryOf(filters);
        const { requestId, address, id, name } = actor;
        await admin.events.act(
          {
            kind: 'audit.exported',
            actor: { kind: 'account', id, name },
            target: { kind: 'audit', id: 'audit' },
            after: Object.fromEntries(Object.entries(filters).filter(([, value]) => value)),
            address,
            via: 'console',
            requestId,
          },
          async () => ({ ok: true }),
        );
        ctx.status = 200;
        ctx.set('content-disposition', 'attachment; filename="audit.ndjson"');
        ctx.body = Readable.from(eventLines(actor, admin.events.export(asked), (event) => event));
        ctx.type = 'application/x-ndjson';
        return { asIs: true };
      },
    }),

    // It reads everything, so it is asked for by a form, which no other page can send.
    consoleRoute({
      method: 'GET',
      path: `${path}/verify`,
      permission: 'audit:read',
      handle: async ({ visit }) => visits.confirm(visit, 'audit', verifyQuestion(visit)),
    }),
    consoleRoute({
      method: 'POST',
      path: `${path}/verify`,
      permission: 'audit:read',
      statuses: [429],
      back: () => `${path}/verify`,
      async handle({ visit }) {
        const trails = await admin.verifyEvents();
        if (trails !== 'busy') return visits.show(visit, 'admin-audit-verified', 'audit', { trails });
        const says = { problem: visit.t('admin.ask.audit-verified.busy'), status: 429 };
        const page = visits.confirm(visit, 'audit', verifyQuestion(visit), says);
        return { ...page, retryAfterSeconds: verifyAgainSeconds };
      },
    }),

    consoleRoute({
      method: 'GET',
      path: `${path}/:id`,
      permission: 'audit:read',
      params: { id: idField },
      async handle({ visit, params: { id } }) {
        const event = await admin.events.find(id);
        if (!event) return visits.notFound(visit, 'audit', listCrumb(visit));
        const [why] = whyOf(event);
        return visits.show(visit, 'admin-audit-event', 'audit', {
          event,
          changes: changesOf(event),
          ...(why ? { why: why.reason } : {}),
        });
      },
    }),
  ];
}

function filtersOf(query: object): AuditFilters {
  const given = query as Record<string, string>;
  return Object.fromEntries(
    Object.keys(filterFields).map((name) => [name, given[name] ?? '']),
  ) as AuditFilters;
}

const fold = (email: string) => email.normalize('NFKC').toLowerCase();

/** Why it failed, where there is an answer in words. */
function whyOf(event: RecordedEvent): { event: RecordedEvent; reason: string }[] {
  const { outcome, reason, trail } = event;
  if (outcome === 'success') return [];
  const isKnown = reason !== undefined && hasText(`admin.why.${reason}`);
  if (!isKnown && trail === 'admin') return [];
  return [{ event, reason: isKnown ? reason : 'other' }];
}
