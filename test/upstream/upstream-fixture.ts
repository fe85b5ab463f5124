import { readConfig } from '../../src/config.ts';
import { createUpstream, type Upstream, type UpstreamParts } from '../../src/upstream/upstream.ts';
import { type AccountFixture, openAccounts } from '../accounts/account-fixture.ts';
import { testKeys } from '../support/pods.ts';

export const home = 'https://id.example.com';
export const callbackOf = (id: string) => `${home}/upstream/callback/${id}`;

/** Other providers as a pod has them, on a real Redis. */
export type UpstreamFixture = AccountFixture & {
  upstream: Upstream;
  /** The same on this pod's Redis with something else about it. */
  variant(changes: Partial<UpstreamParts>): Upstream;
};

/** @param list HOLDFAST_UPSTREAM; @param prefix that of another fixture, to be a second pod on the same data */
export async function openUpstream(
  redisUrl: string,
  list: Record<string, unknown>[],
  prefix?: string,
): Promise<UpstreamFixture> {
  const fixture = await openAccounts(redisUrl, prefix);
  const { store, ring, log, accounts } = fixture;
  const parts = { store, ring, log, accounts, config: configWith(list) };
  return {
    ...fixture,
    upstream: createUpstream(parts),
    variant: (changes) => createUpstream({ ...parts, ...changes }),
  };
}

export function configWith(list: Record<string, unknown>[], environment: Record<string, string> = {}) {
  return readConfig({
    HOLDFAST_ISSUER: home,
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: 'redis://127.0.0.1:1',
    HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
    HOLDFAST_UPSTREAM: JSON.stringify(list),
    ...environment,
  });
}

export function entry(id: string, issuer: string, more: Record<string, unknown> = {}) {
  return {
    id,
    name: id,
    issuer,
    client_id: 'holdfast',
    client_secret: 'a-secret-of-the-other-provider',
    private_network: true,
    ...more,
  };
}

/** @throws when it did not begin */
export async function begun(upstream: Upstream, providerId: string, uid = 'an-interaction') {
  const outcome = await upstream.begin(providerId, { kind: 'sign-in', interactionUid: uid });
  if (!outcome.ok) throw new Error(`did not begin: ${outcome.problem}`);
  return outcome;
}

/** As a finished sign-in gives it. */
export function identityOf(sub: string, more: Record<string, unknown> = {}) {
  return {
    providerId: 'acme',
    issuer: 'https://acme.example',
    sub,
    emailVerified: false,
    isEmailTrusted: false,
    ...more,
  };
}
