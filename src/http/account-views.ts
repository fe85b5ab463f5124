import type { ClientSummary, FormProblem, PasskeyForm } from './views.ts';

/** The data of the self-service pages (/account); part of `Views` in views.ts. */

/** A place in their navigation. */
export type AccountSection =
  | 'overview'
  | 'profile'
  | 'email'
  | 'password'
  | 'security'
  | 'providers'
  | 'sessions'
  | 'applications'
  | 'activity'
  | 'data';

/** What was just done, told on the page that comes after. */
export const accountDone = [
  'profile-saved',
  'email-requested',
  'verification-sent',
  'already-verified',
  'password-changed',
  'password-set',
  'passkey-added',
  'totp-added',
  'factor-renamed',
  'factor-removed',
  'codes-kept',
  'browser-forgotten',
  'browsers-forgotten',
  'session-ended',
  'sessions-ended',
  'application-removed',
  'provider-linked',
  'provider-unlinked',
] as const;
export type AccountDone = (typeof accountDone)[number];

/** What stood in the way. Those in the list may come with a redirect. */
export const accountProblems = [
  'confirm-again',
  'identity-taken',
  'provider-refused',
  'provider-away',
  'link-again',
  'codes-replaced',
] as const;
export type AccountProblem =
  | (typeof accountProblems)[number]
  | 'form-expired'
  | 'too-many-attempts'
  | 'wrong-code'
  | 'code-missing'
  | 'enrolment-expired'
  | 'passkey-failed'
  | 'already-registered'
  | 'too-many-factors'
  | 'name-missing'
  | 'last-way-in'
  | 'profile-changed'
  | 'profile-invalid'
  | 'same-email'
  | 'current-missing'
  | 'current-wrong'
  | 'password-locked'
  | 'busy'
  | 'address-differs'
  | 'last-owner'
  | 'session-unknown'
  | 'factor-unknown'
  | 'browser-unknown'
  | 'application-unknown'
  | 'provider-unknown';

/** A moment as it is written for this person, and how long ago that is. */
export type Moment = { iso: string; text: string; ago: string };

/** What every page has. `csrfToken` goes with each of its forms, as `csrf`. */
export type AccountPage = {
  frame: { path: string; timeZone?: string };
  section: AccountSection;
  csrfToken: string;
  person: { email: string; name?: string };
  /** Whether other providers have a place in the navigation. */
  hasProviders: boolean;
  done?: AccountDone;
  problem?: AccountProblem;
  waitSeconds?: number;
};

/** `name` is empty where the person gave none. */
export type FactorItem = {
  id: string;
  kind: 'passkey' | 'totp';
  name: string;
  addedAt: Moment;
  usedAt?: Moment;
  /** Of a passkey: it is in a password manager, and on more than one device. */
  isSynced: boolean;
};

export type SignInPlace = { at: Moment; browser: string; address: string };

/** Each form posts to the address of its page unless it says otherwise. */
export interface AccountViews {
  account: AccountPage & {
    /** In this browser. */
    signedIn: SignInPlace;
    /** The one before, wherever it was. */
    before?: SignInPlace;
    todos: (
      | { kind: 'verify-email' | 'second-factor' | 'recovery-codes' }
      | { kind: 'few-codes'; left: number }
    )[];
    counts: { passkeys: number; apps: number; sessions: number; applications: number };
    hasPassword: boolean;
  };
  /** Posts `version` and the fields of the profile. */
  'account-profile': AccountPage & {
    version: number;
    values: Record<string, string>;
    /** Fields that hold what they cannot. */
    faulty: string[];
    /** Of fields that were changed elsewhere meanwhile: what they hold now. */
    stored: Record<string, string>;
    timeZones: string[];
    languages: Record<string, string>;
  };
  /** Posts `email`; to `/account/email/verify` nothing else. */
  'account-email': AccountPage & {
    email: string;
    isVerified: boolean;
    /** Without mails neither can be done. */
    mailIsOn: boolean;
    typed: string;
    problems: FormProblem[];
  };
  /** Posts `current` where there is a password, and `password`. */
  'account-password': AccountPage & {
    email: string;
    hasPassword: boolean;
    minimumLength: number;
    problems: FormProblem[];
  };
  /** Posts to `/account/security/browsers/forget`: `browser`, or nothing for all of them. */
  'account-security': AccountPage & {
    hasPassword: boolean;
    passkeys: FactorItem[];
    apps: FactorItem[];
    codes?: { left: number; madeAt: Moment };
    browsers: { id: string; name: string; isThis: boolean; seenAt: Moment; until: Moment }[];
  };
  /** Posts `id` and `name`; to `/account/security/factor/remove` `id` alone. */
  'account-factor': AccountPage & { factor: FactorItem; typed: string };
  /** Posts `sealed`, `response` and `name`. */
  'account-passkey': AccountPage & { passkey: PasskeyForm; typed: string };
  /** Posts `sealed`, `code` and `name`. */
  'account-totp': AccountPage & {
    totp: { sealed: string; secret: string; qrSvg: string };
    typed: string;
  };
  /** Posts nothing else, to get a new set; to `…/kept` when the person has put the shown ones away. */
  'account-recovery-codes': AccountPage & {
    /** Of the set that there is. */
    left?: number;
    /** The new ones, as long as this browser has them. */
    codes?: string[];
  };
  /** Posts to `/account/sessions/end`: `session`; to `/account/sessions/end-others` nothing else. */
  'account-sessions': AccountPage & {
    sessions: {
      uid: string;
      isThis: boolean;
      browser: string;
      address: string;
      signedInAt: Moment;
      usedAt: Moment;
      applications: string[];
    }[];
  };
  /** Posts `application`. */
  'account-applications': AccountPage & {
    applications: {
      clientId: string;
      client: ClientSummary;
      scopes: string[];
      resources: { indicator: string; scopes: string[] }[];
      isOffline: boolean;
    }[];
  };
  'account-activity': AccountPage & {
    entries: {
      kind: string;
      at: Moment;
      count: number;
      browser: string;
      address: string;
      /** What it is about, as the person calls it. */
      about: string;
    }[];
  };
  /** Links lead to `linkPath`; to `/account/providers/unlink` it posts `identity`. */
  'account-providers': AccountPage & {
    links: { identityId: string; provider: string; who: string; linkedAt: Moment; usedAt: Moment }[];
    offers: { name: string; linkPath: string }[];
  };
  /** Posts nothing else to `/account/data/download`. */
  'account-data': AccountPage;
  /** Posts `email`. */
  'account-delete': AccountPage & { email: string; typed: string };
  /** For who is no longer signed in. */
  'account-closed': { frame?: { path: string }; kind: 'deleted' | 'not-signed-in' };
}
