/**
 * The lives of the keys that sign tokens and cookies: published → active → retired → gone, in Redis for all pods. A
 * new signing key signs nothing until every live pod has served it for as long as relying parties may keep the key
 * set (published.ts), so that none of them meets a token whose key it cannot find.
 */
import { nowMs } from '../clock.ts';
import type { NewEvent } from '../events/events.ts';
import type { Log } from '../log.ts';
import { sealSecret } from '../redis/key-ring.ts';
import type { Pod } from '../redis/pods.ts';
import type { Store } from '../redis/redis.ts';
import type { Vault } from '../redis/vault.ts';
import type { Settings } from '../settings/settings.ts';
import type { KeyRecord } from './key-record.ts';
import type { LiveKeySet } from './key-set.ts';
import { keyKinds, makeKey } from './signing-keys.ts';

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
  /** The earliest time at which a published key becomes active; undefined until all live pods serve it. */
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

/** An answer with the set from before may be on its way when its pod says that it serves the new one. */
const onItsWayMs = 1000;
/** No token lives longer (config.ts, resources.ts), but those that are kept in Redis and not signed. */
const longestTokenSeconds = 24 * 60 * 60;
const dayMs = 24 * 60 * 60 * 1000;

export function createKeyLifecycle(parts: {
  store: Store;
  vault: Vault;
  keySet: LiveKeySet;
  listPods(): Promise<Pod[]>;
  settings: {
    current(): Pick<Settings, 'session_absolute_seconds' | 'signing_key_days'>;
  };
  /** How long relying parties may keep the set that a pod gave them. */
  keySetSeconds: number;
  /** For the audit: what keys do by themselves. What somebody does to them is told by who lets them. */
  recordEvent?(event: NewEvent): Promise<void>;
  log: Log;
}): KeyLifecycle {
  const { store, vault, keySet, listPods, settings, keySetSeconds, recordEvent, log } = parts;
  const ring = store.keys.keyRing();

  /** Cookies never leave the pods, so that it is enough when all of them know the key. */
  const waitMs: Record<KeyUse, number> = {
    signing: keySetSeconds * 1000 + onItsWayMs,
    cookie: 0,
  };

  /**
   * How long a retired key is kept. An ID token is shown to us again as a hint as long as its session lives
   * (OpenID Connect RP-Initiated Logout 1.0, 2), and so is the cookie of the session.
   */
  function keptMs(use: KeyUse): number {
    const { session_absolute_seconds: session } = settings.current();
    return (use === 'cookie' ? session : Math.max(session, longestTokenSeconds)) * 1000;
  }

  function summarise(record: KeyRecord, pods: Pod[]): KeySummary {
    const { id, use, alg, state, createdAt, activatedAt, retiredAt, servedSince, version } = record;
    return {
      id,
      use,
      alg,
      state,
      createdAt,
      activatedAt,
      retiredAt,
      removedAt: retiredAt === undefined ? undefined : retiredAt + keptMs(use),
      activeFrom: state === 'published' && servedSince !== undefined ? servedSince + waitMs[use] : undefined,
      servedBy: pods.filter(({ keySetVersion }) => keySetVersion >= version).length,
      livePods: pods.length,
    };
  }

  async function list(): Promise<KeySummary[]> {
    const [{ records }, pods] = await Promise.all([keySet.refresh(), listPods()]);
    return records.map((record) => summarise(record, pods));
  }

  async function written(): Promise<void> {
    await store.settle(ring);
    await keySet.refresh();
  }

  /** Of the one pod that did it: the keys are as they are, whether it can be told or not. */
  async function tell(event: Pick<NewEvent, 'kind' | 'target' | 'after'>): Promise<void> {
    try {
      await recordEvent?.({ ...event, outcome: 'success', actor: { kind: 'system' } });
    } catch (error) {
      log.error({ err: error, ...event }, 'what became of a key was not recorded');
    }
  }

  /** @returns name and sealed key in turns */
  async function makeSealed(kinds: readonly string[], generation: number): Promise<string[]> {
    const made = kinds.map(async (kind) => {
      const name = `${kind}:${generation}`;
      return [name, sealSecret(vault, name, await makeKey(kind))];
    });
    return (await Promise.all(made)).flat();
  }

  async function rotate(use: KeyUse): ReturnType<KeyLifecycle['rotate']> {
    const keys = await keySet.refresh();
    const isUnderWay = keys.records.some((one) => one.use === use && one.state === 'published');
    if (isUnderWay) return { ok: false, problem: 'under-way' };
    const generation = keys.generation(use);
    const fresh = await makeSealed(keyKinds[use], generation + 1);
    const isBegun = await store.run('key-publish', [ring], [use, generation, generation + 1, ...fresh]);
    if (isBegun !== 1) return { ok: false, problem: 'under-way' };
    await written();
    log.info({ use, generation: generation + 1 }, 'new keys are published');
    const published = (await list()).filter((one) => one.use === use && one.state === 'published');
    return { ok: true, keys: published };
  }

  /** Gives keys without a life one, and begins the rotation that is due by itself. */
  async function tidy(): Promise<void> {
    if (keySet.current().hasLifeless) {
      await keySet.begin();
      await keySet.refresh();
    }
    const days = settings.current().signing_key_days;
    const signing = keySet.current().records.filter((one) => one.use === 'signing');
    const oldest = Math.min(
      ...signing.flatMap((one) => (one.state === 'active' ? [one.activatedAt ?? 0] : [])),
    );
    const isUnderWay = signing.some((one) => one.state === 'published');
    if (days > 0 && !isUnderWay && oldest + days * dayMs <= nowMs()) {
      const rotated = await rotate('signing');
      if (!rotated.ok) return;
      const keys = rotated.keys.map(({ id, use, alg }) => ({ id, use, alg }));
      await tell({ kind: 'key.rotated', target: { kind: 'key', id: 'signing' }, after: { rotated: keys } });
    }
  }

  return {
    list,
    rotate,

    async revoke(id) {
      for (;;) {
        const keys = await keySet.refresh();
        const found = keys.records.find((one) => one.id === id);
        if (!found) return { ok: false, problem: 'not-found' };
        const generation = keys.generation(found.use);
        const fresh = await makeSealed([found.kind], generation + 1);
        const args = [found.name, generation, generation + 1, ...fresh];
        const successor = (await store.run('key-revoke', [ring], args)) as string;
        if (successor === 'again') continue;
        if (successor === 'gone') return { ok: false, problem: 'not-found' };
        await written();
        log.warn({ key: id, use: found.use, alg: found.alg }, 'a key was revoked');
        const pods = await listPods();
        const record = keySet.current().records.find(({ name }) => name === successor);
        // Revoked by another meanwhile, so that the question is which key there is now.
        const replacedBy = record ?? keySet.current().records.find(({ kind }) => kind === found.kind);
        if (!replacedBy) throw new Error(`there is no key of kind ${found.kind}`);
        return { ok: true, replacedBy: summarise(replacedBy, pods) };
      }
    },

    async sweep() {
      await tidy();
      const { records } = keySet.current();
      const isIdle = records.every(({ state }) => state === 'active');
      if (isIdle) return;
      const pods = await listPods();
      const serving = pods.flatMap(({ keySetVersion }) => (keySetVersion > 0 ? [keySetVersion] : []));
      const lowest = serving.length > 0 ? Math.min(...serving) : 0;
      const args: (string | number)[] = [lowest, serving.length < pods.length ? 1 : 0];
      for (const use of ['signing', 'cookie'] as const) args.push(use, waitMs[use], keptMs(use));
      const [moved, activated] = (await store.run('key-sweep', [ring], args)) as [number, string[]];
      if (moved === 0) return;
      await written();
      log.info({ moved, version: keySet.current().version }, 'keys were moved on');
      for (const name of activated) {
        const key = keySet.current().records.find((one) => one.name === name);
        const { id, use, alg } = key ?? { id: name };
        await tell({ kind: 'key.activated', target: { kind: 'key', id }, after: { id, use, alg } });
      }
    },
  };
}
