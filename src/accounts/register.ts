/**
 * Registration: a person makes an account for themselves, and it is theirs once they have shown that the address
 * is. Owns who may, and what waits until then; not the pages.
 *
 * Until the address is confirmed there is no account: the password's hash and the profile wait sealed in the link.
 * Answer and work are the same whether or not the address has an account already; its owner is told by mail, and
 * nobody else.
 *
 * Who confirms in another browser than the registration was made in chooses the password anew. Otherwise somebody
 * could register another's address with a password of their own, and wait for the owner to click the link.
 */
import { nowMs } from '../clock.ts';
import type { Locale } from '../locale.ts';
import { localeOf } from './account-mail.ts';
import { type Account, mintAccountId } from './accounts.ts';
import { normaliseEmail } from './email.ts';
import { type FlowParts, type TooMany, tooMany } from './flow-parts.ts';
import { isLookAlike } from './names.ts';
import { namesOf, type PasswordProblem } from './new-password.ts';
import type { LinkProblem, OneTimeLink } from './one-time-link.ts';
import { faultyFields, type Profile, type ProfileField, pickProfile } from './profile.ts';

export type Registration = {
  email: string;
  /** Left out where the account is to have none (a passkey instead). */
  password?: string | undefined;
  profile?: Profile;
  /** The version that the person was shown and accepted. */
  termsVersion?: string | undefined;
  locale: Locale;
  /** A secret of the browser, from a cookie; confirming in the same one asks for nothing more. */
  browser: string;
  /** From http/client-address.ts. */
  address: string;
  /** Where the person goes on after it: the uid of an interaction. Comes back as it is. */
  returnTo?: string | undefined;
};

export type RegistrationProblem =
  | { ok: false; problem: 'closed' | 'invitation-needed' | 'email-invalid' | 'email-look-alike' }
  | { ok: false; problem: 'terms-not-accepted' }
  | { ok: false; problem: 'profile-invalid'; fields: ProfileField[] }
  | PasswordProblem
  | TooMany;

/** What is still to be given when a registration is confirmed. */
export type PendingRegistration = {
  email: string;
  profile: Profile;
  /** Another browser confirms it than the one that registered: it chooses a password, and accepts the terms. */
  isOtherBrowser: boolean;
};

export type Register = {
  /** Whether somebody without an invitation may register, as it is now. */
  readonly isOpen: boolean;
  /** Sends the link. ok tells nothing about the address. */
  start(registration: Registration): Promise<{ ok: true } | RegistrationProblem>;
  /** For the page that the link leads to; spends nothing. */
  look(
    token: string,
    browser: string,
  ): Promise<{ ok: true; pending: PendingRegistration } | { ok: false; problem: LinkProblem }>;
  /**
   * Makes the account; by POST alone. The same browser may send it again.
   * @param given password and terms where `look` told of another browser; ignored otherwise
   */
  confirm(
    token: string,
    given: { browser: string; password?: string | undefined; termsVersion?: string | undefined },
  ): Promise<
    | { ok: true; account: Account; returnTo: string | undefined; isAgain: boolean }
    | {
        ok: false;
        problem: LinkProblem | 'closed' | 'email-taken' | 'password-needed' | 'terms-not-accepted';
      }
    | PasswordProblem
  >;
};

type Payload = {
  id: string;
  profile: Profile;
  passwordHash?: string;
  terms?: { version: string; acceptedAt: number };
  browser: string;
  returnTo?: string;
};

export function createRegister(parts: FlowParts): Register {
  const { accounts, links, limits, passwords, mail, ring, log, config, linkUrl, pages } = parts;
  const browserHash = (browser: string) => ring.hash('registration-browser', browser);
  const accepts = (version: string | undefined) =>
    config.terms === undefined || config.terms.version === version;
  const acceptedNow = () => config.terms && { version: config.terms.version, acceptedAt: nowMs() };

  function isOtherBrowser(link: OneTimeLink, browser: string): boolean {
    return browser === '' || (link.payload as Payload).browser !== browserHash(browser);
  }

  return {
    get isOpen() {
      return config.registration === 'open';
    },

    async start({ email: typed, password, termsVersion, locale, browser, address, returnTo, ...rest }) {
      if (config.registration === 'off') return { ok: false, problem: 'closed' };
      if (config.registration === 'invitation') return { ok: false, problem: 'invitation-needed' };
      const normalised = normaliseEmail(typed);
      if (!normalised.ok) return { ok: false, problem: 'email-invalid' };
      const { email, lookup } = normalised;
      if (isLookAlike(lookup)) return { ok: false, problem: 'email-look-alike' };
      const profile = pickProfile(rest.profile ?? {});
      const fields = faultyFields(profile);
      if (fields.length > 0) return { ok: false, problem: 'profile-invalid', fields };
      if (!accepts(termsVersion)) return { ok: false, problem: 'terms-not-accepted' };
      const about = { email, names: namesOf(profile) };
      const problem = password === undefined ? undefined : await passwords.problem(password, about);
      if (problem) return problem;
      const attempt = await limits.registration({ email, address });
      if (!attempt.ok) return tooMany(attempt);

      const id = mintAccountId();
      const passwordHash = password === undefined ? undefined : await passwords.seal(id, password);
      const terms = acceptedNow();
      const payload: Payload = {
        id,
        profile: { locale, ...profile },
        browser: browserHash(browser),
        ...(passwordHash !== undefined && { passwordHash }),
        ...(terms && { terms }),
        ...(returnTo !== undefined && { returnTo }),
      };
      // For a known address too, with the same work; then nobody gets to see the link.
      const known = await accounts.findByEmail(email);
      const token = await links.make({
        purpose: 'register',
        subject: lookup,
        account: undefined,
        epoch: undefined,
        email,
        payload,
      });
      await mail.enqueue(
        known
          ? {
              kind: 'address-already-known',
              to: known.email,
              locale: localeOf(known),
              values: { signInLink: pages.signIn, resetLink: pages.forgotPassword },
            }
          : { kind: 'verify-email', to: email, locale, values: { link: linkUrl('register', token) } },
        { id: `register:${id}` },
      );
      return { ok: true };
    },

    async look(token, browser) {
      const looked = await links.look('register', token, browser);
      if (!looked.ok) return looked;
      const { email, payload } = looked.link;
      const { profile } = payload as Payload;
      return {
        ok: true,
        pending: { email, profile, isOtherBrowser: isOtherBrowser(looked.link, browser) },
      };
    },

    async confirm(token, { browser, password, termsVersion }) {
      if (config.registration !== 'open') return { ok: false, problem: 'closed' };
      const looked = await links.look('register', token, browser);
      if (!looked.ok) return looked;
      const pending = looked.link.payload as Payload;
      let { passwordHash, terms } = pending;
      let chosen = '';
      if (isOtherBrowser(looked.link, browser)) {
        if (password === undefined) return { ok: false, problem: 'password-needed' };
        if (!accepts(termsVersion)) return { ok: false, problem: 'terms-not-accepted' };
        const about = { email: looked.link.email, names: namesOf(pending.profile) };
        const problem = await passwords.problem(password, about);
        if (problem) return problem;
        chosen = password;
        passwordHash = await passwords.seal(pending.id, password);
        terms = acceptedNow();
      }
      const spent = await links.spend('register', token, { browser, what: chosen });
      if (!spent.ok) return spent;
      const made = await accounts.create({
        ...pending.profile,
        id: pending.id,
        email: spent.link.email,
        emailVerified: true,
        ...(passwordHash !== undefined && { passwordHash }),
        ...(terms && { terms }),
      });
      if (!made.ok) {
        if (made.problem === 'email-taken') return { ok: false, problem: 'email-taken' };
        throw new Error(`a registration that was taken could not be completed: ${made.problem}`);
      }
      log.info({ account: made.account.id }, 'registration completed');
      return { ok: true, account: made.account, returnTo: pending.returnTo, isAgain: spent.isAgain };
    },
  };
}
