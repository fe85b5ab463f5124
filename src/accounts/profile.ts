/**
 * What an account tells of its person besides the e-mail address: standard claims under their own names (OpenID
 * Connect Core 5.1), so that there is one word for each from the form to the token. All texts, all optional.
 */
export type Profile = {
  name?: string;
  given_name?: string;
  family_name?: string;
  middle_name?: string;
  nickname?: string;
  preferred_username?: string;
  /** Address of a page about the person. */
  profile?: string;
  /** Address of an image. */
  picture?: string;
  website?: string;
  gender?: string;
  /** YYYY-MM-DD, 0000-MM-DD without the year, or YYYY. */
  birthdate?: string;
  /** A name of the IANA time zone database. */
  zoneinfo?: string;
  /** A BCP 47 language tag. */
  locale?: string;
};

export type ProfileField = keyof Profile;

/** In code points. */
const longestText = 200;
const longestUrl = 2048;

/** Controls (line breaks among them), lone surrogates, and signs that turn the direction of what follows. */
const unfit = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

const isText = (value: string) =>
  value.trim() !== '' && [...value].length <= longestText && !unfit.test(value);

/** A page shows it as a link or image: `javascript:` and the like must not get in. */
const isWebAddress = (value: string) =>
  value.length <= longestUrl &&
  !unfit.test(value) &&
  URL.canParse(value) &&
  ['https:', 'http:'].includes(new URL(value).protocol);

/** Every field, and whether it may hold a value. */
const isFit: Record<ProfileField, (value: string) => boolean> = {
  name: isText,
  given_name: isText,
  family_name: isText,
  middle_name: isText,
  nickname: isText,
  preferred_username: isText,
  profile: isWebAddress,
  picture: isWebAddress,
  website: isWebAddress,
  gender: isText,
  birthdate: isBirthdate,
  zoneinfo: isTimeZone,
  locale: isLocale,
};

export const profileFields = Object.keys(isFit) as ProfileField[];

/** The fields that hold what they must not; none when the profile is in order. */
export function faultyFields(profile: Profile): ProfileField[] {
  return profileFields.filter((field) => {
    const value = profile[field];
    return value !== undefined && !isFit[field](value);
  });
}

/** The fields that are set, and nothing else that the object may carry. */
export function pickProfile(source: Record<string, unknown>): Profile {
  const profile: Profile = {};
  for (const field of profileFields) {
    const value = source[field];
    if (typeof value === 'string') profile[field] = value.normalize('NFC');
  }
  return profile;
}

function isBirthdate(value: string): boolean {
  const [, year = '', month, day] = /^(\d{4})(?:-(\d\d)-(\d\d))?$/.exec(value) ?? [];
  if (month === undefined) return year !== '' && year !== '0000';
  // A year that is not told may be a leap year.
  const date = `${year === '0000' ? '2000' : year}-${month}-${day}`;
  const time = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}

function isTimeZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return isText(value);
  } catch {
    return false;
  }
}

function isLocale(value: string): boolean {
  try {
    return isText(value) && Intl.getCanonicalLocales(value).length === 1;
  } catch {
    return false;
  }
}
