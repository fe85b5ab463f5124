import type { Translator } from '../../locale.ts';
import { secondFactorRules } from '../../oidc/oidc.ts';
import type { SettingName, Settings } from '../../settings/settings.ts';

/** Settings as forms ask for them, by groups that belong together. setting-values.ts has the same bounds. */
export type SettingShape =
  | { type: 'choice'; options: readonly string[] }
  | { type: 'text' }
  /** Seconds, which are entered as a number of a unit. */
  | { type: 'duration'; least: number; most: number }
  | { type: 'days'; least: number; most: number };

const day = 24 * 3600;

export const settingShapes: Record<SettingName, SettingShape> = {
  registration: { type: 'choice', options: ['open', 'invitation', 'off'] },
  terms_url: { type: 'text' },
  terms_version: { type: 'text' },
  second_factor: { type: 'choice', options: secondFactorRules },
  console_second_factor: { type: 'choice', options: ['optional', 'required', 'required-always'] },
  session_idle_seconds: { type: 'duration', least: 60, most: 90 * day },
  session_absolute_seconds: { type: 'duration', least: 60, most: 365 * day },
  access_token_seconds: { type: 'duration', least: 10, most: day },
  refresh_token_seconds: { type: 'duration', least: 60, most: 365 * day },
  audit_admin_days: { type: 'days', least: 30, most: 3650 },
  audit_people_days: { type: 'days', least: 7, most: 3650 },
  signing_key_days: { type: 'days', least: 0, most: 3650 },
};

export const settingGroups = {
  people: ['registration', 'terms_url', 'terms_version'],
  'sign-in': ['second_factor', 'console_second_factor'],
  sessions: ['session_idle_seconds', 'session_absolute_seconds'],
  tokens: ['access_token_seconds', 'refresh_token_seconds'],
  audit: ['audit_admin_days', 'audit_people_days'],
  keys: ['signing_key_days'],
} as const satisfies Record<string, readonly SettingName[]>;
export type SettingGroup = keyof typeof settingGroups;

export const units = { seconds: 1, minutes: 60, hours: 3600, days: day } as const;
export type Unit = keyof typeof units;

/** The largest unit of which it is a whole number. */
export function inUnits(seconds: number): { value: number; unit: Unit } {
  const unit = (['days', 'hours', 'minutes', 'seconds'] as const).find((one) => seconds % units[one] === 0);
  return { value: seconds / units[unit ?? 'seconds'], unit: unit ?? 'seconds' };
}

export function durationText(t: Translator, seconds: number): string {
  const { value, unit } = inUnits(seconds);
  return t(`admin.duration.${unit}`, { count: value });
}

/** A value in words. */
export function settingText(t: Translator, name: SettingName, value: Settings[SettingName]): string {
  const shape = settingShapes[name];
  if (value === null || value === '') return t('admin.setting.none');
  switch (shape.type) {
    case 'choice':
      return t(`admin.setting.${name}.${value}`);
    case 'duration':
      return durationText(t, Number(value));
    case 'days':
      return value === 0 ? t('admin.setting.never') : t('admin.duration.days', { count: Number(value) });
    case 'text':
      return String(value);
  }
}

/** What was entered, as a value; what is none is given on as it is, for the rules to refuse. */
export function settingValue(name: SettingName, entered: string, unit: string): unknown {
  const shape = settingShapes[name];
  if (shape.type === 'choice' || shape.type === 'text') return entered === '' ? null : entered;
  if (!/^\d{1,12}$/.test(entered)) return entered === '' ? null : entered;
  const factor = shape.type === 'duration' ? (units[unit as Unit] ?? 1) : 1;
  return Number(entered) * factor;
}
