import { z } from 'zod';
import type { Account, Profile } from '../../accounts/accounts.ts';
import type { ActivityEntry } from '../../accounts/activity.ts';
import type { Factor } from '../../accounts/factors.ts';
import { slug, text, time, toTime, toTimeOrNull, version } from './wire.ts';

/** Accounts, their factors and activity as the API shows them. */

const longestName = 1000;

const profileNames = [
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
] as const satisfies (keyof Profile)[];

type ProfileShape<T> = Record<(typeof profileNames)[number], T>;

function profileShape<T extends z.ZodType>(one: T): ProfileShape<T> {
  return Object.fromEntries(profileNames.map((name) => [name, one])) as ProfileShape<T>;
}

/** Standard claims under their own names (OpenID Connect Core 5.1). */
export const newProfile = profileShape(text(2048).optional());
export const changedProfile = profileShape(text(2048).nullable().optional());

export const roleIds = z.array(slug).max(100);
export const groupIds = z.array(slug).max(100);
export const email = z.string().min(3).max(longestName);

export const accountSchema = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    email_verified: z.boolean(),
    ...profileShape(z.string().optional()),
    status: z.enum(['active', 'disabled']),
    has_password: z.boolean(),
    must_change_password: z.boolean().describe('The person chooses another password at the next sign-in'),
    roles: z.array(z.string()),
    groups: z.array(z.string()),
    terms: z.strictObject({ version: z.string(), accepted_at: time }).nullable(),
    version,
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Account', description: 'Somebody, or something, that signs in' });

export function accountToWire(account: Account): z.input<typeof accountSchema> {
  const profile: Profile = {};
  for (const name of profileNames) if (account[name] !== undefined) profile[name] = account[name];
  return {
    id: account.id,
    email: account.email,
    email_verified: account.emailVerified,
    ...profile,
    status: account.status,
    has_password: account.hasPassword,
    must_change_password: account.mustChangePassword === true,
    roles: account.roles ?? [],
    groups: account.groups ?? [],
    terms: account.terms
      ? { version: account.terms.version, accepted_at: toTime(account.terms.acceptedAt) }
      : null,
    version: account.version,
    created_at: toTime(account.createdAt),
    updated_at: toTime(account.updatedAt),
  };
}

/** Of a body: null takes a field away, which is an empty text inside. */
export function profileFrom(body: Partial<ProfileShape<string | null | undefined>>): Profile {
  const profile: Profile = {};
  for (const name of profileNames) {
    const value = body[name];
    if (value !== undefined) profile[name] = value ?? '';
  }
  return profile;
}

export const factorSchema = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['totp', 'passkey', 'recovery-codes']),
    name: z.string(),
    is_synced: z.boolean().optional().describe('Of a passkey: kept on more than one device'),
    codes_left: z.number().int().optional().describe('Of recovery codes'),
    created_at: time,
    last_used_at: time.nullable(),
  })
  .meta({ id: 'Factor', description: 'A second factor or passkey' });

export function factorToWire(factor: Factor): z.input<typeof factorSchema> {
  return {
    id: factor.id,
    kind: factor.kind,
    name: factor.name,
    ...(factor.kind === 'passkey' ? { is_synced: factor.isSynced } : {}),
    ...(factor.kind === 'recovery-codes' ? { codes_left: factor.left } : {}),
    created_at: toTime(factor.createdAt),
    last_used_at: toTimeOrNull(factor.lastUsedAt),
  };
}

export const activitySchema = z
  .strictObject({
    kind: z.string(),
    at: time,
    count: z.number().int().describe('How often in that hour, of failed sign-ins; otherwise 1'),
    browser: z.string().nullable(),
    address: z.string().nullable(),
    about: z.string().nullable(),
  })
  .meta({ id: 'Activity', description: 'Something that happened to an account, as its own person sees it' });

export function activityToWire(entry: ActivityEntry): z.input<typeof activitySchema> {
  return {
    kind: entry.kind,
    at: toTime(entry.at),
    count: entry.count,
    browser: entry.browser ?? null,
    address: entry.address ?? null,
    about: entry.what ?? null,
  };
}
