/** Who somebody is at another provider, as that provider says. */
export type Identity = {
  /** Of the settings. */
  providerId: string;
  /** With `sub` it names the identity for good; nothing else does. */
  issuer: string;
  sub: string;
  email?: string;
  /** Whether the provider has verified the address; false without one. */
  emailVerified: boolean;
  /**
   * Whether the address may lead to an account on the provider's word alone: it is marked as trusted, has
   * verified the address, and is one to decide about it.
   */
  isEmailTrusted: boolean;
  name?: string;
  givenName?: string;
  familyName?: string;
  /** An https URL. */
  picture?: string;
  locale?: string;
  /** When they last signed in there, as far as the provider says; ms since the epoch. */
  authenticatedAt?: number;
  /** Of the session there, for a logout that comes from there. */
  sid?: string;
};

/** What another provider says of a person, before any of it was looked at. */
export type Claims = Record<string, unknown>;

/** The optional members of an identity that claims hold, those that are of a fit shape. */
export function readProfile(
  claims: Claims,
): Omit<Identity, 'providerId' | 'issuer' | 'sub' | 'emailVerified' | 'isEmailTrusted'> {
  const profile = {
    email: textOf(claims.email, 254),
    name: textOf(claims.name),
    givenName: textOf(claims.given_name),
    familyName: textOf(claims.family_name),
    picture: pictureOf(claims.picture),
    locale: textOf(claims.locale, 35),
    sid: textOf(claims.sid),
  };
  return Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined));
}

/** A line of text of a sensible length; undefined for anything else. */
export function textOf(value: unknown, longest = 255): string | undefined {
  if (typeof value !== 'string') return undefined;
  const line = value.trim();
  return line.length > 0 && line.length <= longest && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(line)
    ? line
    : undefined;
}

function pictureOf(value: unknown): string | undefined {
  const text = textOf(value, 1024);
  return text && URL.canParse(text) && new URL(text).protocol === 'https:' ? text : undefined;
}
