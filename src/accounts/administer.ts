import type { Account, PasswordProblem, Profile, ProfileField } from './accounts.ts';

/**
 * What administrators do with accounts beyond what their people do themselves. Whether they may is decided before
 * (admin/); each function is one change, made if the account still has the version that was seen.
 */
export type AccountPatch = {
  /** Replaces the address at once, without a mail to confirm it. */
  email?: string;
  emailVerified?: boolean;
  /** An empty text takes a field away. */
  profile?: Profile;
  roles?: string[];
  groups?: string[];
  /** Ends everything that it is signed in to. */
  endsSessions?: boolean;
};

export type Administered =
  | { ok: true; before: Account; account: Account }
  | { ok: false; problem: 'not-found' | 'changed' | 'email-invalid' | 'email-taken' }
  | { ok: false; problem: 'profile-invalid'; fields: ProfileField[] };

export type AdministerAccounts = {
  /** @param version undefined for whichever */
  update(id: string, version: number | undefined, patch: AccountPatch): Promise<Administered>;
  /** Disabling ends everything that it is signed in to. */
  setStatus(id: string, version: number | undefined, status: Account['status']): Promise<Administered>;
  /**
   * Ends everything that it is signed in to.
   * @param options.mustChange its person chooses another one at the next sign-in
   */
  setPassword(
    id: string,
    password: string,
    options: { mustChange: boolean },
  ): Promise<Administered | PasswordProblem>;
  /** The password is right once more, and its person chooses another one then. Ends what it is signed in to. */
  expirePassword(id: string, version: number | undefined): Promise<Administered>;
  /** Takes a factor away, also the last. Ends what it is signed in to. */
  removeFactor(id: string, factorId: string): Promise<Administered>;
  /** All second factors, passkeys, recovery codes and trusted browsers. Ends what it is signed in to. */
  resetFactors(id: string): Promise<Administered>;
};
