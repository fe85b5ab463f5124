import type { AnySession } from '../../oidc/all-sessions.ts';
import type { KeySummary, KeyUse } from '../../oidc/oidc.ts';
import type { SettingName, SettingSource } from '../../settings/settings.ts';
import type { ConsolePage } from './console-views.ts';

/** A point in the life of a key. */
export type KeyStep = {
  /** For the text `admin.key.step.<name>`. */
  name: 'made' | 'served' | 'active' | 'retired' | 'removed';
  /** ms; undefined while it is not known. */
  at?: number;
  state: 'done' | 'now' | 'ahead';
};

/** A setting as its page shows it. */
export type SettingView = {
  name: SettingName;
  /** In words. */
  text: string;
  source: SettingSource;
};

export type SettingField = {
  name: SettingName;
  source: SettingSource;
  /** As it is entered: a number of `unit`, one of `options`, or a text. */
  value: string;
  unit?: string;
  options?: readonly string[];
  /** Of seconds or days, in words. */
  bounds?: { least: string; most: string };
};

type OperationViews = {
  'admin-sessions': ConsolePage & {
    sessions: (AnySession & { label: string })[];
    total: number;
    filters: { account: string; client: string };
    isFiltered: boolean;
    /** Whose the filters are, as people know them. */
    accountLabel?: string;
    accountId?: string;
    clientName?: string;
    isSelf: boolean;
    ownUid: string;
    first?: string;
    next?: string;
  };
  'admin-keys': ConsolePage & {
    uses: {
      use: KeyUse;
      isUnderWay: boolean;
      keys: (KeySummary & { steps: KeyStep[] })[];
    }[];
    /** After how many days signing keys are replaced by themselves; 0 for never. */
    days: number;
    jwksUri: string;
  };
  'admin-settings': ConsolePage & {
    groups: { id: string; settings: SettingView[] }[];
    environment: { name: string; value: string }[];
  };
  /** Posts `version`, each setting by its name, `<name>-unit` where it has one, and `back` for those to give back. */
  'admin-settings-edit': ConsolePage & { group: string; version: number; fields: SettingField[] };
  'admin-api': ConsolePage & { issuer: string; api: string; permissions: number; command: string };
};

declare module '../../http/views.ts' {
  interface Views extends OperationViews {}
}
