/**
 * The part of app.ts that makes every module and hands each what it needs. The command line works with these parts;
 * a pod puts a server around them.
 */
import { fileURLToPath } from 'node:url';
import type { Access } from './access/access.ts';
import { nameBrowser } from './accounts/browser-label.ts';
import type { Admin } from './admin/admin.ts';
import { type AccountParts, buildAccounts } from './app-accounts.ts';
import { buildAdmin } from './app-admin.ts';
import { buildEvents } from './app-events.ts';
import { countSignIns } from './app-observed.ts';
import { openWatched } from './app-watched.ts';
import type { Config } from './config.ts';
import { createPeopleEvents, type Events, type PeopleEvents } from './events/events.ts';
import { loadAssets } from './http/assets.ts';
import { createRenderer, type Renderer } from './http/render.ts';
import type { Sealer } from './http/return-path.ts';
import { podHeaders } from './http/security-headers.ts';
import { createEnginePages } from './interactions/engine-pages.ts';
import type { Log } from './log.ts';
import { type Observer, unobserved } from './observer.ts';
import { createOidc, type LiveKeySet, type Oidc, type Resources } from './oidc/oidc.ts';
import { CannotOpen, type KeyRing, openKeyRing } from './redis/key-ring.ts';
import { listPods } from './redis/pods.ts';
import { openStore, type Store } from './redis/redis.ts';
import type { RedisTarget } from './redis/redis-url.ts';
import { openSchema } from './redis/schema.ts';
import { checkRedis } from './redis/start-up-check.ts';
import { createVault } from './redis/vault.ts';
import type { LiveSettings } from './settings/settings.ts';

const views = fileURLToPath(new URL('../views/', import.meta.url));

/** The parts without a server: what the command line and the seeding of local mode work with. */
export type Parts = AccountParts & {
  /** With the settings as they are now. */
  config: Config;
  settings: LiveSettings;
  keySet: LiveKeySet;
  access: Access;
  /** The audit trail. */
  events: Events;
  people: PeopleEvents;
  resources: Resources;
  /** What administrators do. */
  admin: Admin;
  clients: Oidc['clients'];
  checkClient: Oidc['checkClient'];
  oidc: Oidc;
  store: Store;
  csrfKey: Buffer;
  /** For what a browser keeps for us. */
  sealer: Sealer;
  ring: KeyRing;
  observer: Observer;
};

/** A Redis, or a configuration, that this provider must not run on. */
export class CannotStart extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super('cannot start');
    this.name = 'CannotStart';
    this.faults = faults;
  }
}

/**
 * @throws Unavailable when Redis cannot be reached
 * @throws CannotStart when it is no place for a provider's data, has data that this code cannot read, or was sealed
 *   under other keys
 */
export async function openParts(
  config: Config,
  target: RedisTarget,
  log: Log,
  options: { mayBeRestoring?: boolean } = {},
): Promise<Parts> {
  const store = openStore(config, target, log);
  try {
    await store.whenReady(5000);
    return await buildParts(config, store, log, createPages(log), () => {}, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** @param demandClock throws while the clock of this pod is not to be trusted */
export async function buildParts(
  environment: Config,
  store: Store,
  log: Log,
  { renderer }: Pages,
  demandClock: () => void,
  options: { mayBeRestoring?: boolean; observer?: Observer } = {},
): Promise<Parts> {
  const { observer = unobserved } = options;
  const checked = await checkRedis(
    store.handle.client,
    { eviction: environment.redis.allowEviction, noAppendOnly: environment.redis.allowNoAppendOnly },
    environment.durability,
  );
  if (!checked.ok) throw new CannotStart(checked.faults);
  for (const warning of checked.warnings) log.warn(warning);
  const opened = await openSchema(store, { ...options, expectsData: environment.redis.expectsData });
  if (!opened.ok) throw new CannotStart([opened.fault]);

  const vault = createVault(environment.vaultKeys);
  const ring = await openKeyRing(store, vault, {}).catch(cannotOpen);
  const watched = await openWatched({ environment, store, vault, log }).catch(cannotOpen);
  const { config, settings, keySet, access, resources, eras } = watched;
  const events = buildEvents({ config, store, ring, settings, log });
  const peopleEvents = countSignIns(createPeopleEvents({ events, labelBrowser: nameBrowser, log }), observer);
  const people = buildAccounts({ config, store, ring, access, log, observer }, [
    (id) => oidc.signedIn.endAll(id),
  ]);
  const { accounts } = people;
  const oidc: Oidc = createOidc({
    config,
    store,
    ring,
    vault,
    keySet,
    eras,
    listPods: () => listPods(store),
    settings,
    accounts,
    access,
    resources,
    pages: createEnginePages(renderer, accounts),
    labelBrowser: nameBrowser,
    demandClock,
    signedOut: (ctx, { accountId, clientId }) =>
      peopleEvents.note(ctx, {
        kind: 'sign-out',
        actor: { kind: 'account', id: accountId },
        ...(clientId === undefined ? {} : { clientId }),
        via: 'sign-in',
      }),
    recordEvent: events.record,
    headers: podHeaders(config),
    log,
    observer,
  });
  const admin = buildAdmin({
    config,
    store,
    ring,
    people,
    oidc,
    access,
    resources,
    events,
    settings,
  });
  return {
    ...people,
    people: peopleEvents,
    admin,
    config,
    settings,
    keySet,
    access,
    events,
    resources,
    clients: oidc.clients,
    checkClient: oidc.checkClient,
    oidc,
    store,
    csrfKey: ring.key('csrf').export(),
    sealer: ring,
    ring,
    observer,
    async close() {
      // What this pod, or command, recorded last is not left unproved until another pod comes.
      await events.sweep().catch((error) => log.error({ err: error }, 'the audit trail was not swept'));
      watched.close();
      await people.close();
      await store.close();
    },
  };
}

function cannotOpen(error: unknown): never {
  throw error instanceof CannotOpen ? new CannotStart([error.message]) : error;
}

export type Pages = { renderer: Renderer; assets: ReturnType<typeof loadAssets> };

export function createPages(log: Log): Pages {
  const assets = loadAssets(`${views}assets`);
  const onMissingText = (key: string) => {
    log.error({ key }, 'a page has no text for this');
    return key;
  };
  return { assets, renderer: createRenderer({ viewsDirectory: views, assets, onMissingText }) };
}
