import type { Factor } from '../../accounts/factors.ts';
import type { Overview } from '../overview.ts';
import type { Attention } from './overview-views.ts';

const dayMs = 24 * 60 * 60_000;
/** Fewer failures than this say nothing. */
const fewFailures = 20;

/**
 * What an administrator should look at, the most urgent first.
 * @param state.owners those who are active, with their factors; undefined for who may not see accounts
 * @param state.signingKeyDays after how many days signing keys are replaced; 0 for never
 */
export function attentionOf(state: {
  overview: Overview;
  owners: { id: string; email: string; factors: Factor[] }[] | undefined;
  signingKeyDays: number;
  now: number;
}): Attention[] {
  const { overview, owners, signingKeyDays, now } = state;
  return [
    ...ownersOf(owners),
    ...failuresOf(overview),
    ...podsOf(overview),
    ...keysOf(overview, signingKeyDays, now),
  ];
}

function ownersOf(owners: { id: string; email: string; factors: Factor[] }[] | undefined): Attention[] {
  if (owners === undefined) return [];
  const [first, second] = owners;
  if (!first) return [{ kind: 'no-owner', tone: 'danger', values: {}, href: '/admin/accounts?role=owner' }];
  if (second) return [];
  const href = `/admin/accounts/${encodeURIComponent(first.id)}`;
  const values = { email: first.email };
  const hasPasskey = first.factors.some(({ kind }) => kind === 'passkey');
  return [{ kind: hasPasskey ? 'one-owner' : 'owner-without-passkey', tone: 'warn', values, href }];
}

function failuresOf({ signIns }: Overview): Attention[] {
  const latest = signIns.slice(-2);
  const failed = latest.reduce((sum, hour) => sum + hour.failed, 0);
  const succeeded = latest.reduce((sum, hour) => sum + hour.succeeded, 0);
  if (failed < fewFailures || failed <= succeeded) return [];
  const href = '/admin/audit?outcome=failure&trail=people';
  return [{ kind: 'many-failures', tone: 'danger', values: { failed, succeeded }, href }];
}

function podsOf({ pods }: Overview): Attention[] {
  const versions = [...new Set(pods.map(({ version }) => version))].sort();
  const keySets = new Set(pods.map(({ keySetVersion }) => keySetVersion));
  const href = '/admin#pods';
  return [
    ...pods
      .filter(({ isReady }) => !isReady)
      .map(({ name }): Attention => ({ kind: 'pod-not-ready', tone: 'danger', values: { pod: name }, href })),
    ...(versions.length > 1
      ? [
          {
            kind: 'versions-differ',
            tone: 'warn',
            values: { versions: versions.join(', ') },
            href,
          } satisfies Attention,
        ]
      : []),
    ...(keySets.size > 1
      ? [{ kind: 'keys-differ', tone: 'plain', values: {}, href } satisfies Attention]
      : []),
  ];
}

function keysOf({ keys }: Overview, signingKeyDays: number, now: number): Attention[] {
  const href = '/admin/keys';
  const coming = keys.filter(({ state }) => state === 'published');
  const old = keys.filter(
    ({ state, use, activatedAt, createdAt }) =>
      signingKeyDays > 0 &&
      state === 'active' &&
      use === 'signing' &&
      now - (activatedAt ?? createdAt) > (signingKeyDays + 1) * dayMs,
  );
  return [
    ...(coming.length > 0 ? [{ kind: 'rotation', tone: 'plain', values: {}, href } satisfies Attention] : []),
    ...old.map(({ alg }): Attention => ({ kind: 'key-old', tone: 'warn', values: { alg }, href })),
  ];
}
