import { randomBytes } from 'node:crypto';
import { type Access, createAccess, type GroupDraft, type RoleDraft } from '../../src/access/access.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';

/** Two pods' access on one real Redis, under a prefix that no other fixture uses. */
export type AccessFixture = {
  first: { access: Access; store: Store };
  second: { access: Access; store: Store };
  close(): Promise<void>;
};

export async function openAccess(url: string): Promise<AccessFixture> {
  const prefix = `${randomBytes(6).toString('hex')}:`;
  const log = createLog('silent', 'test');
  async function pod() {
    const config = readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
      HOLDFAST_REDIS_PREFIX: prefix,
      HOLDFAST_POD: 'test',
      REDIS_URL: url,
    });
    if (!config.redis.target) throw new Error('no REDIS_URL');
    const store = openStore(config, config.redis.target, log);
    await store.whenReady(5000);
    return { store, access: await createAccess({ store, log }) };
  }
  const [first, second] = [await pod(), await pod()];
  return {
    first,
    second,
    async close() {
      for (const { access, store } of [first, second]) {
        access.close();
        await store.close();
      }
    },
  };
}

export const role = (changes: Partial<RoleDraft> = {}): RoleDraft => ({
  name: 'Editor',
  description: 'Writes the news',
  permissions: [],
  claims: {},
  ...changes,
});

export const group = (changes: Partial<GroupDraft> = {}): GroupDraft => ({
  name: 'Press',
  description: '',
  roles: [],
  claims: {},
  ...changes,
});

/** Waits for a condition that must come true within a second. */
export async function withinASecond(isSo: () => boolean): Promise<void> {
  const until = performance.now() + 1000;
  while (!isSo()) {
    if (performance.now() > until) throw new Error('it has not come true within a second');
    await new Promise((again) => setTimeout(again, 10));
  }
}
