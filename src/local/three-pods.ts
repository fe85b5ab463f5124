/**
 * `npm run demo`: three provider pods as processes of their own behind a balancer without affinity, one Redis,
 * and the demo relying party. While you are signed in, pods are killed and started again.
 *
 *   --no-kill                 leave them alone
 *   --kill-every <seconds>    10 when left out
 *   --ports <provider>,<relying party>,<API>   3000,3001,3002 when left out
 *   --directory <path>        .holdfast when left out
 */
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { startProtectedApi } from '../demo/protected-api.ts';
import { startRelyingParty } from '../demo/relying-party.ts';
import { createLog } from '../log.ts';
import { startLocalRedis } from '../redis/local-server.ts';
import { demoRelyingPartySecrets, prepareLocal, seedDemo } from './local.ts';
import { startPodGroup } from './pod-group.ts';
import { startRoundRobinProxy } from './round-robin-proxy.ts';
import { startTrail } from './trail.ts';

const { values } = parseArgs({
  options: {
    'no-kill': { type: 'boolean', default: false },
    'kill-every': { type: 'string', default: '10' },
    ports: { type: 'string', default: '3000,3001,3002' },
    directory: { type: 'string', default: '.holdfast' },
  },
});

async function main(): Promise<void> {
  const { directory } = values;
  const [port = 3000, relyingPartyPort = 3001, apiPort = 3002] = values.ports.split(',').map(Number);
  const killEverySeconds = Number(values['kill-every']);
  if (!(killEverySeconds > 0)) throw new Error('--kill-every takes a number of seconds greater than 0');

  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const log = createLog('info', 'demo', openSync(join(directory, 'holdfast.log'), 'a', 0o600));
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say('Stopping …');
      void stop().then(() => process.exit(0));
    });
  }

  try {
    say('Starting Redis and three pods …');
    const redis = await startLocalRedis({ directory, log });
    closers.push(() => redis.close());
    if (redis.target.kind !== 'standalone' || !('path' in redis.target.address)) {
      throw new Error('the local Redis is reached over a socket');
    }

    const issuer = `http://localhost:${port}`;
    const relyingPartyUrl = `http://localhost:${relyingPartyPort}`;
    const apiUrl = `http://localhost:${apiPort}`;
    const environment = {
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: prepareLocal(directory).keys,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_PROXY_HOPS: '1',
      HOLDFAST_RESOURCES: `${apiUrl} api:read`,
      HOLDFAST_DRAIN_PAUSE_MS: '500',
      REDIS_URL: `redis+unix://${redis.target.address.path}`,
    };
    const config = readConfig(environment);
    const addresses = { issuer, relyingPartyUrl, apiUrl };
    const demo = await seedDemo({ config, target: redis.target, directory, log, ...addresses });

    const pods = await startPodGroup({
      names: ['pod-a', 'pod-b', 'pod-c'],
      environment: { PATH: process.env.PATH ?? '', ...environment },
      logFile: join(directory, 'pods.log'),
      say: (line) => say(`${new Date().toLocaleTimeString('en-GB')}  ${line}`),
    });
    closers.push(() => pods.close());
    const proxy = await startRoundRobinProxy({ port, host: 'localhost', targets: () => pods.running() });
    closers.push(() => proxy.close());
    const trail = await startTrail({ pods, proxy });
    closers.push(() => trail.close());

    const api = await startProtectedApi({ issuer, audience: apiUrl, port: apiPort });
    closers.push(() => api.close());
    const relyingParty = await startRelyingParty({
      issuer,
      clientId: demo.client.id,
      clientSecret: demo.client.secret,
      port: relyingPartyPort,
      publicUrl: relyingPartyUrl,
      apiUrl,
      apiAudience: apiUrl,
      cookieSecrets: demoRelyingPartySecrets(directory),
      session: { mode: 'cookie' },
      signInHint: demo.account,
      trailUrl: trail.url,
    });
    closers.push(() => relyingParty.close());

    say(`
  Three pods are running behind a balancer that sends each request to the next one.

    Open         ${relyingPartyUrl}
    Sign in as   ${demo.account.email}
    Password     ${demo.account.password}

  ${values['no-kill'] ? 'No pod is killed.' : `Every ${killEverySeconds} seconds a pod is killed. Stay signed in.`} Ctrl-C stops all of it.
`);
    if (!values['no-kill']) pods.killNowAndThen(killEverySeconds * 1000);
  } catch (error) {
    await stop();
    throw error;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
