/**
 * `npm run demo`: three provider pods as processes of their own behind a balancer without affinity, one Redis,
 * and the demo relying party. While you are signed in, pods are killed and started again.
 *
 *   --no-kill                 leave them alone
 *   --kill-every <seconds>    10 when left out
 *   --ports <provider>,<relying party>,<API>   3000,3001,3002 when left out; 0 takes a free one
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
import { type DemoDetails, demoRelyingPartySecrets, prepareLocal, seedDemo } from './local.ts';
import { createPodGroup, freePort } from './pod-group.ts';
import { startRoundRobinProxy } from './round-robin-proxy.ts';
import { startTrail } from './trail.ts';

type Options = {
  ports: { provider: number; relyingParty: number; api: number };
  directory: string;
  /** Undefined: no pod is killed. */
  killEverySeconds: number | undefined;
};

async function readOptions(): Promise<Options> {
  const { values } = parseArgs({
    options: {
      'no-kill': { type: 'boolean', default: false },
      'kill-every': { type: 'string', default: '10' },
      ports: { type: 'string', default: '3000,3001,3002' },
      directory: { type: 'string', default: '.holdfast' },
    },
  });
  const ports = values.ports.split(',').map(Number);
  const isPort = (port: number) => Number.isInteger(port) && port >= 0 && port <= 65_535;
  if (ports.length !== 3 || !ports.every(isPort)) {
    throw new Error('--ports takes three port numbers: <provider>,<relying party>,<API>');
  }
  const killEverySeconds = Number(values['kill-every']);
  if (!(killEverySeconds > 0)) throw new Error('--kill-every takes a number of seconds greater than 0');
  const [provider = 0, relyingParty = 0, api = 0] = await Promise.all(
    ports.map((port) => port || freePort()),
  );
  return {
    ports: { provider, relyingParty, api },
    directory: values.directory,
    killEverySeconds: values['no-kill'] ? undefined : killEverySeconds,
  };
}

/** Starts everything. `closers` gets, for each part that runs, what ends it, in the order of their start. */
async function start(options: Options, closers: (() => Promise<void>)[]): Promise<void> {
  const { directory, ports, killEverySeconds } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const log = createLog('info', 'demo', openSync(join(directory, 'holdfast.log'), 'a', 0o600));
  const redis = await startLocalRedis({ directory, log });
  closers.push(() => redis.close());
  if (redis.target.kind !== 'standalone' || !('path' in redis.target.address)) {
    throw new Error('the local Redis is reached over a socket');
  }

  const issuer = `http://localhost:${ports.provider}`;
  const relyingPartyUrl = `http://localhost:${ports.relyingParty}`;
  const apiUrl = `http://localhost:${ports.api}`;
  const environment = {
    HOLDFAST_ISSUER: issuer,
    HOLDFAST_KEYS: prepareLocal(directory).keys,
    HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
    HOLDFAST_UNSAFE_SHOW_MAILS: 'true',
    HOLDFAST_REGISTRATION: 'open',
    HOLDFAST_PROXY_HOPS: '1',
    HOLDFAST_RESOURCES: `${apiUrl} api:read`,
    HOLDFAST_DRAIN_PAUSE_MS: '500',
    REDIS_URL: `redis+unix://${redis.target.address.path.split('/').map(encodeURIComponent).join('/')}`,
  };
  const config = readConfig(environment);
  const addresses = { issuer, relyingPartyUrl, apiUrl };
  const demo = await seedDemo({ config, target: redis.target, directory, log, ...addresses });

  const pods = createPodGroup({
    names: ['pod-a', 'pod-b', 'pod-c'],
    environment: { PATH: process.env.PATH ?? '', ...environment },
    logFile: join(directory, 'pods.log'),
    say: (line) => say(`${new Date().toLocaleTimeString('en-GB')}  ${line}`),
  });
  closers.push(() => pods.close());
  const proxy = await startRoundRobinProxy({
    port: ports.provider,
    host: 'localhost',
    targets: () => pods.running(),
    log,
  });
  closers.push(() => proxy.close());
  await pods.start();
  const trail = await startTrail({ pods, proxy });
  closers.push(() => trail.close());

  const api = await startProtectedApi({ issuer, audience: apiUrl, port: ports.api });
  closers.push(() => api.close());
  const relyingParty = await startRelyingParty({
    issuer,
    clientId: demo.client.id,
    clientSecret: demo.client.secret,
    port: ports.relyingParty,
    publicUrl: relyingPartyUrl,
    apiUrl,
    apiAudience: apiUrl,
    cookieSecrets: demoRelyingPartySecrets(directory),
    session: { mode: 'cookie' },
    signInHint: demo.account,
    trailUrl: trail.url,
  });
  closers.push(() => relyingParty.close());
  say(welcome(demo, killEverySeconds));
  if (killEverySeconds !== undefined) pods.killNowAndThen(killEverySeconds * 1000);
}

function welcome(demo: DemoDetails, killEverySeconds: number | undefined): string {
  const { issuer, relyingParty, account, owner } = demo;
  const every = killEverySeconds === 1 ? 'Every second' : `Every ${killEverySeconds} seconds`;
  return `
  Three pods are running behind a balancer that sends each request to the next one.

    Open         ${relyingParty}
    Sign in as   ${account.email}
    Password     ${account.password}

    Administer   ${issuer}/admin
    Sign in as   ${owner.email}
    Password     ${owner.password}

  ${killEverySeconds === undefined ? 'No pod is killed.' : `${every} a pod is killed and started again. Stay signed in.`}
  The page shows which pod answered what. Ctrl-C stops all of it; accounts and sessions are kept.
`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const options = await readOptions();
  const closers: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      for (let close = closers.pop(); close; close = closers.pop()) await close();
    })();
    return stopping;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say('Stopping…');
      void stop().then(() => process.exit(0), fail);
    });
  }
  say('Starting Redis and three pods…');
  try {
    await start(options, closers);
  } catch (error) {
    // What is being stopped may well fail to start.
    if (stopping) return;
    await stop();
    throw error;
  }
}

function fail(error: unknown): void {
  const isPortTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  const message = isPortTaken
    ? `Port ${'port' in error ? error.port : ''} is in use. Stop what uses it, or choose others: npm run demo -- --ports 4000,4001,4002`
    : error instanceof Error
      ? error.message
      : String(error);
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

main().catch(fail);
