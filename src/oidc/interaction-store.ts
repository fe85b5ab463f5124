import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Payload } from './adapter.ts';
import { type Single, unitOfWork } from './unit-of-work.ts';

/**
 * Interactions: an authorization request that waits for a person. Its uid is in a cookie and in the path, so
 * Redis knows it by hash alone; what the engine keeps of it names that uid, the session's cookie and the device
 * code, and is sealed. A person's answer is written once (of two answers at the same moment the
 * first counts), and it is resumed once.
 */

const purpose = 'interaction';
const progressPurpose = 'sign-in-progress';
/** How long a finished one is kept, so that a resume that is sent again gets the same answer. */
const answerForMs = 60_000;

export function createInteractionStore(store: Store, ring: KeyRing) {
  const keyOf = (uid: string) => store.keys.interaction(ring.hash('interaction', uid));

  return {
    async find(uid: string): Promise<Payload | undefined> {
      const key = keyOf(uid);
      const unit = unitOfWork();
      const fields = await unit.read(key);
      if (!fields?.p) return undefined;
      unit.browserSecret = uid;
      // Elsewhere a spent one is still there to say that it was answered, and where the browser goes on.
      if (fields.consumed !== undefined && unit.mayAnswerAgain) {
        const earlierAnswer = await unit.guard(store.readText(store.keys.answer(key)));
        if (earlierAnswer === undefined) return undefined;
        unit.singles.push({ ...single(key, uid), earlierAnswer });
      }
      return { ...JSON.parse(ring.open(purpose, key, fields.p)), jti: uid };
    },

    async upsert(uid: string, payload: Payload, lifetimeSeconds: number): Promise<void> {
      if (lifetimeSeconds <= 0) return;
      const key = keyOf(uid);
      const unit = unitOfWork();
      const before = await unit.asRead(key);
      const { jti: _jti, ...rest } = payload;
      const fields = { p: ring.seal(purpose, key, JSON.stringify(rest)) };
      const change = unit.change('grant', key);
      if (before?.p !== undefined) change.requireSame(key, 'p', before.p);
      change.set(key, lifetimeSeconds * 1000, fields);
      unit.hold(key, { ...before, ...fields });
    },

    /** What the person has proved so far; undefined when that is nothing. */
    async progress(uid: string): Promise<unknown> {
      const key = keyOf(uid);
      const fields = await unitOfWork().read(key);
      return fields?.f === undefined ? undefined : JSON.parse(ring.open(progressPurpose, key, fields.f));
    },

    /** Of two that build on the same progress one is kept, and the other request is refused. */
    async keepProgress(uid: string, progress: unknown): Promise<void> {
      const key = keyOf(uid);
      const unit = unitOfWork();
      const before = await unit.asRead(key);
      const fields = { f: ring.seal(progressPurpose, key, JSON.stringify(progress)) };
      const change = unit.change('grant', key).requireAlive(key);
      if (before?.f === undefined) change.requireLacking(key, 'f');
      else change.requireSame(key, 'f', before.f);
      change.set(key, 0, fields);
      unit.hold(key, { ...before, ...fields });
    },

    /** A change that writes the person's answer and nothing else; after an `upsert` of it in this request. */
    async answerAlone(uid: string): Promise<Change> {
      const key = keyOf(uid);
      const unit = unitOfWork();
      const [before, after] = [await unit.asRead(key), await unit.read(key)];
      return new Change().requireSame(key, 'p', before?.p ?? '').set(key, 0, { p: after?.p ?? '' });
    },

    /** At commit exactly one request resumes it, and leaves its answer for the same one sent again. */
    async spend(uid: string): Promise<void> {
      const key = keyOf(uid);
      const unit = unitOfWork();
      if (unit.singles.some((one) => one.key === key)) return;
      const one = single(key, uid);
      unit.singles.push(one);
      unit
        .change('gate', key)
        .durable()
        .requireUnspent(key, one.answerKey)
        .spend(key)
        .expireIn(key, answerForMs);
    },
  };

  function single(key: string, uid: string): Single {
    return {
      kind: 'interaction',
      key,
      answerKey: store.keys.answer(key),
      rank: 'gate',
      aggregate: key,
      carrier: uid,
      isBoundToBrowser: false,
      answerForMs,
      until: 'expiry',
      grantKey: undefined,
    };
  }
}

export type InteractionStore = ReturnType<typeof createInteractionStore>;
