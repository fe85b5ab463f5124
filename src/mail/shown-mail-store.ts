import { nowMs } from '../clock.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Mail } from './mail-kinds.ts';

const purpose = 'shown-mail';
const mostKept = 50;
const keptMs = 24 * 60 * 60 * 1000;

export function createShownMailStore(store: Store, ring: KeyRing) {
  const shown = store.keys.mailsShown();

  return {
    /** @param givenId of the caller; whatever was kept under it before is the same mail */
    async keep(mail: Mail, givenId: string | undefined): Promise<void> {
      const id = givenId === undefined ? randomText(16) : ring.hash(purpose, givenId);
      const sealed = ring.seal(purpose, id, JSON.stringify(mail));
      await store.run('mail-show', [shown, store.keys.mail(id)], [id, sealed, mostKept, keptMs]);
      await store.settle(shown);
    },

    /** The latest first; `at` in ms since the epoch. */
    async list(count: number): Promise<{ id: string; mail: Mail; at: number }[]> {
      // In pairs or one after another, as the protocol of the connection has it.
      const reply = await store.call('ZRANGE', shown, 0, count - 1, 'REV', 'WITHSCORES');
      const flat = (reply as unknown[]).flat().map(String);
      const mails: { id: string; mail: Mail; at: number }[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const [id = '', sealed = ''] = (flat[i] ?? '').split('.');
        const at = Number(flat[i + 1]);
        if (at <= nowMs() - keptMs) continue;
        mails.push({ id, mail: JSON.parse(ring.open(purpose, id, sealed)) as Mail, at });
      }
      return mails;
    },
  };
}
