import type { Resource } from '../../oidc/oidc.ts';
import type { PageEnds } from './access-views.ts';
import type { ConsolePage } from './console-views.ts';

export type ResourceEntered = {
  indicator: string;
  name: string;
  scopes: { name: string; description: string }[];
  format: string;
  signingAlgorithm: string;
  accessTokenSeconds: string;
  hasRoles: boolean;
};

type ResourceViews = {
  'admin-resources': ConsolePage & PageEnds & { resources: (Resource & { path: string })[] };
  'admin-resource': ConsolePage & {
    resource: Resource;
    path: string;
    /** That may ask tokens of it, of the clients that were looked at. */
    clients: { id: string; name: string }[];
    /** There are more clients than were looked at. */
    isPartial: boolean;
  };
  /**
   * Posts `indicator`, `name`, `format`, `signingAlgorithm`, `accessTokenSeconds`, `hasRoles`, and a `scope-name` and
   * `scope-description` for each row; `version` and no indicator where it is there already.
   */
  'admin-resource-edit': ConsolePage & {
    /** Of the one that is changed; undefined for a new one. */
    path?: string;
    version: number;
    entered: ResourceEntered;
  };
};

declare module '../../http/views.ts' {
  interface Views extends ResourceViews {}
}
