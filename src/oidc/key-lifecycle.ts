/**
 * The lives of the keys that sign tokens and cookies: published → active → retired → gone, in Redis for all pods. A
 * new signing key signs nothing until every live pod has served it for as long as relying parties may keep the key
 * set (published.ts), so that none of them meets a token whose key it cannot find.
 */
export type KeyUse = 'signing' | 'cookie';
export type KeyState = 'published' | 'active' | 'retired';

export type KeySummary = {
  /** kid of a signing key; a number of its own for a cookie key. */
  id: string;
  use: KeyUse;
  /** Such as ES256; HS256 for a cookie key. */
  alg: string;
  state: KeyState;
  /** ms of Redis time. */
  createdAt: number;
  activatedAt: number | undefined;
  retiredAt: number | undefined;
  /** When a retired key is taken out of the set: no token that it signed is good any more. */
  removedAt: number | undefined;
  /** The earliest time at which a published key becomes active. */
  activeFrom: number | undefined;
  /** Pods that serve a set with this key, of those that are alive. */
  servedBy: number;
  livePods: number;
};

export type KeyLifecycle = {
  list(): Promise<KeySummary[]>;
  /**
   * Begins the rotation of all keys of a use; a rotation that is under way is not begun again.
   * @returns the new keys, published
   */
  rotate(use: KeyUse): Promise<{ ok: true; keys: KeySummary[] } | { ok: false; problem: 'under-way' }>;
  /**
   * In an emergency: a key that was stolen is out of the set, and another in its place, at once; what it signed is
   * worth nothing on any pod within a second. Relying parties see so when they read the set again.
   */
  revoke(id: string): Promise<{ ok: true; replacedBy: KeySummary } | { ok: false; problem: 'not-found' }>;
  /** Moves keys on whose time has come. Often, on every pod. */
  sweep(): Promise<void>;
};
