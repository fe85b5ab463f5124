import type { Actor } from '../access/actor.ts';
import type { KeySummary, KeyUse } from '../oidc/key-lifecycle.ts';
import type { Outcome } from './outcome.ts';

export type ManageKeys = {
  list(): Promise<KeySummary[]>;
  rotate(actor: Actor, use: KeyUse): Promise<Outcome<KeySummary[]>>;
  revoke(actor: Actor, id: string): Promise<Outcome<{ replacedBy: KeySummary }>>;
};
