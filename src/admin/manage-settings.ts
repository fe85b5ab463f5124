import type { Actor } from '../access/actor.ts';
import type { LiveSettings, SettingName, Settings, SettingsRecord } from '../settings/settings.ts';
import type { Act } from './acts.ts';
import { differenceOf } from './difference.ts';
import { changed, done, type Outcome, unfit, type WriteOptions } from './outcome.ts';

export type ManageSettings = {
  read(): Promise<SettingsRecord>;
  change(
    actor: Actor,
    changes: { [N in SettingName]?: Settings[N] | null },
    options?: WriteOptions,
  ): Promise<Outcome<SettingsRecord>>;
  /** What the environment decides, by variable; secrets are told of, never shown. */
  environment(): { name: string; value: string }[];
};

export function createManageSettings(parts: {
  settings: LiveSettings;
  environment: { name: string; value: string }[];
  act: Act;
}): ManageSettings {
  const { settings, environment, act } = parts;
  return {
    read: () => settings.read(),
    environment: () => environment,

    change: (actor, changes, { version, isDryRun } = {}) =>
      act(
        actor,
        { kind: 'settings.changed', target: { kind: 'settings', id: 'settings' }, isDryRun },
        async (note) => {
          const made = await settings.change(version, changes, isDryRun ? { isDryRun } : {});
          if (!made.ok) return made.problem === 'changed' ? changed('page of settings') : unfit(made.faults);
          note(differenceOf(made.before.values, made.after.values));
          return done(made.after);
        },
      ),
  };
}
