import type { Account, AccountStatus } from './account-record.ts';

/**
 * Finding accounts among a million: by the beginning of an e-mail address, of a name or of any word in it, by id, and
 * by role, group or status.
 *
 * Index entries are written before what they lead to and removed after it, so a killed pod leaves at most one that
 * leads nowhere; whoever meets it compares it with the account itself.
 */
export type DirectoryQuery = {
  /** The beginning of an address, a name or a word in it, in any case; or a whole id. */
  text?: string;
  status?: AccountStatus;
  role?: string;
  group?: string;
  cursor?: string;
  /** 1 to 200, default 50. A page may hold fewer, also when others follow. */
  count?: number;
};

export type Directory = {
  /** By creation, the latest first; with a text in the order of what was found. @throws Unavailable */
  search(query: DirectoryQuery): Promise<{ accounts: Account[]; cursor: string | undefined }>;
  count(): Promise<number>;
  /** Brings the index of accounts from before there was one up to date; may be run again, and beside pods that run. */
  reindex(onProgress?: (done: number) => void): Promise<number>;
};
