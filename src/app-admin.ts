import type { Access } from './access/access.ts';
import { createOneTimeLinks } from './accounts/one-time-link.ts';
import { type Admin, createAdmin } from './admin/admin.ts';
import { createDeclaredMarks } from './admin/declared/declared-marks-store.ts';
import { environmentOf } from './admin/environment.ts';
import type { AccountParts } from './app-accounts.ts';
import type { Config } from './config.ts';
import type { Events } from './events/events.ts';
import type { Oidc, Resources } from './oidc/oidc.ts';
import type { KeyRing } from './redis/key-ring.ts';
import { listPods } from './redis/pods.ts';
import type { Store } from './redis/redis.ts';
import { describe } from './redis/redis-url.ts';
import type { LiveSettings } from './settings/settings.ts';

/** The part of app.ts that puts together what administrators do, on everything else. */
export function buildAdmin(parts: {
  config: Config;
  store: Store;
  ring: KeyRing;
  people: AccountParts;
  oidc: Oidc;
  access: Access;
  resources: Resources;
  events: Events;
  settings: LiveSettings;
}): Admin {
  const { config, store, people, oidc } = parts;
  const { target } = config.redis;
  return createAdmin({
    ...parts,
    ...people,
    links: createOneTimeLinks(parts),
    marks: createDeclaredMarks(store),
    pods: { list: () => listPods(store) },
    allSessions: oidc.allSessions,
    clients: oidc.registeredClients,
    keys: oidc.keys,
    issuer: config.issuer,
    environment: environmentOf(
      config,
      target ? describe(target) : `the local one, in ${config.localDirectory}`,
    ),
  });
}
