import type { GroupDraft, RoleDraft } from '../../access/access.ts';
import type { ResourceDraft } from '../../oidc/resources.ts';
import type { SettingName, Settings } from '../../settings/settings.ts';

/** In the order in which they are made: what refers to others comes after them. They are taken away the other way. */
export const declaredKinds = ['resource', 'role', 'group', 'setting', 'client'] as const;
export type DeclaredKind = (typeof declaredKinds)[number];

export type DeclaredClient = {
  /** All of it, without client_id. */
  metadata: Record<string, unknown>;
  isEnabled: boolean;
  /** From outside of the file; undefined when one is to be made where the client wants one. */
  secret: string | undefined;
};

/** All that a file says, by id. */
export type Declaration = {
  /** Whose things these are: the name under which a later file may change and take them away. */
  managedBy: string;
  resources: Map<string, ResourceDraft>;
  roles: Map<string, RoleDraft>;
  groups: Map<string, GroupDraft>;
  settings: Map<SettingName, Settings[SettingName]>;
  clients: Map<string, DeclaredClient>;
};
