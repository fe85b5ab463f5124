import type { Actor } from '../access/actor.ts';
import type { SettingName, Settings, SettingsRecord } from '../settings/settings.ts';
import type { Outcome, WriteOptions } from './outcome.ts';

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
