import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Payload } from './adapter.ts';
import { type Single, unitOfWork } from './unit-of-work.ts';

/**
 * Pushed authorization requests (RFC 9126). The request_uri is good for one authorization; a browser that
 * sends the same request again, since no answer came, gets the same answer.
 *
 * The engine lets a record live for 60 seconds and reads it again when the person has signed in; were it
 * gone by then, the single-use check would be skipped. So a record is kept as long as an interaction lives;
 * its own `exp` still says until when the request_uri may be used first.
 */
const answerForMs = 10_000;

export function createPushedRequestStore(
  store: Store,
  ring: KeyRing,
  policy: { interactionSeconds: number },
) {
  const keyOf = (id: string) => store.keys.pushedRequest(ring.hash('pushed-request', id));

  return {
    upsert(id: string, payload: Payload, lifetimeSeconds: number): void {
      const { jti: _jti, ...rest } = payload;
      const key = keyOf(id);
      const keptMs = (lifetimeSeconds + policy.interactionSeconds) * 1000;
      unitOfWork()
        .change('grant', key)
        .durable()
        .set(key, keptMs, { p: JSON.stringify(rest) });
    },

    async find(id: string): Promise<Payload | undefined> {
      const key = keyOf(id);
      const unit = unitOfWork();
      const fields = await unit.read(key);
      if (!fields?.p) return undefined;
      const payload: Payload = { ...JSON.parse(fields.p), jti: id };
      if (fields.consumed !== undefined) {
        const earlierAnswer = unit.mayAnswerAgain
          ? await unit.guard(store.readText(store.keys.answer(key)))
          : undefined;
        if (earlierAnswer === undefined) payload.consumed = Math.floor(Number(fields.consumed) / 1000);
        else unit.singles.push({ ...single(key, id), earlierAnswer });
      }
      return payload;
    },

    async spend(id: string): Promise<void> {
      const key = keyOf(id);
      const unit = unitOfWork();
      if (unit.singles.some((one) => one.key === key)) return;
      const one = single(key, id);
      unit.singles.push(one);
      unit.change('gate', key).durable().requireUnspent(key, one.answerKey).spend(key);
    },
  };

  function single(key: string, id: string): Single {
    return {
      kind: 'pushed-request',
      key,
      answerKey: store.keys.answer(key),
      rank: 'gate',
      aggregate: key,
      carrier: id,
      // A request_uri travels in the address bar; the answer may carry a session cookie.
      isBoundToBrowser: true,
      answerForMs,
      until: 'expiry',
      grantKey: undefined,
    };
  }
}

export type PushedRequestStore = ReturnType<typeof createPushedRequestStore>;
