import type { Context } from 'koa';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { Refusal } from '../errors.ts';
import { type Route, route } from '../http/route.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';

/**
 * A question that the doctor asks a pod by way of the public address: how did my request reach you? Only who can write
 * to Redis, and has the keys, can ask; anybody else finds nothing there.
 */
export type AsSeenByPod = {
  pod: string;
  /** Of the sender, as the pod takes it. */
  address: string;
  /** HOLDFAST_PROXY_HOPS of that pod. */
  hops: number;
  /** As they came, before the pod set them right. */
  host: string;
  forwardedFor: string[];
  forwardedProto: string | undefined;
  /** Whether the cookie of the request came with it. */
  hasCookie: boolean;
};

export const questionPath = '/doctor';
export const questionCookie = 'holdfast-doctor';
const questionMs = 60_000;

/** @returns the nonce. @throws Unavailable */
export async function ask(store: Store, ring: Pick<KeyRing, 'hash'>): Promise<string> {
  const nonce = randomText(32);
  await store.call('SET', store.keys.doctor(ring.hash('doctor', nonce)), '1', 'PX', questionMs);
  return nonce;
}

export function doctorRoute(parts: {
  config: Pick<Config, 'pod' | 'proxyHops' | 'issuer'>;
  store: Store;
  ring: Pick<KeyRing, 'hash'>;
}): Route {
  const { config, store, ring } = parts;
  return route({
    method: 'GET',
    path: `${questionPath}/:nonce`,
    params: z.strictObject({ nonce: z.string().max(100) }),
    statuses: [200],
    async handle({ params: { nonce }, clientAddress, raw }) {
      const isAsked =
        /^[\w-]{43}$/.test(nonce) &&
        (await store.readText(store.keys.doctor(ring.hash('doctor', nonce)))) !== undefined;
      if (!isAsked) throw new Refusal(404, 'not-found', { code: 'not_found' });
      raw.set('cache-control', 'no-store');
      raw.body = describe(raw, nonce, clientAddress) satisfies AsSeenByPod;
      return { asIs: true, cookies: [{ name: questionCookie, value: nonce, maxAgeSeconds: 60 }] };
    },
  });

  function describe(ctx: Context, nonce: string, address: string): AsSeenByPod {
    return {
      pod: config.pod,
      address,
      hops: config.proxyHops,
      host: received(ctx, 'host')[0] ?? '',
      forwardedFor: received(ctx, 'x-forwarded-for').flatMap((value) =>
        value.split(',').map((one) => one.trim()),
      ),
      forwardedProto: received(ctx, 'x-forwarded-proto')[0],
      hasCookie: ctx.cookies.get(questionCookie) === nonce,
    };
  }
}

/** A header as it came; http/host.ts has set the parsed ones right. */
function received(ctx: Context, name: string): string[] {
  const { rawHeaders } = ctx.req;
  return rawHeaders.flatMap((value, i) =>
    i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name ? [value] : [],
  );
}
