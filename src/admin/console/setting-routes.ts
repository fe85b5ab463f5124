import type { Reply } from '../../http/route.ts';
import type { SettingName, Settings, SettingsRecord } from '../../settings/settings.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, manyField, textField, versionField } from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit } from './console-visit.ts';
import type { SettingField } from './operation-views.ts';
import {
  durationText,
  inUnits,
  type SettingGroup,
  settingGroups,
  settingShapes,
  settingText,
  settingValue,
} from './setting-fields.ts';

const path = '/admin/settings';
const groups = Object.keys(settingGroups) as SettingGroup[];

/** Settings that can be changed while pods run, and what the environment decides. */
export function settingRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  function showForm(
    visit: Visit,
    group: SettingGroup,
    record: SettingsRecord,
    entered: Record<string, string> = {},
    says: Says & { status?: number } = {},
  ): Reply {
    const names: readonly SettingName[] = settingGroups[group];
    const fields = names.map((name) => fieldOf(visit, name, record, entered));
    return visits.show(
      visit,
      'admin-settings-edit',
      'settings',
      { group, version: record.version, fields },
      says,
    );
  }

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'settings:read',
      async handle({ visit }) {
        const { values, sources } = await admin.settings.read();
        return visits.show(visit, 'admin-settings', 'settings', {
          groups: groups.map((id) => ({
            id,
            settings: settingGroups[id].map((name: SettingName) => ({
              name,
              text: settingText(visit.t, name, values[name]),
              source: sources[name],
            })),
          })),
          environment: admin.settings.environment(),
        });
      },
    }),

    ...groups.flatMap((group) => {
      const names: readonly SettingName[] = settingGroups[group];
      const fields = Object.fromEntries(
        names.flatMap((name) => [
          [name, textField(2000)],
          [`${name}-unit`, textField(10)],
        ]),
      );
      return [
        consoleRoute({
          method: 'GET',
          path: `${path}/${group}`,
          permission: 'settings:write',
          handle: async ({ visit }) => showForm(visit, group, await admin.settings.read()),
        }),
        consoleRoute({
          method: 'POST',
          path: `${path}/${group}`,
          permission: 'settings:write',
          body: { version: versionField, back: manyField, ...fields },
          back: () => `${path}/${group}`,
          async handle({ visit, body }) {
            const { version, back } = body as { version?: number; back: string[] };
            const entered = body as unknown as Record<string, string>;
            const record = await admin.settings.read();
            const changes: Record<string, unknown> = {};
            for (const name of names) {
              if (back.includes(name)) changes[name] = null;
              else {
                const value = settingValue(name, entered[name] ?? '', entered[`${name}-unit`] ?? '');
                // What was left as it is goes on to come from where it comes from.
                if (value !== record.values[name]) changes[name] = value;
              }
            }
            const outcome = await admin.settings.change(
              visit.actor,
              changes as { [N in SettingName]?: Settings[N] | null },
              { version },
            );
            if (outcome.ok) return doneAt(path, 'settings-saved');
            const seen = { ...record, version: version ?? record.version };
            return showForm(visit, group, seen, entered, visits.refusal(outcome));
          },
        }),
      ];
    }),
  ];
}

function fieldOf(
  { t }: Visit,
  name: SettingName,
  { values, sources }: SettingsRecord,
  entered: Record<string, string>,
): SettingField {
  const shape = settingShapes[name];
  const value = values[name];
  const common = { name, source: sources[name], value: entered[name] ?? String(value ?? '') };
  switch (shape.type) {
    case 'choice':
      return { ...common, options: shape.options };
    case 'text':
      return common;
    case 'days': {
      const bounds = {
        least:
          shape.least === 0
            ? t('admin.setting.never-zero')
            : t('admin.duration.days', { count: shape.least }),
        most: t('admin.duration.days', { count: shape.most }),
      };
      return { ...common, bounds };
    }
    case 'duration': {
      const { value: amount, unit } = inUnits(Number(value));
      return {
        ...common,
        value: entered[name] ?? String(amount),
        unit: entered[`${name}-unit`] ?? unit,
        bounds: { least: durationText(t, shape.least), most: durationText(t, shape.most) },
      };
    }
  }
}
