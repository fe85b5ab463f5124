import { z } from 'zod';
import type { Fault } from '../access/access.ts';
import { day, webAddress } from '../config-values.ts';
import type { SettingName, Settings } from './settings.ts';

/** Which values a setting may have. The bounds of those that the environment has too are the same as in config.ts. */

const wholeNumber = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, error).max(most, error);
};

const oneOf = <const T extends string>(...values: T[]) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` });

const text = (what: string) => z.string({ error: `must be ${what}, as text` });

const rules: { [N in SettingName]: z.ZodType<Settings[N]> } = {
  registration: oneOf('open', 'invitation', 'off'),
  terms_url: text('a web address').max(2000, 'must be at most 2000 characters').pipe(webAddress),
  terms_version: text('a version').regex(
    /^[\w.-]{1,40}$/,
    'must be letters, digits, dots and dashes, at most 40',
  ),
  second_factor: oneOf('none', 'optional', 'required', 'required-always'),
  console_second_factor: oneOf('optional', 'required', 'required-always'),
  session_idle_seconds: wholeNumber(60, 90 * day),
  session_absolute_seconds: wholeNumber(60, 365 * day),
  access_token_seconds: wholeNumber(10, day),
  refresh_token_seconds: wholeNumber(60, 365 * day),
  // Longer than it takes until somebody looks: who may change settings must not wipe what they have done.
  audit_admin_days: wholeNumber(30, 3650),
  audit_people_days: wholeNumber(7, 3650),
  signing_key_days: wholeNumber(0, 3650),
};

export const settingNames = Object.keys(rules) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(rules, name);
}

export function faultsOf(name: string, value: unknown): Fault[] {
  if (!isSettingName(name)) return [{ path: name, message: 'is not a setting' }];
  const checked = rules[name].safeParse(value);
  return checked.success ? [] : checked.error.issues.map(({ message }) => ({ path: name, message }));
}

/** What does not fit together, of all settings as they would be. */
export function contradictions(settings: Settings): Fault[] {
  const faults: Fault[] = [];
  if (settings.session_absolute_seconds < settings.session_idle_seconds) {
    faults.push({
      path: 'session_absolute_seconds',
      message: `must not be less than session_idle_seconds, which is ${settings.session_idle_seconds}`,
    });
  }
  if ((settings.terms_url === null) !== (settings.terms_version === null)) {
    faults.push({
      path: settings.terms_url === null ? 'terms_url' : 'terms_version',
      message: 'is missing: terms_url and terms_version belong together, set both or neither',
    });
  }
  return faults;
}
