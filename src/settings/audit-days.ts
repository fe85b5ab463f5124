import type { Settings } from './settings.ts';

/**
 * How long events are kept after that was shortened: as before, for another week. Whoever has just shortened it has
 * not yet wiped what they did before, and the change itself is an event that is seen meanwhile.
 */
export type KeptLonger = { setting: AuditSetting; days: number; until: number }[];

type AuditSetting = 'audit_admin_days' | 'audit_people_days';

const dayMs = 24 * 60 * 60 * 1000;
export const shorteningDelayMs = 7 * dayMs;

/** @param before,after of a change; @param now ms since the epoch; @returns what is to be remembered of it */
export function keptLonger(kept: KeptLonger, before: Settings, after: Settings, now: number): KeptLonger {
  // To the end of a day, so that there are few of them.
  const until = Math.ceil((now + shorteningDelayMs) / dayMs) * dayMs;
  const settings = ['audit_admin_days', 'audit_people_days'] as const;
  const fresh = settings
    .filter((setting) => after[setting] < before[setting])
    .map((setting) => ({ setting, days: before[setting], until }));
  // One that is no longer than another, and ends no later, says nothing more.
  const all = [...kept.filter((one) => one.until > now), ...fresh];
  return all.filter(
    (one, at) =>
      !all.some(
        (other, index) =>
          index !== at &&
          other.setting === one.setting &&
          (other.days > one.days || (other.days === one.days && index > at)) &&
          other.until >= one.until,
      ),
  );
}

/** The longest that holds, or held within the last week. */
export function auditDaysOf(
  values: Pick<Settings, AuditSetting>,
  kept: KeptLonger,
  now: number,
): { admin: number; people: number } {
  const longest = (setting: AuditSetting) =>
    Math.max(
      values[setting],
      ...kept.flatMap((one) => (one.setting === setting && one.until > now ? [one.days] : [])),
    );
  return { admin: longest('audit_admin_days'), people: longest('audit_people_days') };
}

/** @param text as it is kept; undefined for none */
export function readKeptLonger(text: string | undefined): KeptLonger {
  return text === undefined ? [] : (JSON.parse(text) as KeptLonger);
}
