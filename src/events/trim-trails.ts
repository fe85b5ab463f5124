import type { Store } from '../redis/redis.ts';
import { trails } from './catalogue.ts';
import { readAnchor } from './chain.ts';
import { following } from './pruner.ts';

/**
 * Drops entries that lie before the anchor of their trail. A backup may have them, when they were let go of while it
 * was written.
 * @throws Unavailable
 */
export async function trimTrails(store: Store): Promise<void> {
  for (const trail of trails) {
    const anchor = readAnchor((await store.readText(store.keys.auditAnchor(trail))) ?? '');
    if (anchor) await store.call('XTRIM', store.keys.audit(trail), 'MINID', '=', following(anchor.to));
  }
}
