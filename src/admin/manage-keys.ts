import type { Actor } from '../access/actor.ts';
import type { KeyLifecycle, KeySummary, KeyUse } from '../oidc/key-lifecycle.ts';
import type { Act } from './acts.ts';
import { done, notFound, type Outcome, refused } from './outcome.ts';

export type ManageKeys = {
  list(): Promise<KeySummary[]>;
  rotate(actor: Actor, use: KeyUse): Promise<Outcome<KeySummary[]>>;
  revoke(actor: Actor, id: string): Promise<Outcome<{ replacedBy: KeySummary }>>;
};

export function createManageKeys({ keys, act }: { keys: KeyLifecycle; act: Act }): ManageKeys {
  const named = ({ id, use, alg }: KeySummary) => ({ id, use, alg });
  return {
    list: () => keys.list(),

    rotate: (actor, use) =>
      act(actor, { kind: 'key.rotated', target: { kind: 'key', id: use } }, async (note) => {
        const rotated = await keys.rotate(use);
        if (!rotated.ok) {
          return refused(
            'conflict',
            'A rotation is under way: new keys are published and become active by themselves. Wait until they are.',
          );
        }
        note({ after: { rotated: rotated.keys.map(named) } });
        return done(rotated.keys);
      }),

    revoke: (actor, id) =>
      act(actor, { kind: 'key.revoked', target: { kind: 'key', id } }, async (note) => {
        const revoked = await keys.revoke(id);
        if (!revoked.ok) return notFound('key');
        note({ after: { replacedBy: named(revoked.replacedBy) } });
        return done({ replacedBy: revoked.replacedBy });
      }),
  };
}
