/**
 * Invitations: a link to one address, by which its owner makes an account. Where registration is by invitation this
 * is the only way; where it is open, one more; where it is off, there is none. Who has the link has shown that the
 * address is theirs, so the account is made at once.
 */
import { nowMs } from '../clock.ts';
import type { Locale } from '../locale.ts';
import { type Account, mintAccountId } from './accounts.ts';
import { normaliseEmail } from './email.ts';
import { type FlowParts, type TooMany, tooMany } from './flow-parts.ts';
import { isLookAlike } from './names.ts';
import { namesOf, type PasswordProblem } from './new-password.ts';
import type { LinkProblem } from './one-time-link.ts';
import { faultyFields, type Profile, type ProfileField, pickProfile } from './profile.ts';

export type Invitations = {
  /**
   * Mails the link; ends an earlier one to the same address. For who may invite: it tells whether the address has
   * an account.
   * @param invitation.inviter the name that the mail tells
   */
  invite(invitation: {
    email: string;
    inviter: string;
    locale: Locale;
    returnTo?: string | undefined;
  }): Promise<
    | { ok: true; email: string }
    | { ok: false; problem: 'closed' | 'email-invalid' | 'email-look-alike' | 'email-taken' }
    | TooMany
  >;
  /** Takes an invitation back, if there is one. */
  cancel(email: string): Promise<void>;
  look(
    token: string,
    browser: string,
  ): Promise<{ ok: true; email: string; inviter: string } | { ok: false; problem: LinkProblem | 'closed' }>;
  /** Makes the account; by POST alone. The same browser may send the same again. */
  accept(
    token: string,
    given: {
      browser: string;
      password?: string | undefined;
      profile?: Profile;
      termsVersion?: string | undefined;
      locale: Locale;
    },
  ): Promise<
    | { ok: true; account: Account; returnTo: string | undefined }
    | { ok: false; problem: LinkProblem | 'closed' | 'terms-not-accepted' | 'email-taken' }
    | { ok: false; problem: 'profile-invalid'; fields: ProfileField[] }
    | PasswordProblem
  >;
};

type Payload = { id: string; inviter: string; returnTo?: string };

const purpose = 'invitation';

export function createInvitations(parts: FlowParts): Invitations {
  const { accounts, links, limits, passwords, mail, ring, log, config, linkUrl } = parts;
  const isOff = () => config.registration === 'off';

  return {
    async invite({ email: typed, inviter, locale, returnTo }) {
      if (isOff()) return { ok: false, problem: 'closed' };
      const normalised = normaliseEmail(typed);
      if (!normalised.ok) return { ok: false, problem: 'email-invalid' };
      const { email, lookup } = normalised;
      if (isLookAlike(lookup)) return { ok: false, problem: 'email-look-alike' };
      if (await accounts.findByEmail(email)) return { ok: false, problem: 'email-taken' };
      const attempt = await limits.mail({ email });
      if (!attempt.ok) return tooMany(attempt);
      const payload: Payload = { id: mintAccountId(), inviter, ...(returnTo !== undefined && { returnTo }) };
      const token = await links.make({
        purpose,
        subject: lookup,
        account: undefined,
        epoch: undefined,
        email,
        payload,
      });
      await mail.enqueue(
        { kind: purpose, to: email, locale, values: { link: linkUrl(purpose, token), inviter } },
        { id: `${purpose}:${ring.hash('link-mail', token)}` },
      );
      return { ok: true, email };
    },

    async cancel(email) {
      const normalised = normaliseEmail(email);
      if (normalised.ok) await links.end(purpose, normalised.lookup);
    },

    async look(token, browser) {
      if (isOff()) return { ok: false, problem: 'closed' };
      const looked = await links.look(purpose, token, browser);
      if (!looked.ok) return looked;
      const { inviter } = looked.link.payload as Payload;
      return { ok: true, email: looked.link.email, inviter };
    },

    async accept(token, { browser, password, profile: given = {}, termsVersion, locale }) {
      if (isOff()) return { ok: false, problem: 'closed' };
      const looked = await links.look(purpose, token, browser);
      if (!looked.ok) return looked;
      const { id, returnTo } = looked.link.payload as Payload;
      const { email } = looked.link;
      const { terms } = config;
      if (terms !== undefined && terms.version !== termsVersion) {
        return { ok: false, problem: 'terms-not-accepted' };
      }
      const profile: Profile = { locale, ...pickProfile(given) };
      const fields = faultyFields(profile);
      if (fields.length > 0) return { ok: false, problem: 'profile-invalid', fields };
      const about = { email, names: namesOf(profile) };
      const problem = password === undefined ? undefined : await passwords.problem(password, about);
      if (problem) return problem;
      const passwordHash = password === undefined ? undefined : await passwords.seal(id, password);

      const what = JSON.stringify([password, profile]);
      const spent = await links.spend(purpose, token, { browser, what });
      if (!spent.ok) return spent;
      const made = await accounts.create({
        ...profile,
        id,
        email,
        emailVerified: true,
        ...(passwordHash !== undefined && { passwordHash }),
        ...(terms && { terms: { version: terms.version, acceptedAt: nowMs() } }),
      });
      if (made.ok) {
        log.info({ account: id }, 'invitation accepted');
        return { ok: true, account: made.account, returnTo };
      }
      if (made.problem === 'email-taken') return { ok: false, problem: 'email-taken' };
      throw new Error(`an invitation that was accepted could not be completed: ${made.problem}`);
    },
  };
}
