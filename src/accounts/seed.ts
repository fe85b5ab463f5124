/**
 * Accounts in great number, to see how a provider does with them. Owns how they are written: as a creation leaves
 * them, but in blocks and without its steps, since nobody else can want these addresses. Not for people: import.ts.
 */
import type { KeyRing } from '../redis/key-ring.ts';
import { usedMemory } from '../redis/memory.ts';
import type { Store } from '../redis/redis.ts';
import { type Account, toFields } from './account-record.ts';
import { createAccountStore, mintAccountId } from './account-store.ts';
import { normaliseEmail } from './email.ts';
import { type NewPasswords, sealPasswordHash } from './new-password.ts';
import type { Profile } from './profile.ts';

export type SeedPerson = {
  email: string;
  profile: Profile;
  roles: string[];
  groups: string[];
  isDisabled: boolean;
  createdAt: number;
};

export type AccountSeed = {
  /** @returns the ids, in the order of the people */
  write(people: SeedPerson[]): Promise<string[]>;
  /** Bytes that the data takes. */
  usedMemory(): Promise<number>;
};

/** @param parts.password of all of them; hashed once, and sealed for each */
export async function createAccountSeed(parts: {
  store: Store;
  ring: KeyRing;
  passwords: NewPasswords;
  password: string;
}): Promise<AccountSeed> {
  const { store, ring, passwords, password } = parts;
  const accounts = createAccountStore(store, ring);
  const hash = passwords.unseal('seed', await passwords.seal('seed', password));

  async function writeOne(account: Account, status: string): Promise<void> {
    const normalised = normaliseEmail(account.email);
    if (!normalised.ok) throw new Error(`not an e-mail address: ${account.email}`);
    const fields = { ...toFields(account), status, passwordHash: sealPasswordHash(ring, account.id, hash) };
    await Promise.all([
      store.call('HSET', store.keys.account(account.id), ...Object.entries(fields).flat()),
      store.call('SET', store.keys.email(ring.hash('email', normalised.lookup)), account.id),
    ]);
  }

  return {
    async write(people) {
      const made = people.map(
        ({ email, profile, roles, groups, isDisabled, createdAt }): Account => ({
          ...profile,
          ...{ id: mintAccountId(), email, emailVerified: true, hasPassword: true },
          status: isDisabled ? 'disabled' : 'active',
          ...{ roles, groups, epoch: 0, version: 1, createdAt, updatedAt: createdAt },
        }),
      );
      await accounts.index.enter(made);
      await Promise.all(made.map((account) => writeOne(account, account.status)));
      return made.map(({ id }) => id);
    },
    usedMemory: () => usedMemory(store),
  };
}
