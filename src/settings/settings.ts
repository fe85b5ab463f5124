/**
 * The door to settings that can be changed while pods run. The environment gives their defaults; what an
 * administrator sets is kept in Redis and holds on every pod within a second.
 *
 * It owns which there are, their bounds and where a value comes from. What a setting does is up to who reads it.
 */
import type { Fault } from '../access/access.ts';

export { shorteningDelayMs } from './audit-days.ts';
export { createSettings } from './live-settings.ts';
export { isSettingName, settingNames } from './setting-values.ts';
export { withSettings } from './with-settings.ts';

export type Settings = {
  registration: 'open' | 'invitation' | 'off';
  terms_url: string | null;
  terms_version: string | null;
  /** Of clients that do not say (oidc/prompt-policy.ts). */
  second_factor: 'none' | 'optional' | 'required' | 'required-always';
  /** Of the admin console. */
  console_second_factor: 'optional' | 'required' | 'required-always';
  session_idle_seconds: number;
  session_absolute_seconds: number;
  access_token_seconds: number;
  refresh_token_seconds: number;
  /** How long events of administrators, and of people, are kept. */
  audit_admin_days: number;
  audit_people_days: number;
  /** After how many days signing keys are replaced by themselves; 0 for never. */
  signing_key_days: number;
};

export type SettingName = keyof Settings;

export type SettingSource = 'default' | 'environment' | 'settings';

export type SettingsRecord = {
  version: number;
  values: Settings;
  sources: Record<SettingName, SettingSource>;
};

export type LiveSettings = {
  /** What this pod goes by: less than a second old. */
  current(): Settings;
  /** The longest that a token or session was ever allowed to live: what has ended is remembered for so long. */
  longestLifetimeSeconds(): number;
  /**
   * For how many days each trail of events is kept now. A shorter time holds only a week after it was set, so that
   * there is a week in which it is seen, and taken back.
   */
  auditDays(): { admin: number; people: number };
  /** Straight from Redis. @throws Unavailable */
  read(): Promise<SettingsRecord>;
  /** @param changes null gives a setting back to the environment */
  change(
    version: number | undefined,
    changes: { [N in SettingName]?: Settings[N] | null },
    options?: { isDryRun?: boolean },
  ): Promise<
    | { ok: true; before: SettingsRecord; after: SettingsRecord }
    | { ok: false; problem: 'changed' }
    | { ok: false; problem: 'invalid'; faults: Fault[] }
  >;
  onChange(listener: (settings: Settings) => void): void;
  close(): void;
};
