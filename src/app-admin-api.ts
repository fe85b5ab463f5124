import type { Middleware } from 'koa';
import type { Access } from './access/access.ts';
import type { Accounts } from './accounts/accounts.ts';
import type { Admin } from './admin/admin.ts';
import { adminApi } from './admin/api/api.ts';
import type { Events } from './events/events.ts';
import type { Renderer } from './http/render.ts';
import type { Log } from './log.ts';
import type { Observer } from './observer.ts';
import type { LiveKeySet, Oidc } from './oidc/oidc.ts';
import { isUniqueProof } from './oidc/proof-store.ts';
import { publicPart } from './oidc/signing-keys.ts';
import type { KeyRing } from './redis/key-ring.ts';
import type { Store } from './redis/redis.ts';
import type { LiveSettings } from './settings/settings.ts';
import { version } from './version.ts';

/** The part of app.ts that puts the HTTP API of administration on the flows, and on what its tokens stand on. */
export function buildAdminApi(parts: {
  issuer: string;
  admin: Admin;
  accounts: Pick<Accounts, 'find'>;
  access: Pick<Access, 'effectiveNow'>;
  events: Pick<Events, 'note'>;
  oidc: Pick<Oidc, 'standing'>;
  keySet: Pick<LiveKeySet, 'current'>;
  settings: Pick<LiveSettings, 'current'>;
  store: Store;
  ring: KeyRing;
  renderer: Renderer;
  log: Log;
  observer: Pick<Observer, 'replay'>;
  strict?: boolean;
}): Middleware {
  const { accounts, access, events, oidc, keySet, store, ring, observer } = parts;
  return adminApi({
    ...parts,
    version,
    keySet: whileSame(keySet.current, ({ signing }) => ({ keys: signing.map(publicPart) })),
    async isFirstUse(thumbprint, jti, expiresAt) {
      const isFirst = await isUniqueProof(store, ring, thumbprint, jti, expiresAt);
      if (!isFirst) observer.replay('proof');
      return isFirst;
    },
    live: {
      account: accounts.find,
      session: oidc.standing.session,
      grant: oidc.standing.grant,
      async client(id) {
        const client = await oidc.standing.client(id);
        if (!client) return undefined;
        const { era, secretIds } = client;
        const { client_name: name, roles } = client.metadata;
        return {
          era,
          secretIds,
          name: typeof name === 'string' ? name : id,
          roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
        };
      },
    },
    secondFactor: () => parts.settings.current().console_second_factor,
    permissionsOf: async (of) => (await access.effectiveNow(of)).permissions,
    noteRefusal: ({ kind, id, name, address, via, requestId }, permission) =>
      events.note({
        kind: 'access.refused',
        outcome: 'failure',
        actor: { kind, id, name },
        reason: permission,
        address,
        via,
        requestId,
      }),
  });
}

/** What is made of something, kept for as long as that is the same. */
function whileSame<A, B>(current: () => A, make: (of: A) => B): () => B {
  let kept: { of: A; made: B } | undefined;
  return () => {
    const of = current();
    if (kept?.of !== of) kept = { of, made: make(of) };
    return kept.made;
  };
}
