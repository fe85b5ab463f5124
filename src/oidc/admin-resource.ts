import { permissions, permissionTexts } from '../access/access.ts';
import type { Resource } from './resources.ts';

/** The admin API as a resource server of this provider: its scopes are the permissions of administrators. */
export function adminResourceIndicator(issuer: string): string {
  return `${issuer}/admin/api/v1`;
}

export function adminResource(issuer: string): Resource {
  return {
    indicator: adminResourceIndicator(issuer),
    name: 'Holdfast administration',
    scopes: permissions.map((name) => ({ name, description: permissionTexts[name] })),
    accessTokenSeconds: undefined,
    signingAlgorithm: 'ES256',
    format: 'jwt',
    hasRoles: false,
    origin: 'built-in',
    version: 0,
    createdAt: 0,
    updatedAt: 0,
  };
}
