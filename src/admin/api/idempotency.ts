import { createHash } from 'node:crypto';
import type { Actor } from '../../access/actor.ts';
import { randomText } from '../../random.ts';
import type { KeyRing } from '../../redis/key-ring.ts';
import type { Store } from '../../redis/redis.ts';
import type { Once } from './api-route.ts';
import { ApiProblem } from './problem.ts';

/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request with a key is done once, however often and
 * to however many pods it is sent. The first answer is kept, sealed, for a day. When the pod that had it in hand was
 * killed, the next try does it again, with ids that are derived from the key, so that it finds what is there already
 * rather than making a second one.
 */
export type Idempotency = {
  /**
   * @param key as it came in the header
   * @param request all that makes it this request: method, path, query and body
   * @param work throws, or gives the answer that is kept
   * @throws ApiProblem 400, 409 or 422; @throws Unavailable
   */
  once(
    actor: Actor,
    key: string,
    request: unknown,
    work: (once: Once) => Promise<KeptAnswer>,
  ): Promise<KeptAnswer>;
};

export type KeptAnswer = { status: number; headers: Record<string, string>; body: string };

const keptMs = 24 * 60 * 60 * 1000;
/** A pod that works on a request says so in less, or is gone. */
const leaseMs = 5000;

/** @param options.leaseMs for how long a try has a request to itself. It renews that unless `isLost`, as when killed */
export function createIdempotency(
  parts: { store: Store; ring: KeyRing },
  options: { leaseMs: number; isLost?: boolean } = { leaseMs },
): Idempotency {
  const { store, ring } = parts;

  return {
    async once(actor, key, request, work) {
      if (!/^[\x21-\x7e]{1,128}$/.test(key)) {
        throw new ApiProblem(
          'invalid-request',
          'Idempotency-Key must be 1 to 128 visible ASCII characters.',
          {
            faults: [
              { pointer: 'header/Idempotency-Key', detail: 'must be 1 to 128 visible ASCII characters' },
            ],
          },
        );
      }
      const whose = JSON.stringify([actor.kind, actor.id, key]);
      const hash = ring.hash('idempotency-key', whose);
      const record = store.keys.once(hash);
      const digest = ring.hash('idempotency-request', sha256(JSON.stringify(request)));
      const attempt = randomText(16);
      const [state, more] = (await store.run(
        'once-begin',
        [record],
        [digest, attempt, options.leaseMs, keptMs, ring.seal('idempotency-seed', hash, randomText(32))],
      )) as [string, (string | number)?];
      if (state === 'answer') return JSON.parse(ring.open('idempotency', hash, String(more))) as KeptAnswer;
      if (state === 'other') {
        throw new ApiProblem(
          'key-reused',
          'This Idempotency-Key was used for another request. Take a new one.',
        );
      }
      if (state === 'busy') {
        throw new ApiProblem('in-progress', 'A request with this Idempotency-Key is still being worked on.', {
          headers: { 'retry-after': String(Math.min(Math.max(Math.ceil(Number(more) / 1000), 1), 5)) },
        });
      }
      const end = (sealed: string) => store.run('once-end', [record], [attempt, sealed, keptMs]);
      const renew = () => void store.run('once-renew', [record], [attempt, options.leaseMs]).catch(() => {});
      const renewing = options.isLost ? undefined : setInterval(renew, options.leaseMs / 3).unref();
      const seed = ring.open('idempotency-seed', hash, String(more));
      const half = (what: string, part: number) =>
        ring.hash('idempotent-secret', JSON.stringify([whose, digest, seed, what, part]));
      let kept: KeptAnswer;
      try {
        kept = await work({
          id: (what) => ring.hash('idempotent-id', JSON.stringify([whose, digest, what])),
          secret: (what) => half(what, 1) + half(what, 2),
          isRetry: state === 'again',
        });
      } catch (error) {
        // May be tried again at once. When even this fails, after the lease.
        await end('').catch(() => {});
        throw error;
      } finally {
        clearInterval(renewing);
      }
      await end(ring.seal('idempotency', hash, JSON.stringify(kept)));
      // An answer that a failover could forget is no answer.
      await store.settle(record);
      return kept;
    },
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
