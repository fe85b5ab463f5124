import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Access } from '../access/access.ts';
import { adminResourceIndicator } from './admin-resource.ts';
import type { ClientStore } from './client-store.ts';
import type { Resource, Resources } from './resources.ts';
import type { TokenStore } from './token-store.ts';
import { unitOfWork } from './unit-of-work.ts';

/** What the engine asks about the APIs that tokens are made for (RFC 8707). */
export type ResourceServersParts = {
  issuer: string;
  resources: Pick<Resources, 'known' | 'find'>;
  access: Pick<Access, 'effectiveNow'>;
  tokens: Pick<TokenStore, 'epochOf'>;
  clients: Pick<ClientStore, 'eraOf'>;
  /** Of tokens for an API that does not say. */
  accessTokenSeconds(): number;
};

/** Members of the engine's tokens that its published types leave out. */
type Token = {
  kind?: string;
  clientId?: string;
  accountId?: string;
  grantId?: string;
  sessionUid?: string;
  expiresWithSession?: boolean;
  aud?: string | string[];
  extra?: Record<string, unknown>;
  resourceServer?: { identifier(): string };
};

/** Who may use the admin API with this token, and until when: so that the API can look whether that still holds. */
export type HoldfastClaim = {
  /** Also where `sub` is pairwise. */
  account: string;
  /** Of the account at its sign-in. */
  epoch: number;
  /** The tag of the grant. */
  grant: string;
  /** The session that the token ends with. */
  session?: string;
  /** How strong that sign-in was. */
  acr?: string;
  /** That the second factor was left out, as the account trusts the browser. */
  trusted?: true;
  /** That it was left out, as a client asked for none. */
  waived?: true;
};

/** The same of a token that a client has for itself. */
export type ServiceClaim = {
  /** Of the client: what it was granted in an earlier one is worth nothing. */
  era: number;
  /** Of the secret that it was got with; not there where the client has a key of its own. */
  secret?: string;
};

export function createResourceServers(parts: ResourceServersParts) {
  const { resources, access, tokens, clients } = parts;
  const adminIndicator = adminResourceIndicator(parts.issuer);

  /** One that was made a moment ago is read itself, whichever pod is asked. */
  async function lookUp(indicator: string): Promise<Resource | undefined> {
    return resources.known(indicator) ?? unitOfWork().guard(resources.find(indicator));
  }

  /** What a client may ask of the admin API: what its roles may do, as they are now. */
  async function permittedScopes(roles: string[], all: string[]): Promise<string[]> {
    const { permissions } = await unitOfWork().guard(access.effectiveNow({ roles, groups: [] }));
    return all.filter((scope) => (permissions as ReadonlySet<string>).has(scope));
  }

  async function rolesOf(accountId: string): Promise<Record<string, unknown>> {
    const present = await unitOfWork().account(accountId);
    // Gone or disabled, its token is refused where the request commits.
    if (!present) return {};
    return { roles: present.roleClaims.roles, groups: present.groupClaims.groups };
  }

  /** A token of a client for itself. */
  async function standingOf({ kind, clientId }: Token): Promise<{ hf: ServiceClaim } | undefined> {
    if (kind !== 'ClientCredentials' || clientId === undefined) return undefined;
    const unit = unitOfWork();
    const secret = unit.clientSecretId;
    const era = await unit.guard(clients.eraOf(clientId));
    return { hf: { era, ...(secret === undefined ? {} : { secret }) } };
  }

  return {
    async getResourceServerInfo(_ctx: KoaContextWithOIDC, indicator: string, client: unknown) {
      const { resources: allowed = [], roles = [] } = client as { resources?: string[]; roles?: string[] };
      const isAdmin = indicator === adminIndicator;
      const isAllowed = isAdmin ? roles.length > 0 : allowed.includes(indicator);
      const resource = isAllowed ? await lookUp(indicator) : undefined;
      const all = resource?.scopes.map(({ name }) => name) ?? [];
      const scopes = isAdmin && resource ? await permittedScopes(roles, all) : all;
      if (!resource || (isAdmin && scopes.length === 0)) {
        throw new errors.InvalidTarget('this client may not ask for tokens for this resource');
      }
      return {
        scope: scopes.join(' '),
        audience: indicator,
        accessTokenFormat: resource.format,
        accessTokenTTL: resource.accessTokenSeconds ?? parts.accessTokenSeconds(),
        ...(resource.format === 'jwt' && { jwt: { sign: { alg: resource.signingAlgorithm } } }),
      };
    },

    /** Claims of a token that is being made (RFC 9068 2.2.3); of an opaque one, introspection tells them. */
    async extraTokenClaims(_ctx: unknown, made: unknown): Promise<Record<string, unknown> | undefined> {
      const { resourceServer, accountId, grantId, expiresWithSession, sessionUid } = made as Token;
      if (!resourceServer) return undefined;
      const indicator = resourceServer.identifier();
      if (accountId === undefined || grantId === undefined) {
        return indicator === adminIndicator ? standingOf(made as Token) : undefined;
      }
      if (indicator === adminIndicator) {
        const epoch = (await tokens.epochOf(grantId)) ?? -1;
        const { signedInAcr: acr, signedInTrusted, signedInWaived } = unitOfWork();
        const hf: HoldfastClaim = {
          account: accountId,
          epoch,
          grant: grantId,
          ...(expiresWithSession && sessionUid ? { session: sessionUid } : {}),
          ...(acr === undefined ? {} : { acr }),
          ...(signedInTrusted ? { trusted: true } : {}),
          ...(signedInWaived ? { waived: true } : {}),
        };
        return { hf };
      }
      const resource = await lookUp(indicator);
      return resource?.hasRoles && resource.format === 'jwt' ? rolesOf(accountId) : undefined;
    },

    /** Tells whoever introspects the token the roles that its person has now (RFC 7662 2.2). */
    async addRoles(introspected: unknown): Promise<void> {
      const token = introspected as Token;
      if (token.accountId === undefined) return;
      const audiences = await Promise.all([token.aud ?? []].flat().map(lookUp));
      if (audiences.some((resource) => resource?.hasRoles)) {
        token.extra = { ...token.extra, ...(await rolesOf(token.accountId)) };
      }
    },
  };
}
