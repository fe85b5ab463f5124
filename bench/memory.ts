import type { Redis } from 'ioredis';
import type { Client } from './http-client.ts';
import { signedIn, signOnAgain } from './operations.ts';
import { emailOf, morePeople } from './subject.ts';

const signOns = 300;
/** Codes, answers to requests sent again, and finished interactions are gone after this. */
const briefMs = 60_000;

/**
 * Bytes in Redis for somebody signed in to one client, with session, grant, refresh and access token; and for what
 * the account remembers of it (its recent activity), which stays when the session is over.
 */
export async function measureMemory(redis: Redis, client: Client): Promise<Record<string, number>> {
  const before = await bytesThatStay(redis);
  for (let i = 0; i < morePeople; i++) await signedIn(client, emailOf(i));
  const withPeople = await bytesThatStay(redis);
  const history = (await bytesThatStay(redis, true)) / morePeople;
  const { cookies } = await signedIn(client);
  const one = await bytesThatStay(redis);
  for (let i = 0; i < signOns; i++) await signOnAgain(client, cookies);
  const after = await bytesThatStay(redis);
  return {
    'Redis bytes per signed-in person': (withPeople - before) / morePeople,
    'Redis bytes of recent activity per account, after one sign-in': history,
    [`Redis bytes more per sign-on, after ${signOns} on one grant`]: (after - one) / signOns,
  };
}

async function bytesThatStay(redis: Redis, isHistory = false): Promise<number> {
  let bytes = 0;
  for await (const found of redis.scanStream({ count: 1000 })) {
    // The audit trail is measured by itself (audit.ts).
    const keys = (found as string[]).filter(
      (key) => key.endsWith(':activity') === isHistory && !key.includes('{audit}'),
    );
    const batch = redis.pipeline();
    for (const key of keys) batch.pttl(key).call('MEMORY', 'USAGE', key);
    const replies = (await batch.exec()) ?? [];
    for (let i = 0; i < replies.length; i += 2) {
      const lifetime = Number(replies[i]?.[1]);
      if (lifetime < 0 || lifetime > briefMs) bytes += Number(replies[i + 1]?.[1] ?? 0);
    }
  }
  return bytes;
}
