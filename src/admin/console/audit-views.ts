import type { EventKind, RecordedEvent, Verification } from '../../events/events.ts';
import type { ConsolePage } from './console-views.ts';

export type AuditFilters = {
  person: string;
  client: string;
  kind: string;
  trail: string;
  outcome: string;
  request: string;
  from: string;
  to: string;
};

/** A field that an act has changed; a value that is a list, in its parts. */
export type Change = { field: string; removed: string[]; added: string[] };

type AuditViews = {
  'admin-audit': ConsolePage & {
    events: RecordedEvent[];
    filters: AuditFilters;
    isFiltered: boolean;
    kinds: EventKind[];
    /** Nobody has the address that was looked for; what is found was typed by somebody who could not sign in. */
    isPersonUnknown: boolean;
    /** Of the request that was searched for: why what it wanted failed, as a word of `admin.why.<reason>`. */
    why: { event: RecordedEvent; reason: string }[];
    exportPath: string;
    first?: string;
    next?: string;
  };
  'admin-audit-event': ConsolePage & { event: RecordedEvent; changes: Change[]; why?: string };
  'admin-audit-verified': ConsolePage & { trails: Verification[] };
};

declare module '../../http/views.ts' {
  interface Views extends AuditViews {}
}
