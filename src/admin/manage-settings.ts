import { outranks, permissions } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import { nowMs } from '../clock.ts';
import type { LiveSettings, SettingName, Settings, SettingsRecord } from '../settings/settings.ts';
import { shorteningDelayMs } from '../settings/settings.ts';
import type { Act } from './acts.ts';
import { differenceOf } from './difference.ts';
import { changed, done, type Outcome, refused, unfit, type WriteOptions } from './outcome.ts';

/** What an administrator could cover tracks by, or sign in more easily as another one: only an owner changes it. */
const ownersOnly: ReadonlySet<SettingName> = new Set([
  'audit_admin_days',
  'audit_people_days',
  'console_second_factor',
]);

type Changes = { [N in SettingName]?: Settings[N] | null };

export type ManageSettings = {
  read(): Promise<SettingsRecord>;
  change(actor: Actor, changes: Changes, options?: WriteOptions): Promise<Outcome<SettingsRecord>>;
  /** What the environment decides, by variable; secrets are told of, never shown. */
  environment(): { name: string; value: string }[];
};

export function createManageSettings(parts: {
  settings: LiveSettings;
  environment: { name: string; value: string }[];
  act: Act;
}): ManageSettings {
  const { settings, environment, act } = parts;

  /** A form sends all of them; those that only an owner changes are left out where they would not be changed. */
  async function withoutWhatIs(changes: Changes): Promise<Changes> {
    const { values, sources } = await settings.read();
    const entries = Object.entries(changes) as [SettingName, Settings[SettingName] | null | undefined][];
    return Object.fromEntries(
      entries.filter(([name, value]) => {
        if (!ownersOnly.has(name)) return true;
        return value === null ? sources[name] === 'settings' : value !== undefined && value !== values[name];
      }),
    );
  }

  return {
    read: () => settings.read(),
    environment: () => environment,

    change: (actor, changes, { version, isDryRun } = {}) =>
      act(
        actor,
        { kind: 'settings.changed', target: { kind: 'settings', id: 'settings' }, isDryRun },
        async (note) => {
          const wanted = await withoutWhatIs(changes);
          const names = Object.keys(wanted) as SettingName[];
          const guarded = names.filter((name) => ownersOnly.has(name));
          if (guarded.length > 0 && !outranks(actor.permissions, permissions)) {
            return refused(
              'outranked',
              `Only an owner, who may do everything, changes ${guarded.join(', ')}. Ask one to do it.`,
              guarded.map((path) => ({ path, message: 'Only an owner changes this.' })),
            );
          }
          const made = await settings.change(version, wanted, isDryRun ? { isDryRun } : {});
          if (!made.ok) return made.problem === 'changed' ? changed('page of settings') : unfit(made.faults);
          const difference = differenceOf(made.before.values, made.after.values);
          const isShorter = (['audit_admin_days', 'audit_people_days'] as const).some(
            (name) => made.after.values[name] < made.before.values[name],
          );
          if (isShorter) difference.after.events_are_kept_as_before_until = inAWeek();
          note(difference);
          return done(made.after);
        },
      ),
  };
}

function inAWeek(): string {
  return new Date(nowMs() + shorteningDelayMs).toISOString();
}
