import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { Reply } from './person.ts';

/**
 * Secrets that were used on purpose, to be looked for afterwards wherever none may be: in logs, in Redis, in metrics
 * and traces, on error pages.
 */
export type Canaries = {
  /** @param value what nobody may find; of an id that names its place, the random part */
  note(what: string, value: string | undefined): void;
  /** Notes every secret that an answer brought. */
  harvest<T extends Reply>(reply: T): T;
  kinds(): Set<string>;
  secrets(): string[];
  /** Those that are in this text, in any form in which a careless program would have written them. */
  found(where: string): string[];
};

export function createCanaries(issuer: () => string): Canaries {
  const canaries = new Map<string, string>();

  function note(what: string, value: string | undefined): void {
    const secret = value?.split('.').at(-1) ?? '';
    expect(secret.length, what).to.be.at.least(8);
    if (!canaries.has(secret)) canaries.set(secret, what);
  }

  return {
    note,
    harvest(reply) {
      const location = new URL(reply.location ?? '/', issuer());
      if (location.searchParams.has('code')) note('code', location.searchParams.get('code') ?? '');
      const uid = /^\/(?:interaction|auth|device)\/([^/]+)/.exec(location.pathname)?.[1];
      if (uid !== undefined) note('interaction uid', uid);
      for (const line of reply.setCookies) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value !== '' && name !== 'holdfast_language') note(`cookie ${name}`, value);
      }
      for (const [, csrf] of reply.body.matchAll(/name="csrf" value="([^"]+)"/g)) note('form token', csrf);
      if (!/[/+]json/.test(reply.headers.get('content-type') ?? '') || reply.body === '') return reply;
      const json = JSON.parse(reply.body) as Record<string, unknown>;
      for (const name of ['access_token', 'refresh_token', 'id_token', 'device_code', 'request_uri']) {
        if (typeof json[name] === 'string') note(name, json[name].replace(/^urn:.*:/, ''));
      }
      if (typeof json.client_secret === 'string') note('client secret', json.client_secret);
      if (typeof json.user_code === 'string') {
        note('user code', json.user_code);
        note('user code', json.user_code.replace('-', ''));
      }
      return reply;
    },
    kinds: () => new Set(canaries.values()),
    secrets: () => [...canaries.keys()],
    found: (where) =>
      [...canaries].flatMap(([secret, what]) =>
        spellings(secret).some((spelling) => where.includes(spelling)) ? [`${what}: ${secret}`] : [],
      ),
  };
}

function spellings(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(secret).toString('hex'),
  ];
}

export type DumpedKey = { key: string; type: string; content: string; lifetimeMs: number };

/** All that is in a Redis. */
export async function dumpRedis(client: Redis): Promise<DumpedKey[]> {
  const keys = await client.keys('*');
  return Promise.all(
    keys.map(async (key) => {
      const type = await client.type(key);
      const readers: Record<string, () => Promise<unknown>> = {
        hash: () => client.hgetall(key),
        string: () => client.get(key),
        zset: () => client.zrange(key, '0', '-1'),
        set: () => client.smembers(key),
        list: () => client.lrange(key, 0, -1),
        stream: () => client.xrange(key, '-', '+'),
      };
      const read = readers[type];
      if (!read) throw new Error(`a key of type ${type}: ${key}`);
      return { key, type, content: JSON.stringify(await read()), lifetimeMs: await client.pttl(key) };
    }),
  );
}
