import type { Access } from './access/access.ts';
import { type AccountFlows, createAccountFlows } from './accounts/account-flows.ts';
import { type Accounts, createAccounts } from './accounts/accounts.ts';
import { type Activity, createActivity } from './accounts/activity.ts';
import { type AdministerAccounts, createAdministerAccounts } from './accounts/administer.ts';
import { createDirectory, type Directory } from './accounts/directory.ts';
import { type AccountExport, createAccountExport } from './accounts/export.ts';
import { createFactors, type Factors } from './accounts/factors.ts';
import { type AccountImport, createAccountImport } from './accounts/import.ts';
import { createKnownBrowsers, type KnownBrowsers } from './accounts/known-browsers.ts';
import { createNewPasswords, type NewPasswords } from './accounts/new-password.ts';
import type { LinkPurpose } from './accounts/one-time-link.ts';
import { createPasswordHasher, type PasswordHasher } from './accounts/password.ts';
import { createPasswordRules } from './accounts/password-rules.ts';
import { createSignInLimits, type SignInLimits } from './accounts/sign-in-limits.ts';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { createMail, type Mails } from './mail/mail.ts';
import type { Observer } from './observer.ts';
import type { KeyRing } from './redis/key-ring.ts';
import type { Store } from './redis/redis.ts';
import { createUpstream, type Upstream } from './upstream/upstream.ts';

/** The part of app.ts that puts together all that has to do with accounts and the people who have them. */
export type AccountParts = {
  accounts: Accounts;
  activity: Activity;
  administer: AdministerAccounts;
  directory: Directory;
  exports: AccountExport;
  factors: Factors;
  flows: AccountFlows;
  hashing: Pick<PasswordHasher, 'load'>;
  knownBrowsers: KnownBrowsers;
  imports: AccountImport;
  limits: SignInLimits;
  mail: Mails;
  passwords: NewPasswords;
  upstream: Upstream;
  close(): Promise<void>;
};

/** The pages that links in mails lead to. */
const linkPaths: Record<LinkPurpose, string> = {
  register: '/register/confirm',
  'verify-email': '/verify-email',
  'change-email': '/change-email',
  'undo-email-change': '/undo-email-change',
  'reset-password': '/reset-password',
  invitation: '/invitation',
  owner: '/admin/owner',
};

/** @param leave what else ends with an account that is deleted */
export function buildAccounts(
  parts: { config: Config; store: Store; ring: KeyRing; access: Access; log: Log; observer: Observer },
  leave: ((accountId: string) => Promise<void>)[] = [],
): AccountParts {
  const { config, store, ring, access, log, observer } = parts;
  const { issuer } = config;
  const hasher = createPasswordHasher(config.hashing, observer);
  const rules = createPasswordRules({
    serviceNames: ['holdfast', new URL(issuer).hostname],
    breachUrl: config.passwordBreachUrl,
    log,
  });
  const mail = createMail(parts);
  const limits = createSignInLimits(parts);
  const accounts = createAccounts({ store, ring, hasher, access, log, passwordRule: rules.check });
  const upstream = createUpstream({ ...parts, accounts });
  const passwords = createNewPasswords({ ring, hasher, check: rules.check });
  const flows = createAccountFlows({
    ...parts,
    accounts,
    passwords,
    limits,
    mail,
    linkUrl: (purpose, token) => `${issuer}${linkPaths[purpose]}?token=${token}`,
    pages: { signIn: `${issuer}/account`, forgotPassword: `${issuer}/forgot-password` },
    leave: [(accountId) => upstream.unlinkAll(accountId), ...leave],
  });
  return {
    accounts,
    activity: createActivity(parts),
    administer: createAdministerAccounts({ ...parts, passwords }),
    directory: createDirectory(parts),
    exports: createAccountExport({ store, ring, accounts }),
    imports: createAccountImport({ store, ring, accounts }),
    factors: createFactors(parts),
    flows,
    hashing: hasher,
    knownBrowsers: createKnownBrowsers(ring),
    limits,
    mail,
    passwords,
    upstream,
    async close() {
      await flows.resetPassword.settled();
      await mail.close();
      await Promise.all([hasher.close(), rules.close()]);
    },
  };
}
