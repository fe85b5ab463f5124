import type { KeySummary } from '../../oidc/key-lifecycle.ts';
import type { Overview } from '../overview.ts';
import type { ConsolePage } from './console-views.ts';

/** Something that an administrator should look at. Its text is `admin.attention.<kind>`. */
export type Attention = {
  kind:
    | 'versions-differ'
    | 'keys-differ'
    | 'pod-not-ready'
    | 'rotation'
    | 'key-old'
    | 'one-owner'
    | 'no-owner'
    | 'owner-without-passkey'
    | 'many-failures';
  tone: 'warn' | 'danger' | 'plain';
  /** What the text names. */
  values: Record<string, string | number>;
  href: string;
};

type OverviewViews = {
  'admin-overview': ConsolePage &
    Pick<Overview, 'accounts' | 'clients' | 'activeSessions' | 'signIns' | 'topClients' | 'pods'> & {
      /** Those that sign now, or will. */
      keys: (KeySummary & { ageDays: number })[];
      attention: Attention[];
      /** Of the last 24 hours. */
      today: { succeeded: number; failed: number };
    };
};

declare module '../../http/views.ts' {
  interface Views extends OverviewViews {}
}
