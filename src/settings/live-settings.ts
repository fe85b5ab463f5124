import type { Fault } from '../access/access.ts';
import { nowMs } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { Change } from '../redis/change.ts';
import type { Store } from '../redis/redis.ts';
import { watch } from '../redis/watched.ts';
import { auditDaysOf, type KeptLonger, keptLonger, readKeptLonger } from './audit-days.ts';
import { contradictions, faultsOf, isSettingName, settingNames } from './setting-values.ts';
import type { LiveSettings, SettingName, SettingSource, Settings, SettingsRecord } from './settings.ts';

/**
 * The hash of settings: a field for each that an administrator has set, JSON, and
 *
 *   v        how often they were changed
 *   longest  the longest lifetime, in seconds, that a token or session was ever given
 *   kept     how long events were kept before it was shortened (audit-days.ts)
 */
type Fields = Record<string, string>;

/** The variable that gives a setting's default, where there is one. */
const variables: { [N in SettingName]?: string } = {
  registration: 'HOLDFAST_REGISTRATION',
  terms_url: 'HOLDFAST_TERMS_URL',
  terms_version: 'HOLDFAST_TERMS_VERSION',
  session_idle_seconds: 'HOLDFAST_SESSION_IDLE_SECONDS',
  session_absolute_seconds: 'HOLDFAST_SESSION_ABSOLUTE_SECONDS',
  access_token_seconds: 'HOLDFAST_ACCESS_TOKEN_SECONDS',
  refresh_token_seconds: 'HOLDFAST_REFRESH_TOKEN_SECONDS',
};

/** What holds where neither the environment nor an administrator says otherwise. */
function defaultsOf({ registration, terms, lifetimes }: Config): Settings {
  return {
    registration,
    terms_url: terms?.url ?? null,
    terms_version: terms?.version ?? null,
    second_factor: 'optional',
    console_second_factor: 'required',
    session_idle_seconds: lifetimes.sessionIdleSeconds,
    session_absolute_seconds: lifetimes.sessionAbsoluteSeconds,
    access_token_seconds: lifetimes.accessTokenSeconds,
    refresh_token_seconds: lifetimes.refreshTokenSeconds,
    audit_admin_days: 365,
    audit_people_days: 90,
    signing_key_days: 90,
  };
}

/** @throws Unavailable when they cannot be read at first */
export async function createSettings(parts: {
  store: Store;
  log: Log;
  config: Config;
}): Promise<LiveSettings> {
  const { store, log, config } = parts;
  const key = store.keys.settings();
  const defaults = defaultsOf(config);

  function parse(fields: Fields): SettingsRecord {
    const values: Record<string, unknown> = { ...defaults };
    const sources = {} as Record<SettingName, SettingSource>;
    for (const name of settingNames) {
      sources[name] = config.given.includes(variables[name] ?? '') ? 'environment' : 'default';
      const set = fields[name];
      if (set === undefined) continue;
      const value: unknown = JSON.parse(set);
      // Another version of Holdfast may have written what this one does not know.
      if (faultsOf(name, value).length > 0) continue;
      values[name] = value;
      sources[name] = 'settings';
    }
    return { version: Number(fields.v ?? 0), values: values as Settings, sources };
  }

  const watched = await watch({ store, log }, key, (fields) => ({
    record: parse(fields),
    longestSeconds: Math.max(
      longestOf(defaults),
      longestOf(parse(fields).values),
      Number(fields.longest ?? 0),
    ),
    kept: readKeptLonger(fields.kept),
  }));

  async function attempt(
    version: number | undefined,
    changes: { [N in SettingName]?: Settings[N] | null },
    isDryRun: boolean,
  ): Promise<Awaited<ReturnType<LiveSettings['change']>>> {
    const fields = (await store.read(key)) ?? {};
    const before = parse(fields);
    if (version !== undefined && version !== before.version) return { ok: false, problem: 'changed' };
    const set: Fields = {};
    const drop: string[] = [];
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) drop.push(name);
      else if (value !== undefined) set[name] = JSON.stringify(value);
    }
    const next: Fields = { ...fields, ...set, v: String(before.version + 1) };
    for (const name of drop) delete next[name];
    const after = parse(next);
    const faults = contradictions(after.values);
    if (faults.length > 0) return { ok: false, problem: 'invalid', faults };
    if (JSON.stringify([before.values, before.sources]) === JSON.stringify([after.values, after.sources])) {
      return { ok: true, before, after: before };
    }
    if (isDryRun) return { ok: true, before, after };

    const change = new Change().durable();
    if (fields.v === undefined) change.requireLacking(key, 'v');
    else change.requireSame(key, 'v', fields.v);
    // What was issued before may live as long as the settings before allowed.
    const longest = Math.max(longestOf(before.values), longestOf(after.values), Number(fields.longest ?? 0));
    const kept: KeptLonger = keptLonger(readKeptLonger(fields.kept), before.values, after.values, nowMs());
    change
      .set(key, 0, {
        ...set,
        v: String(after.version),
        longest: String(longest),
        kept: JSON.stringify(kept),
      })
      .drop(key, drop);
    if (!(await store.commit(change)).ok) return { ok: false, problem: 'changed' };
    await watched.refresh();
    return { ok: true, before, after };
  }

  return {
    current: () => watched.current().record.values,
    longestLifetimeSeconds: () => watched.current().longestSeconds,
    auditDays() {
      const { record, kept } = watched.current();
      return auditDaysOf(record.values, kept, nowMs());
    },
    read: async () => parse((await store.read(key)) ?? {}),
    async change(version, changes, { isDryRun = false } = {}) {
      const faults = Object.entries(changes).flatMap(([name, value]): Fault[] =>
        (value === null && isSettingName(name)) || value === undefined ? [] : faultsOf(name, value),
      );
      if (faults.length > 0) return { ok: false, problem: 'invalid', faults };
      for (;;) {
        const outcome = await attempt(version, changes, isDryRun);
        // Whoever named no version wants the change whatever others changed meanwhile.
        const isLate = !outcome.ok && outcome.problem === 'changed' && version === undefined;
        if (!isLate) return outcome;
      }
    },
    onChange: (listener) => watched.onChange(({ record }) => listener(record.values)),
    close: watched.close,
  };
}

function longestOf(settings: Settings): number {
  return Math.max(settings.session_absolute_seconds, settings.refresh_token_seconds);
}
