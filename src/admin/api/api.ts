/**
 * The door to the admin API: HTTP in front of the flows of `Admin`. It owns its routes, who sends a request (access
 * tokens of Holdfast itself), how things look on the wire, idempotency keys, and the documents about it. It does not
 * own what an act does, or whether the actor may do it to this very thing (admin/).
 */

import type { Middleware } from 'koa';
import compose from 'koa-compose';
import type { Actor } from '../../access/actor.ts';
import type { Permission } from '../../access/permissions.ts';
import type { Renderer } from '../../http/render.ts';
import type { Log } from '../../log.ts';
import type { KeyRing } from '../../redis/key-ring.ts';
import type { Store } from '../../redis/redis.ts';
import type { Admin } from '../admin.ts';
import { accountRoutes } from './account-routes.ts';
import { accountStateRoutes } from './account-state-routes.ts';
import { apiMiddleware } from './api-middleware.ts';
import type { ApiRoute } from './api-route.ts';
import { auditRoutes } from './audit-routes.ts';
import { type BearerParts, createBearer } from './bearer.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { clientRoutes } from './client-routes.ts';
import { credentialRoutes } from './credential-routes.ts';
import { createCursors } from './cursors.ts';
import { createIdempotency } from './idempotency.ts';
import { keyRoutes } from './key-routes.ts';
import { openApiOf } from './openapi.ts';
import { overviewRoutes } from './overview-routes.ts';
import { documentsMiddleware } from './reference.ts';
import { resourceRoutes } from './resource-routes.ts';
import { roleAndGroupRoutes } from './role-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { settingsRoutes } from './settings-routes.ts';

export { isAdminApi } from './api-middleware.ts';
export { problemReply } from './problem.ts';

export type AdminApiParts = Omit<BearerParts, 'issuer'> & {
  issuer: string;
  admin: Admin;
  store: Store;
  ring: KeyRing;
  renderer: Renderer;
  log: Log;
  /** Puts into the audit that a request lacked a permission. Never throws for an outage. */
  noteRefusal(actor: Actor, permission: Permission): Promise<void>;
  /** Of this Holdfast. */
  version: string;
  /** For tests: an answer that its route does not declare is a failure. */
  strict?: boolean;
};

/** All routes, in the order of the reference page; of two that fit a path the first answers. */
export function adminApiRoutes(admin: Admin): ApiRoute[] {
  return [
    ...overviewRoutes(admin.overview),
    ...accountRoutes(admin.accounts),
    ...accountStateRoutes(admin.accounts),
    ...bulkRoutes(admin.accounts),
    ...credentialRoutes(admin.accounts),
    ...sessionRoutes(admin),
    ...clientRoutes(admin.clients),
    ...resourceRoutes(admin.resources),
    ...roleAndGroupRoutes(admin),
    ...keyRoutes(admin.keys),
    ...settingsRoutes(admin.settings),
    ...auditRoutes(admin),
  ];
}

/** Answers everything below /admin/api/v1, and goes on with everything else. To be mounted before the engine. */
export function adminApi(parts: AdminApiParts): Middleware {
  const { issuer, version, renderer, log } = parts;
  const routes = adminApiRoutes(parts.admin);
  return compose([
    documentsMiddleware({ document: openApiOf(routes, { issuer, version }), renderer }),
    apiMiddleware(routes, {
      issuer,
      log,
      bearer: createBearer(parts),
      idempotency: createIdempotency(parts),
      cursors: createCursors(parts.ring),
      noteRefusal: parts.noteRefusal,
      strict: parts.strict ?? false,
    }),
  ]) as Middleware;
}
