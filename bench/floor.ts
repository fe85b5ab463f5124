import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import Koa from 'koa';
import { createPasswordHasher } from '../src/accounts/password.ts';
import { createClient } from './http-client.ts';

/** What can be had at best on this machine, in µs; in this process, client and server together. */
export async function measureFloor(redisUrl: string): Promise<Record<string, number>> {
  const koa = new Koa().use((ctx) => {
    ctx.body = { hello: 'world' };
  });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const redis = new Redis(redisUrl);
  const hasher = createPasswordHasher({ concurrency: 1, queue: 10 });
  try {
    return {
      'node http, request and answer (µs)': await perRequest((_request, response) =>
        response.end('{"hello":"world"}'),
      ),
      'koa, request and answer (µs)': await perRequest(koa.callback()),
      'ES256 signature (µs)': await per(2000, async () => {
        sign('sha256', Buffer.from('x'), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      }),
      'Redis script, one at a time (µs)': await per(2000, () => redis.eval("return redis.call('TIME')", 0)),
      'argon2id, 46 MiB, one pass (µs)': await per(20, () => hasher.hash('correct horse battery staple')),
    };
  } finally {
    redis.disconnect();
    await hasher.close();
  }
}

async function perRequest(handler: Parameters<typeof createServer>[1]): Promise<number> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const client = createClient((server.address() as AddressInfo).port, 'floor');
  try {
    return await per(3000, () => client.send('GET', '/'));
  } finally {
    client.close();
    server.close();
    server.closeAllConnections();
  }
}

async function per(times: number, work: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < times / 10; i++) await work();
  const { user, system } = process.cpuUsage();
  const started = performance.now();
  for (let i = 0; i < times; i++) await work();
  const spent = process.cpuUsage({ user, system });
  // CPU where the work is done here, time where it is mostly waited for.
  return Math.max(
    (spent.user + spent.system) / times,
    times < 100 ? ((performance.now() - started) * 1000) / times : 0,
  );
}
