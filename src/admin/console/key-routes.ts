import { nowMs } from '../../clock.ts';
import type { KeySummary, KeyUse } from '../../oidc/oidc.ts';
import { askedAct } from './asked-act.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute } from './console-route.ts';
import { doneAt, type Visit } from './console-visit.ts';
import type { KeyStep } from './operation-views.ts';

const path = '/admin/keys';
const uses: readonly KeyUse[] = ['signing', 'cookie'];
const order = ['active', 'published', 'retired'];

/** The keys that sign tokens and cookies, with where each is in its life. */
export function keyRoutes({ admin, visits, issuer, settings }: ConsoleParts): ConsoleRoute[] {
  const list = ({ t }: Visit) => ({ label: t('admin.section.keys'), href: path });

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'keys:read',
      async handle({ visit }) {
        const keys = await admin.keys.list();
        return visits.show(visit, 'admin-keys', 'keys', {
          uses: uses.map((use) => {
            const ofUse = keys.filter((key) => key.use === use);
            return {
              use,
              isUnderWay: ofUse.some(({ state }) => state === 'published'),
              keys: ofUse
                .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.alg.localeCompare(b.alg))
                .map((key) => ({ ...key, steps: stepsOf(key) })),
            };
          }),
          days: settings.current().signing_key_days,
          jwksUri: `${issuer}/jwks`,
        });
      },
    }),

    ...askedAct(visits, {
      path: `${path}/rotate/:use`,
      parts: ['use'],
      permission: 'keys:rotate',
      section: 'keys',
      list,
      find: async (_visit, { use }) => uses.find((one) => one === use),
      async ask(visit, use) {
        const { t } = visit;
        return {
          title: t(`admin.ask.key-rotated.${use}`),
          lead: t(`admin.ask.key-rotated.${use}.lead`),
          submit: t('admin.ask.key-rotated.submit'),
          stays: [t('admin.stays.old-key')],
          isDangerous: false,
          back: path,
          crumbs: [list(visit)],
        };
      },
      act: (visit, use) => admin.keys.rotate(visit.actor, use),
      after: () => doneAt(path, 'key-rotated'),
    }),

    ...askedAct(visits, {
      path: `${path}/:id/revoke`,
      parts: ['id'],
      permission: 'keys:revoke',
      section: 'keys',
      list,
      find: async (_visit, { id }) => (await admin.keys.list()).find((key) => key.id === id),
      async ask(visit, { id, use, alg }) {
        const { t } = visit;
        return {
          title: t('admin.ask.key-revoked.title'),
          lead: t('admin.ask.key-revoked.lead', { id, alg }),
          submit: t('admin.ask.key-revoked.submit'),
          ends:
            use === 'signing'
              ? [t('admin.ends.key-tokens', { alg }), t('admin.ends.key-sets')]
              : [t('admin.ends.key-cookies')],
          stays: [t('admin.stays.key-replaced')],
          back: path,
          crumbs: [list(visit)],
        };
      },
      typed: ({ t }, { id }) => ({ label: t('admin.typed', { what: id }), expected: id }),
      act: (visit, { id }) => admin.keys.revoke(visit.actor, id),
      after: () => doneAt(path, 'key-revoked'),
    }),
  ];
}

/** Made → served by all pods → active → retired → gone; the first that is not behind it is now. */
export function stepsOf(key: KeySummary): KeyStep[] {
  const { state, createdAt, activatedAt, retiredAt, removedAt, activeFrom, servedBy, livePods } = key;
  const isServed = servedBy >= livePods;
  const steps: (Omit<KeyStep, 'state'> & { isDone: boolean })[] = [
    { name: 'made', at: createdAt, isDone: true },
    { name: 'served', isDone: state !== 'published' || isServed },
    {
      name: 'active',
      ...at(activatedAt ?? activeFrom),
      isDone: state !== 'published',
    },
    { name: 'retired', ...at(retiredAt), isDone: state === 'retired' },
    { name: 'removed', ...at(removedAt), isDone: removedAt !== undefined && removedAt <= nowMs() },
  ];
  const current = steps.findLastIndex(({ isDone }) => isDone);
  return steps.map(({ isDone: _, ...step }, index) => ({
    ...step,
    state: index < current ? 'done' : index === current ? 'now' : 'ahead',
  }));
}

function at(ms: number | undefined): { at?: number } {
  return ms === undefined ? {} : { at: ms };
}
