import type { RecordedEvent } from '../../events/events.ts';
import type { ClientRecord } from '../../oidc/oidc.ts';
import type { FieldView } from './client-fields.ts';
import type { ClientKind, KindQuestions } from './client-kinds.ts';
import type { ClientSetup } from './client-setup.ts';
import type { ConsolePage } from './console-views.ts';
import type { AddressFinding, AddressMatch } from './redirect-address.ts';

/** An API or a role where it is chosen. */
export type Choice = { value: string; label: string; hint: string; isOn: boolean; isFixed: boolean };

export type WizardEntered = {
  name: string;
  redirects: string;
  postLogout: string;
  isOurs: boolean;
  scopes: string[];
  isOffline: boolean;
  framework: string;
};

export type FoundAddress = { address: string; findings: AddressFinding[] };

type ClientViews = {
  'admin-clients': ConsolePage & {
    clients: {
      id: string;
      name: string;
      kind: ClientKind;
      isEnabled: boolean;
      isBuiltIn: boolean;
      isOurs: boolean;
      updatedAt: number;
    }[];
    total: number;
    text: string;
    first?: string;
    next?: string;
  };
  /** The first question of the wizard: the kind of application. */
  'admin-client-kinds': ConsolePage & { kinds: readonly ClientKind[] };
  /** Posts `name`, `redirects` and `postLogout` (a line each), `ours`, `scope`s, `offline`, `api`s, `role`s, `framework`. */
  'admin-client-new': ConsolePage & {
    kind: ClientKind;
    questions: KindQuestions;
    entered: WizardEntered;
    frameworks: { id: string; name: string; callbackPath: string }[];
    apis: Choice[];
    roles: Choice[];
    found: FoundAddress[];
  };
  /** Part of a page, asked for while somebody types. */
  'admin-client-addresses': ConsolePage & { found: FoundAddress[] };
  /** After it was made, or given a secret: the secret, once, and what to do next. */
  'admin-client-ready': ConsolePage & {
    client: ClientRecord;
    secret?: string;
    isNew: boolean;
    setup: ClientSetup;
  };
  'admin-client': ConsolePage & {
    client: ClientRecord;
    /** Metadata by groups, in words. */
    groups: { id: string; rows: { name: string; texts: string[] }[] }[];
    /** Whether the actor may do all that its roles may. */
    isWithinReach: boolean;
    wantsSecret: boolean;
    sessions: number;
    events: RecordedEvent[];
    found: FoundAddress[];
    tested: string;
    match?: AddressMatch;
    setup: ClientSetup;
    json: string;
  };
  /** Posts `version` and the fields of the group. */
  'admin-client-edit': ConsolePage & {
    id: string;
    name: string;
    version: number;
    group: string;
    fields: FieldView[];
  };
  /** Posts `version` and `json`. */
  'admin-client-json': ConsolePage & { id: string; name: string; version: number; json: string };
  /** Posts `overlap`: seconds, or `none`. */
  'admin-client-secret-new': ConsolePage & { id: string; name: string; secrets: number };
};

declare module '../../http/views.ts' {
  interface Views extends ClientViews {}
}
