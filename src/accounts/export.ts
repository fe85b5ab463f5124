/**
 * Hands all accounts out in the form that `import.ts` reads. Password hashes only when they are asked for: sealed in
 * Redis, they are bare here. Second factors and links to other providers stay: they are bound to this provider.
 */
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { StoredAccount } from './account-record.ts';
import { createAccountStore } from './account-store.ts';
import type { Accounts } from './accounts.ts';
import { openPasswordHash } from './new-password.ts';
import { pickProfile } from './profile.ts';

export type ExportedAccount = {
  id: string;
  email: string;
  email_verified: boolean;
  status: 'active' | 'disabled';
  /** Seconds since the epoch, like all times here. */
  created_at: number;
  terms?: { version: string; accepted_at: number };
  password_hash?: string;
  [claim: string]: unknown;
};

export type AccountExport = {
  /** The oldest first; one that comes or goes meanwhile may be there or not. @throws Unavailable */
  run(options?: { withHashes?: boolean }): AsyncGenerator<ExportedAccount>;
};

const pageSize = 200;

export function createAccountExport(parts: {
  store: Store;
  ring: KeyRing;
  accounts: Accounts;
}): AccountExport {
  const { ring, accounts } = parts;
  const store = createAccountStore(parts.store, ring);

  function describe({ account, passwordHash }: StoredAccount, withHashes: boolean): ExportedAccount {
    const { id, email, emailVerified, status, createdAt, terms } = account;
    return {
      ...{ id, email, email_verified: emailVerified, status },
      ...pickProfile(account),
      created_at: createdAt / 1000,
      ...(terms && { terms: { version: terms.version, accepted_at: terms.acceptedAt / 1000 } }),
      ...(withHashes && passwordHash !== undefined
        ? { password_hash: openPasswordHash(ring, id, passwordHash) }
        : {}),
    };
  }

  return {
    async *run({ withHashes = false } = {}) {
      let cursor: string | undefined;
      do {
        const page = await accounts.list({ count: pageSize, ...(cursor === undefined ? {} : { cursor }) });
        const stored = await Promise.all(page.accounts.map(({ id }) => store.find(id)));
        for (const one of stored) if (one) yield describe(one, withHashes);
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
  };
}
