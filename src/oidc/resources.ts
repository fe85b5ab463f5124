import type { Fault } from '../access/access.ts';

/**
 * Resource servers (RFC 8707): APIs that clients ask tokens for, and their scopes. Those of HOLDFAST_RESOURCES are
 * there as well, and cannot be changed; so is the admin API itself.
 */
export type Resource = {
  /** An absolute URI without a fragment. */
  indicator: string;
  name: string;
  scopes: { name: string; description: string }[];
  /** undefined for the usual. */
  accessTokenSeconds: number | undefined;
  /** Of a JWT. */
  signingAlgorithm: 'RS256' | 'ES256' | 'EdDSA';
  format: 'jwt' | 'opaque';
  /** Puts the person's `roles` and `groups` into its tokens (RFC 9068 2.2.3.1). */
  hasRoles: boolean;
  origin: 'built-in' | 'environment' | 'settings';
  version: number;
  createdAt: number;
  updatedAt: number;
};

export type ResourceDraft = Omit<Resource, 'indicator' | 'origin' | 'version' | 'createdAt' | 'updatedAt'>;

export type ResourceWriting =
  | { ok: true; value: Resource; before?: Resource }
  | { ok: false; problem: 'not-found' | 'taken' | 'changed' | 'built-in' }
  | { ok: false; problem: 'invalid'; faults: Fault[] };

export type Resources = {
  list(): Promise<Resource[]>;
  find(indicator: string): Promise<Resource | undefined>;
  /** From what this pod read last. */
  known(indicator: string): Resource | undefined;
  create(indicator: string, draft: ResourceDraft): Promise<ResourceWriting>;
  update(
    indicator: string,
    version: number | undefined,
    draft: Partial<ResourceDraft>,
  ): Promise<ResourceWriting>;
  remove(indicator: string, version: number | undefined): Promise<ResourceWriting>;
  close(): void;
};
