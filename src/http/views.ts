import type { AccountViews } from './account-views.ts';
import type { ReferencePage } from './api-reference-view.ts';

/**
 * The pages with the data of each: what a handler gives to `renderer.page`, and a template in views/pages gets. Does
 * not own how data becomes a page (render.ts).
 */

/** What a page may say about a client. `host` is where the person is sent, without scheme and path. */
export type ClientSummary = {
  name: string;
  host: string;
  /** Not shown: the pages load nothing from elsewhere. They draw the first letter of the name. */
  logoUri?: string;
  uri?: string;
  policyUri?: string;
  tosUri?: string;
};

/** What was wrong with a form around accounts; the field that it is about stands first in the code. */
export type FormProblem = {
  code:
    | 'form-expired'
    | 'busy'
    | 'too-many-attempts'
    | 'email-missing'
    | 'email-invalid'
    | 'email-look-alike'
    | 'password-missing'
    | 'password-too-short'
    | 'password-too-long'
    | 'password-too-common'
    | 'password-like-yours'
    | 'password-repeats'
    | 'password-pattern'
    | 'password-breached'
    | 'password-same'
    | 'name-invalid'
    | 'terms-not-accepted';
  /** Characters, of a password that is too short or too long. */
  limit?: number;
  /** Of too many attempts. */
  waitSeconds?: number;
};

/** The terms to be accepted; the form posts `terms` with their version. */
type AskedTerms = { url: string; version: string };

type MailedLink =
  | 'register'
  | 'verify-email'
  | 'change-email'
  | 'undo-email-change'
  | 'reset-password'
  | 'invitation';

/** A form around accounts. It posts `csrf` and, where a link led to it, `token`. */
type AccountForm = Frame & { action: string; csrfToken: string; problems: FormProblem[] };

/**
 * What every page accepts. `path` is where the language switcher comes back to; without it there is none. `timeZone`
 * is the reader's (an IANA name), for what the page makes of `moment`.
 */
type Frame = { frame?: { path: string; timeZone?: string } };

/** What every page of an interaction has. */
type InteractionFrame = Frame & { base: string; csrfToken: string; client: ClientSummary };

/** What the page's script hands to the browser's authenticator, and what comes back with its answer. */
export type PasskeyForm = { options: string; sealed: string };

/** What has just happened on the way to another provider. */
export type SignInNotice =
  | 'link-by-sign-in'
  | 'no-account'
  | 'provider-refused'
  | 'provider-away'
  | 'start-again'
  | 'sign-in-here';

/** The pages by name, which is also their file in views/pages, with the data that each one needs. */
export interface Views extends AccountViews {
  /**
   * `base` is the address of the interaction. Posts to `<base>/login`: `csrf`, `email`, `password`, `remember`
   * ("yes"), `decision` ("sign-in" or "cancel"); to `<base>/passkey`: `csrf`, `sealed`, `response`, `remember`.
   */
  login: InteractionFrame & {
    email: string;
    problem?:
      | 'wrong-credentials'
      | 'too-many-attempts'
      | 'locked'
      | 'busy'
      | 'email-missing'
      | 'password-missing'
      | 'passkey-failed'
      | 'passkey-unknown'
      | 'form-expired';
    retryAfterSeconds?: number;
    /** Of a sign-in that failed: by it an administrator finds out why. */
    requestId?: string;
    notice?: SignInNotice;
    /** The account is known and confirms its password: `email` is shown and cannot be changed. */
    reauthenticate: boolean;
    mayRemember: boolean;
    remember: boolean;
    passkey: PasskeyForm;
    /** Other providers that people may sign in with. */
    providers: { name: string; href: string }[];
    forgotHref?: string;
    registerHref?: string;
  };
  /**
   * Posts to `<base>/factor/<method>`: `csrf`, `code`, `trust` ("yes"); a passkey to `<base>/passkey`. Others are
   * chosen by `<base>?use=<method>`.
   */
  'second-factor': InteractionFrame & {
    email: string;
    method: 'passkey' | 'otp' | 'recovery' | 'email-code';
    others: ('passkey' | 'otp' | 'recovery' | 'email-code')[];
    problem?:
      | 'wrong-code'
      | 'used-code'
      | 'code-missing'
      | 'code-expired'
      | 'too-many-attempts'
      | 'factor-locked'
      | 'passkey-failed'
      | 'passkey-unknown'
      | 'form-expired';
    retryAfterSeconds?: number;
    /** As on the page before. */
    requestId?: string;
    /** Whether a code was mailed already. */
    isSent: boolean;
    mayTrust: boolean;
    passkey?: PasskeyForm;
  };
  /** Posts to `<base>/enrol/totp`: `csrf`, `sealed`, `code`; or to `<base>/enrol/passkey`. */
  'enrol-factor': InteractionFrame & {
    email: string;
    kind: 'passkey' | 'totp';
    others: ('passkey' | 'totp')[];
    problem?:
      | 'wrong-code'
      | 'code-missing'
      | 'enrolment-expired'
      | 'too-many-attempts'
      | 'passkey-failed'
      | 'form-expired';
    totp?: { sealed: string; secret: string; uri: string; qrSvg: string };
    passkey?: PasskeyForm;
  };
  /** Posts `csrf` to `<base>/recovery-codes`. */
  'new-recovery-codes': InteractionFrame & { codes: string[] };
  /** Posts to `<base>/new-password`: `csrf`, `password`. */
  'new-password': InteractionFrame & { email: string; minimumLength: number; problems: FormProblem[] };
  /** Posts `csrf`, `version`, `decision` ("accept" or "decline") to `<base>/terms`. */
  terms: InteractionFrame & { terms: { url: string; version: string } };
  /** Posts `csrf`, `decision` ("allow" or "deny"). `scopes` and `claims` are the newly asked ones. */
  consent: Frame & {
    action: string;
    csrfToken: string;
    client: ClientSummary;
    account: { email: string; name?: string };
    scopes: string[];
    claims: string[];
    resources: { indicator: string; scopes: string[] }[];
    alreadyGranted: string[];
  };
  /** Posts `xsrf` and, to end the whole session, `logout` ("yes"). Without it only `client` is left. */
  logout: Frame & { action: string; xsrf: string; client?: ClientSummary; account?: { email: string } };
  /**
   * After logout. `client` is the one that was left. `stillSignedIn` says whether the session here goes on; when
   * absent it does if there is a client, which is how the engine tells the two ways of logging out apart.
   */
  'signed-out': Frame & { client?: ClientSummary; stillSignedIn?: boolean };
  error: Frame & {
    kind:
      | 'expired'
      | 'bad-request'
      | 'not-found'
      | 'forbidden'
      | 'too-many-requests'
      | 'unavailable'
      | 'server'
      | 'client-disabled'
      | 'cookies';
    status: number;
    code: string;
    requestId: string;
    /** Public but possibly technical; shown only when the person asks for details. */
    description?: string;
    retryAfterSeconds?: number;
  };
  home: Frame & {
    issuer: string;
    discoveryUrl: string;
    demo?: { relyingPartyUrl: string };
    /** Where local mode shows its mails. */
    mailsPath?: string;
  };
  /** Posts `fields` to `action`, at once where scripts run, otherwise at the press of its button. */
  continue: Frame & { action: string; fields: Record<string, string>; message: 'logout' | 'form-post' };
  /** Posts `xsrf`, `user_code`. */
  'device-code': Frame & {
    action: string;
    xsrf: string;
    userCode?: string;
    problem?: 'not-found' | 'expired' | 'missing';
  };
  /** Posts `xsrf`, `user_code` and either `confirm` ("yes") or `abort` ("yes"). */
  'device-confirm': Frame & {
    action: string;
    xsrf: string;
    userCode: string;
    client: ClientSummary;
    deviceAddress?: string;
    deviceAgent?: string;
    scopes: string[];
  };
  'admin-api-reference': Frame & ReferencePage;
  'device-done': Frame & { client: ClientSummary; approved: boolean };
  /** Posts `email`, `password`, `name`, `terms` (their version), `interaction`. */
  register: AccountForm & {
    email: string;
    name: string;
    interaction: string;
    minimumLength: number;
    terms?: AskedTerms;
    termsAccepted: boolean;
    /** The mail is to be sent once more: the password has to be chosen anew. */
    isAgain: boolean;
    signInPath: string;
  };
  /** After a mail was asked for, the same whoever has the address. With `again` it can be sent once more at once. */
  'mail-sent': Frame & {
    what: 'register' | 'reset-password';
    email: string;
    /** Posts `csrf`, `email`, `interaction`. */
    again?: { action: string; csrfToken: string; interaction: string };
    againPath?: string;
    otherAddressPath: string;
    signInPath: string;
    mailsPath?: string;
  };
  /** Posts `password` and `terms` where they are asked for. */
  'register-confirm': AccountForm & {
    token: string;
    email: string;
    /** It is another browser than the one that registered. */
    asksPassword: boolean;
    minimumLength: number;
    terms?: AskedTerms;
    termsAccepted: boolean;
  };
  /** Posts `password`, `name`, `terms`. */
  invitation: AccountForm & {
    token: string;
    email: string;
    inviter: string;
    name: string;
    minimumLength: number;
    terms?: AskedTerms;
    termsAccepted: boolean;
  };
  /** Posts `email`, `interaction`. */
  'forgot-password': AccountForm & { email: string; interaction: string; signInPath: string };
  /** Posts `password`, `everywhere` ("yes"). */
  'reset-password': AccountForm & {
    token: string;
    email: string;
    minimumLength: number;
    everywhere: boolean;
  };
  /** A link about the address of an account: its one button does it. `newEmail` where the address changes. */
  'email-link': AccountForm & {
    purpose: 'verify-email' | 'change-email' | 'undo-email-change';
    token: string;
    email: string;
    newEmail?: string;
  };
  /** What a link was for is done. `goOn` posts `csrf`; with `goOnPath` it is a link. */
  'link-done': Frame & {
    purpose: MailedLink;
    goOn?: { action: string; csrfToken: string; client: ClientSummary };
    goOnPath?: string;
    /** What was begun waits in another browser. */
    isElsewhere: boolean;
  };
  'link-problem': Frame & {
    purpose: MailedLink;
    problem: 'gone' | 'superseded' | 'spent' | 'outdated' | 'email-taken' | 'too-often' | 'closed';
  };
  'not-offered': Frame & {
    what: 'register' | 'register-by-invitation' | 'forgot-password';
    signInPath: string;
  };
  /** The mails of local mode, the latest first. `text` in pieces, of which those with `link` are addresses. */
  'local-mails': Frame & {
    mails: {
      id: string;
      subject: string;
      to: string;
      at: string;
      text: { piece: string; link: boolean }[];
      htmlPath: string;
    }[];
  };
}
