import type { KoaContextWithOIDC } from 'oidc-provider';
import type { KeyRing } from '../redis/key-ring.ts';
import type { TokenStore } from './token-store.ts';
import { unitOfWork } from './unit-of-work.ts';

/**
 * What a person's approval is worth: which grant a request builds on, and when consent is not asked for.
 */

/** The person's answer on the consent page, as it waits in the interaction's result. */
export type ConsentDecision = {
  accountId: string;
  scopes: string[];
  claims: string[];
  resources: Record<string, string[]>;
};

/**
 * The grant of an authorization request: that of the session and client, widened by what the person just
 * approved, or by all that is asked where the client is ours.
 *
 * Its id follows from session and client, so that two tabs that come to the same client at the same
 * moment make one grant, and a request that is sent again makes no second. A revoked id is never used again:
 * the next one follows from it.
 */
export function createGrantLoader(tokens: TokenStore, ring: KeyRing) {
  return async function loadExistingGrant(ctx: KoaContextWithOIDC) {
    const { client, session, account, result, provider } = ctx.oidc;
    if (!client || !session || !account) return undefined;
    const { clientId } = client;
    const { accountId } = account;

    let tag = session.grantIdFor(clientId) ?? firstGrantTag(ring, session.uid, clientId);
    let grant = await provider.Grant.find(tag);
    // Of another person, or from before all that this one was signed in to ended: as good as buried.
    const isStale = async () =>
      grant !== undefined &&
      (grant.accountId !== accountId || (await tokens.epochOf(tag)) !== unitOfWork().signInEpoch);
    while ((await tokens.isGrantBuried(tag)) || (await isStale())) {
      tag = ring.hash('grant', JSON.stringify([session.uid, clientId, tag]));
      grant = await provider.Grant.find(tag);
    }
    const decision = result?.consent as ConsentDecision | undefined;
    const isApproved = decision?.accountId === accountId;
    const isOurs = client.first_party === true;
    if (!isApproved && !isOurs) return grant;

    grant ??= new provider.Grant({ accountId, clientId, jti: tag } as never);
    const before = JSON.stringify([grant.openid, grant.resources]);
    if (isOurs) {
      addScopes(grant, [...ctx.oidc.requestParamOIDCScopes]);
      grant.addOIDCClaims([...ctx.oidc.requestParamClaims]);
      for (const [indicator, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
        const known = new Set(server.scope.split(' '));
        addResourceScopes(
          grant,
          indicator,
          [...ctx.oidc.requestParamScopes].filter((s) => known.has(s)),
        );
      }
    }
    if (isApproved && decision) {
      addScopes(grant, decision.scopes);
      if (decision.claims.length > 0) grant.addOIDCClaims(decision.claims);
      for (const [indicator, scopes] of Object.entries(decision.resources)) {
        addResourceScopes(grant, indicator, scopes);
      }
    }
    if (before !== JSON.stringify([grant.openid, grant.resources])) await grant.save();
    return grant;
  };
}

/** The tag of the first grant that a session and a client have with each other. */
export function firstGrantTag(ring: KeyRing, sessionUid: string, clientId: string): string {
  return ring.hash('grant', JSON.stringify([sessionUid, clientId]));
}

type Grant = InstanceType<KoaContextWithOIDC['oidc']['provider']['Grant']>;

function addScopes(grant: Grant, scopes: string[]): void {
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '));
}

function addResourceScopes(grant: Grant, indicator: string, scopes: string[]): void {
  if (scopes.length > 0) grant.addResourceScope(indicator, scopes.join(' '));
}
