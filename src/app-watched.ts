import { createAccess } from './access/access.ts';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { createResources, openKeySet, watchEras } from './oidc/oidc.ts';
import type { Store } from './redis/redis.ts';
import type { Vault } from './redis/vault.ts';
import { createSettings, withSettings } from './settings/settings.ts';

/**
 * The part of app.ts that opens what all pods go by and changes while they run; each pod looks again every half
 * second. Nothing stays open when one of them cannot be opened.
 * @param environment as the pod was started with
 * @throws Unavailable
 * @throws CannotOpen
 */
export async function openWatched(parts: { environment: Config; store: Store; vault: Vault; log: Log }) {
  const { environment, store, log } = parts;
  const opened: { close(): void }[] = [];
  const keep = async <T extends { close(): void }>(opening: Promise<T>): Promise<T> => {
    const one = await opening;
    opened.push(one);
    return one;
  };
  const close = () => {
    for (const one of opened) one.close();
  };
  try {
    const keySet = await keep(openKeySet(parts));
    const settings = await keep(createSettings({ store, log, config: environment }));
    const config = withSettings(environment, settings);
    const access = await keep(createAccess({ store, log }));
    const resources = await keep(createResources({ config, store, log }));
    const eras = await keep(watchEras({ store, log }));
    return { keySet, settings, config, access, resources, eras, close };
  } catch (error) {
    close();
    throw error;
  }
}
