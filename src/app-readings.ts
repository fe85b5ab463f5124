import type { Parts } from './app-parts.ts';
import { type Unready, unreadyReasons } from './app-ready.ts';
import { nowMs } from './clock.ts';
import type { EventLoopWatch } from './metrics/event-loop.ts';
import type { Readings, SharedReadings } from './metrics/metrics.ts';
import type { ClockWatch } from './redis/clock-watch.ts';
import type { Heard } from './redis/pods.ts';
import type { Store } from './redis/redis.ts';

/** What is the same for all pods is asked of Redis no more often than this, however many look. */
const keepSharedMs = 10_000;

/** The part of app.ts that says how the pod is at the moment, for who reads its metrics. */
export function createReadings(parts: {
  store: Pick<Store, 'handle'>;
  eventLoop: Pick<EventLoopWatch, 'lagMs'>;
  unready(): Unready | undefined;
  clock(): Pick<ClockWatch, 'skewMs'> | undefined;
  heard(): Heard | undefined;
  built(): Parts | undefined;
}): () => Promise<Readings> {
  let shared: { readAt: number; reading: Promise<SharedReadings | undefined> } | undefined;

  function readShared(of: Parts): Promise<SharedReadings | undefined> {
    const now = performance.now();
    if (!shared || now - shared.readAt >= keepSharedMs) {
      const reading = askRedis(of).catch(() => {
        // Redis is away. It is asked again at the next look.
        shared = undefined;
        return undefined;
      });
      shared = { readAt: now, reading };
    }
    return shared.reading;
  }

  return async () => {
    const built = parts.built();
    const why = parts.unready();
    return {
      redisIsUp: parts.store.handle.isReady(),
      unready: Object.fromEntries(unreadyReasons.map((reason) => [reason, reason === why])),
      hashing: built?.hashing.load(),
      eventLoopLagSeconds: parts.eventLoop.lagMs() / 1000,
      clockOffsetSeconds: ofThousand(parts.clock()?.skewMs()),
      podsLive: parts.heard()?.alive,
      ...(built ? ofKeys(built) : { signingKeyAgeSeconds: {}, keyRotation: {} }),
      shared: built && (await readShared(built)),
    };
  };
}

async function askRedis({ oidc, mail, events }: Parts): Promise<SharedReadings> {
  const [sessions, mails, auditLagMs] = await Promise.all([
    oidc.allSessions.count(),
    mail.waiting(),
    events.chainLagMs(),
  ]);
  return {
    sessions,
    mailsWaiting: mails.waiting,
    mailsGivenUp: mails.givenUp,
    oldestMailSeconds: mails.oldestMs / 1000,
    auditLagSeconds: auditLagMs / 1000,
  };
}

function ofKeys({ keySet }: Parts): Pick<Readings, 'signingKeyAgeSeconds' | 'keyRotation'> {
  const { records } = keySet.current();
  const active = records.filter(({ use, state }) => use === 'signing' && state === 'active');
  const stateOf = (use: string) => {
    const states = records.filter((record) => record.use === use).map(({ state }) => state);
    if (states.includes('published')) return 1;
    return states.includes('retired') ? 2 : 0;
  };
  return {
    signingKeyAgeSeconds: Object.fromEntries(
      active.map(({ alg, activatedAt, createdAt }) => [
        alg,
        Math.max(0, (nowMs() - (activatedAt ?? createdAt)) / 1000),
      ]),
    ),
    keyRotation: { signing: stateOf('signing'), cookie: stateOf('cookie') },
  };
}

function ofThousand(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
