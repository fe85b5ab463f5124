/**
 * The product, as `src/main.ts` starts it, but for the counting of round trips. Arguments: the REDIS_URL; `hash-free`
 * for sign-ins without the password hash, or anything else; `metrics`; where traces go.
 */
import { createApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { keepStacksShort } from '../src/errors.ts';
import { createLog } from '../src/log.ts';
import { parseRedisUrl } from '../src/redis/redis-url.ts';
import {
  account,
  allClients,
  type Counters,
  emailOf,
  issuer,
  metadataOf,
  morePeople,
  resource,
} from './subject.ts';

keepStacksShort();
const [, , redisUrl = '', hashing, watching, tracesUrl] = process.argv;
const environment = readConfig({
  HOLDFAST_ISSUER: issuer,
  HOLDFAST_PORT: '0',
  HOLDFAST_POD: 'bench',
  HOLDFAST_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64url')}`,
  HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
  HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
  HOLDFAST_RESOURCES: `${resource} api:read`,
  HOLDFAST_LOG_LEVEL: 'warn',
  REDIS_URL: redisUrl,
  ...(watching === 'metrics' ? { HOLDFAST_METRICS_PORT: '0' } : {}),
  ...(tracesUrl ? { OTEL_EXPORTER_OTLP_ENDPOINT: tracesUrl } : {}),
});
// The client cache is warm, as it is on a busy pod, however slowly the requests of a bench follow each other.
const config = { ...environment, clientCacheMs: 60_000 };
const app = createApp(config, parseRedisUrl(redisUrl), createLog('warn', 'bench'));
const { port } = await app.listen();
const { accounts, clients, store } = await app.ready();
await accounts.create({ ...account, emailVerified: true, name: 'Ada' });
// Without a password, which nobody looks at in a hash-free run.
for (let person = 0; person < morePeople; person++) {
  await accounts.create({ email: emailOf(person), emailVerified: true });
}
for (const client of allClients()) await clients.put(metadataOf(client), client.secret);
if (hashing === 'hash-free') {
  // Sign-in without the cost of the password hash, to see what else there is.
  const { attempt } = accounts;
  accounts.attempt = (email, beside) => {
    const { account } = attempt(email, beside);
    return {
      account,
      async checkPassword() {
        const found = await account;
        return found ? { ok: true, account: found } : { ok: false, problem: 'wrong-credentials' };
      },
    };
  };
}

// What a pod does by itself, as often as twice a second, is no part of what a request costs: writes to Redis that name
// nothing but these.
const byItself = /^hf:(\{(pods|k|settings|access|resources|audit|accounts|mail)\}|\{sessions\}:era$)/;
function isOfRequest(written: unknown): boolean {
  const keys = String(written).match(/hf:\{[^\r]*/g) ?? [];
  return keys.some((key) => !byItself.test(key));
}

let roundTrips = 0;
const { stream } = store.handle.client as unknown as { stream: { write(...args: unknown[]): boolean } };
const write = stream.write.bind(stream);
stream.write = (...args) => {
  if (isOfRequest(args[0])) roundTrips += 1;
  return write(...args);
};

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, roundTrips } satisfies Counters);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port });
