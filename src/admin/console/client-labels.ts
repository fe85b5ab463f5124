import type { ClientMetadata, ClientRecord } from '../../oidc/oidc.ts';
import type { Crumb } from './console-views.ts';
import type { Visit } from './console-visit.ts';

export const clientsPath = '/admin/clients';

export function clientPath(id: string): string {
  return `${clientsPath}/${encodeURIComponent(id)}`;
}

/** As people know it: by name, else by id. */
export function clientName(metadata: ClientMetadata): string {
  return typeof metadata.client_name === 'string' ? metadata.client_name : metadata.client_id;
}

export function clientListCrumb({ t }: Visit): Crumb {
  return { label: t('admin.section.clients'), href: clientsPath };
}

/** The way back from a page about a client. */
export function clientCrumbs(visit: Visit, { metadata }: Pick<ClientRecord, 'metadata'>): Crumb[] {
  return [clientListCrumb(visit), { label: clientName(metadata), href: clientPath(metadata.client_id) }];
}

/** The texts in a list of the metadata; none where it has no such list. */
export function textsOf(metadata: Record<string, unknown>, field: string): string[] {
  const value = metadata[field];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
