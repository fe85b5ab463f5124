import type { Permission } from '../../access/access.ts';

/** The places in the console's navigation, in their order. Each is named by the text `admin.section.<id>`. */
export const sections = [
  { id: 'overview', group: 'start', path: '/admin', permission: 'overview:read' },
  { id: 'accounts', group: 'people', path: '/admin/accounts', permission: 'accounts:read' },
  { id: 'groups', group: 'people', path: '/admin/groups', permission: 'groups:read' },
  { id: 'roles', group: 'people', path: '/admin/roles', permission: 'roles:read' },
  { id: 'sessions', group: 'people', path: '/admin/sessions', permission: 'sessions:read' },
  { id: 'clients', group: 'applications', path: '/admin/clients', permission: 'clients:read' },
  { id: 'resources', group: 'applications', path: '/admin/resources', permission: 'resources:read' },
  { id: 'audit', group: 'operation', path: '/admin/audit', permission: 'audit:read' },
  { id: 'keys', group: 'operation', path: '/admin/keys', permission: 'keys:read' },
  { id: 'api', group: 'operation', path: '/admin/api', permission: 'clients:read' },
  { id: 'settings', group: 'operation', path: '/admin/settings', permission: 'settings:read' },
] as const satisfies { id: string; group: string; path: string; permission: Permission }[];

export type SectionId = (typeof sections)[number]['id'];
