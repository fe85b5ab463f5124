import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import { isPermission, type Permission } from '../../access/permissions.ts';
import type { Account } from '../../accounts/accounts.ts';
import {
  type HoldfastClaim,
  isStrongEnough,
  type SecondFactorRule,
  type ServiceClaim,
} from '../../oidc/oidc.ts';
import { noToken, refuse, refuseProof, refuseWeak } from './challenges.ts';
import { checkProof, type ProofSeen } from './dpop.ts';
import { ApiProblem } from './problem.ts';

/**
 * Who sends a request: access tokens of Holdfast itself (RFC 9068), which are good as long as their signature says
 * and what they stand on is there: the account with the epoch of the sign-in, the session, the grant, the client. So
 * a token of somebody who was disabled a moment ago is worth nothing, although it is a JWT.
 *
 * Cookies are never looked at, so nobody else's page can send anything that counts.
 */
export type BearerParts = {
  issuer: string;
  /** The public keys that are live at this moment. */
  keySet(): JSONWebKeySet;
  isFirstUse: ProofSeen;
  live: LiveParts;
  /** What is asked of whoever administers, as it is now. */
  secondFactor(): SecondFactorRule;
  /** As it is in Redis now. */
  permissionsOf(of: {
    roles: readonly string[];
    groups: readonly string[];
  }): Promise<ReadonlySet<Permission>>;
};

/** What a token stands on, as it is in Redis now; undefined for what is not there, or has ended. */
export type LiveParts = {
  account(id: string): Promise<Account | undefined>;
  session(uid: string): Promise<{ accountId: string; epoch: number } | undefined>;
  grant(tag: string): Promise<{ accountId: string; clientId: string; epoch: number } | undefined>;
  /** Only one that is enabled. */
  client(id: string): Promise<StandingClient | undefined>;
};

/** @property secretIds of those that have not ended */
type StandingClient = { name: string; roles: string[]; era: number; secretIds: string[] };

export type Sender = {
  kind: 'account' | 'client';
  id: string;
  name: string;
  permissions: ReadonlySet<Permission>;
  clientId: string;
  sessionUid: string | undefined;
  /** The same at this moment, also when the token has run out meanwhile; undefined when what it stands on has ended. */
  lookAgain(): Promise<Sender | undefined>;
};

export type ApiCall = {
  method: string;
  /** Path alone. */
  path: string;
  /** Every Authorization header, and every DPoP header. */
  authorization: string[];
  proofs: string[];
};

export type Bearer = {
  audience: string;
  /** @throws ApiProblem 401; @throws Unavailable */
  identify(call: ApiCall): Promise<Sender>;
};

const algorithms = ['ES256', 'EdDSA', 'Ed25519', 'RS256'];

type Claims = {
  sub: string;
  clientId: string;
  scope: string;
  thumbprint: string | undefined;
  /** Of a person: who, also where `sub` is pairwise, and what the token stands on (oidc/resource-servers.ts). */
  hf: HoldfastClaim | undefined;
  /** Of a client for itself. */
  service: ServiceClaim | undefined;
};

export function createBearer(parts: BearerParts): Bearer {
  const { issuer, live } = parts;
  const audience = `${issuer}/admin/api/v1`;
  let known: { set: JSONWebKeySet; keys: ReturnType<typeof createLocalJWKSet> } | undefined;

  function keys(): ReturnType<typeof createLocalJWKSet> {
    const set = parts.keySet();
    if (known?.set !== set) known = { set, keys: createLocalJWKSet(set) };
    return known.keys;
  }

  async function readToken(token: string): Promise<Claims> {
    try {
      const { payload } = await jwtVerify(token, keys(), {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms,
        requiredClaims: ['sub', 'client_id', 'exp', 'iat', 'jti'],
      });
      return toClaims(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refuse('the token has run out');
      if (error instanceof errors.JOSEError || error instanceof TypeError)
        throw refuse('the token is not valid');
      throw error;
    }
  }

  async function whoStandsBehind(claims: Claims): Promise<Sender> {
    const { sub, clientId, hf, service } = claims;
    const [client, account, grant, session] = await Promise.all([
      live.client(clientId),
      hf && live.account(hf.account),
      hf && live.grant(hf.grant),
      hf?.session === undefined ? undefined : live.session(hf.session),
    ]);
    if (!client) throw refuse('its client is gone or disabled');
    const scope = new Set(claims.scope.split(' ').filter(isPermission));
    const sender = { clientId, sessionUid: hf?.session, lookAgain: () => lookAgain(claims) };
    if (!hf) {
      // A client for itself (RFC 9068 2.2). Of a person there is more to look at, and the token says what.
      if (sub !== clientId || !service) throw refuse('the token does not say what it stands on');
      const hasSecret = service.secret === undefined || client.secretIds.includes(service.secret);
      if (service.era < client.era) throw refuse('what was granted has ended');
      if (!hasSecret) throw refuse('the secret that it was got with has ended');
      const held = await parts.permissionsOf({ roles: client.roles, groups: [] });
      return {
        ...sender,
        kind: 'client',
        id: clientId,
        name: client.name,
        permissions: intersect(scope, held),
      };
    }
    if (account?.status !== 'active' || account.epoch !== hf.epoch)
      throw refuse('its account is not signed in any more');
    if (grant?.accountId !== hf.account || grant.clientId !== clientId || grant.epoch !== hf.epoch) {
      throw refuse('what was granted has ended');
    }
    if (hf.session !== undefined && (session?.accountId !== hf.account || session.epoch !== hf.epoch)) {
      throw refuse('its session has ended');
    }
    const strength = { acr: hf.acr, isTrusted: hf.trusted === true, isWaived: hf.waived === true };
    if (hf.acr === undefined || !isStrongEnough(strength, parts.secondFactor())) throw refuseWeak();
    const [ofClient, ofAccount] = await Promise.all([
      parts.permissionsOf({ roles: client.roles, groups: [] }),
      parts.permissionsOf({ roles: account.roles ?? [], groups: account.groups ?? [] }),
    ]);
    const permissions = intersect(intersect(scope, ofClient), ofAccount);
    return { ...sender, kind: 'account', id: account.id, name: account.email, permissions };
  }

  async function lookAgain(claims: Claims): Promise<Sender | undefined> {
    try {
      return await whoStandsBehind(claims);
    } catch (error) {
      if (error instanceof ApiProblem) return undefined;
      throw error;
    }
  }

  return {
    audience,
    async identify({ method, path, authorization, proofs }) {
      const [header, another] = authorization;
      if (header === undefined) throw noToken();
      const [, scheme = '', token = ''] = /^(bearer|dpop) +([\w\-.~+/=]+)$/i.exec(header) ?? [];
      if (another !== undefined || token === '') throw refuse('send one access token, in Authorization');
      const claims = await readToken(token);
      if (claims.thumbprint === undefined) {
        if (scheme.toLowerCase() !== 'bearer')
          throw refuse('the token is not bound to a key; send it as Bearer');
      } else {
        if (scheme.toLowerCase() !== 'dpop')
          throw refuse('the token is bound to a key; send it as DPoP with a proof');
        const [proof, more] = proofs;
        if (proof === undefined || more !== undefined) throw refuseProof('send one proof, in DPoP');
        const url = `${issuer}${path}`;
        const request = { method, url, accessToken: token, thumbprint: claims.thumbprint };
        const fault = await checkProof(proof, request, parts.isFirstUse);
        if (fault !== undefined) throw refuseProof(fault);
      }
      return whoStandsBehind(claims);
    },
  };
}

/** @throws ApiProblem for claims of the wrong kind */
function toClaims(payload: Record<string, unknown>): Claims {
  const { sub, client_id: clientId, scope = '', cnf, hf } = payload;
  const thumbprint = (cnf as { jkt?: unknown } | undefined)?.jkt;
  const { account, epoch, grant, session, acr, era, secret } = (hf ?? {}) as Record<string, unknown>;
  const isOfService =
    account === undefined && typeof era === 'number' && (secret === undefined || typeof secret === 'string');
  const isWhole =
    typeof sub === 'string' &&
    typeof clientId === 'string' &&
    typeof scope === 'string' &&
    // A token that is bound in another way (RFC 8705) would be taken without its binding.
    (cnf === undefined || typeof thumbprint === 'string') &&
    (hf === undefined ||
      isOfService ||
      (typeof account === 'string' &&
        typeof epoch === 'number' &&
        typeof grant === 'string' &&
        (session === undefined || typeof session === 'string') &&
        (acr === undefined || typeof acr === 'string')));
  if (!isWhole) throw refuse('the token is not as expected');
  return {
    sub,
    clientId,
    scope,
    thumbprint: thumbprint as string | undefined,
    hf: hf === undefined || isOfService ? undefined : (hf as HoldfastClaim),
    service: isOfService ? (hf as ServiceClaim) : undefined,
  };
}

function intersect(one: ReadonlySet<Permission>, other: ReadonlySet<Permission>): ReadonlySet<Permission> {
  return new Set([...one].filter((permission) => other.has(permission)));
}
