import { z } from 'zod';
import type { SettingName, Settings, SettingsRecord } from '../../settings/settings.ts';
import type { ManageSettings } from '../manage-settings.ts';
import { type ApiRoute, answer, apiRoute } from './api-route.ts';
import { given, list, text, version } from './wire.ts';

const tag = 'Settings';
const seconds = z.number().int().min(1);
const days = z.number().int().min(0);

const values = {
  registration: z.enum(['open', 'invitation', 'off']).describe('Who may make an account'),
  terms_url: text(2048).nullable(),
  terms_version: text(200).nullable(),
  second_factor: z
    .enum(['none', 'optional', 'required', 'required-always'])
    .describe('What clients that do not say ask of a second factor'),
  console_second_factor: z.enum(['optional', 'required', 'required-always']).describe('Of the admin console'),
  session_idle_seconds: seconds,
  session_absolute_seconds: seconds,
  access_token_seconds: seconds,
  refresh_token_seconds: seconds,
  audit_admin_days: days.describe('How long events of administrators are kept'),
  audit_people_days: days.describe('How long sign-ins are kept'),
  signing_key_days: days.describe('After how many days signing keys are replaced by themselves; 0 for never'),
} satisfies Record<SettingName, z.ZodType>;

const names = Object.keys(values) as SettingName[];
const source = z.enum(['default', 'environment', 'settings']);

const changes = Object.fromEntries(
  Object.entries(values).map(([name, schema]) => [name, (schema as z.ZodType).nullable().optional()]),
) as { [N in SettingName]: z.ZodOptional<z.ZodNullable<(typeof values)[N]>> };

const settingsSchema = z
  .strictObject({
    values: z.strictObject(values),
    sources: z
      .strictObject(
        Object.fromEntries(names.map((name) => [name, source])) as Record<SettingName, typeof source>,
      )
      .describe('Where each value comes from'),
    version,
  })
  .meta({ id: 'Settings', description: 'What can be changed while pods run' });

function settingsToWire({ values, sources, version }: SettingsRecord): z.input<typeof settingsSchema> {
  return { values, sources, version };
}

export function settingsRoutes(settings: ManageSettings): ApiRoute[] {
  const one = (record: SettingsRecord) => ({ body: settingsToWire(record), version: record.version });
  return [
    apiRoute({
      method: 'GET',
      path: '/settings',
      operationId: 'getSettings',
      tag,
      summary: 'Get the settings',
      permission: 'settings:read',
      response: settingsSchema,
      statuses: [200],
      handle: async () => one(await settings.read()),
    }),
    apiRoute({
      method: 'PATCH',
      path: '/settings',
      operationId: 'updateSettings',
      tag,
      summary: 'Change settings',
      description:
        'What is left out stays as it is; null gives a setting back to the environment. It holds on every pod within a second.',
      permission: 'settings:write',
      body: z.strictObject(changes),
      response: settingsSchema,
      statuses: [200, 409],
      isConditional: true,
      mayDryRun: true,
      examples: { body: { registration: 'invitation', session_idle_seconds: null } },
      async handle({ actor, body, version, isDryRun }) {
        const wanted = given(body) as { [N in SettingName]?: Settings[N] | null };
        return answer(await settings.change(actor, wanted, { version, isDryRun }), one);
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/settings/environment',
      operationId: 'getEnvironment',
      tag,
      summary: 'What the environment decides',
      description: 'By variable. Secrets are told of, never shown.',
      permission: 'settings:read',
      response: list(
        z.strictObject({ name: z.string(), value: z.string() }).meta({ id: 'EnvironmentVariable' }),
      ),
      statuses: [200],
      handle: async () => ({ body: { items: settings.environment() } }),
    }),
  ];
}
