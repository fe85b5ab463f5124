import { outranks } from '../../access/access.ts';
import { adminResourceIndicator } from '../../oidc/oidc.ts';
import type { Admin } from '../admin.ts';
import type { FieldChoice } from './client-fields.ts';
import type { Visit } from './console-visit.ts';

/** APIs that a client may ask tokens of; the admin API is not one of them, it goes by roles. */
export async function apiChoices(admin: Admin, visit: Visit, issuer: string): Promise<FieldChoice[]> {
  if (!visit.may('resources:read')) return [];
  const resources = await admin.resources.list();
  return resources
    .filter(({ indicator }) => indicator !== adminResourceIndicator(issuer))
    .map(({ indicator, name, scopes }) => ({
      value: indicator,
      label: name,
      hint: [indicator, scopes.map((scope) => scope.name).join(' ')].filter(Boolean).join(' · '),
      isFixed: false,
    }));
}

/** Roles by which a client acts on the admin API; those that have more than the actor cannot be given. */
export async function roleChoices(admin: Admin, visit: Visit): Promise<FieldChoice[]> {
  if (!visit.may('roles:read')) return [];
  const roles = await admin.roles.list();
  return roles.map(({ id, name, description, permissions }) => {
    const isFixed = !outranks(visit.actor.permissions, permissions);
    return {
      value: id,
      label: name || id,
      hint: isFixed ? visit.t('admin.access.more-than-you') : description,
      isFixed,
    };
  });
}
