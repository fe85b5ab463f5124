import { setTimeout as pause } from 'node:timers/promises';
import * as oidc from 'openid-client';
import { openParts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { testKeys } from '../support/pods.ts';
import { startCluster, startSentinel, startStandalone, type Topology } from '../support/redis-topologies.ts';
import { startBalancer } from './balancer.ts';
import { faults, type TopologyName } from './faults.ts';
import { type Pods, startPods } from './pods.ts';
import { checkOutPrevious } from './previous-version.ts';
import { createRandom } from './random.ts';
import { createRecord, type Record } from './record.ts';
import { patientFetch } from './sending.ts';
import { type Account, type RelyingParty, Visitor } from './visitor.ts';

export type ChaosOptions = {
  fault: string;
  topology: TopologyName;
  seconds: number;
  seed: number;
  pods: number;
  people: number;
  say?(line: string): void;
};

const starters: { [name in TopologyName]: (syncsEachWrite: boolean) => Promise<Topology> } = {
  // Alone, a server that is killed has only its disk: each write is synced before it is answered.
  standalone: (syncs) => startStandalone({ extraArgs: syncs ? ['--appendfsync', 'always'] : [] }),
  sentinel: () => startSentinel({ replicas: 2, sentinels: 3, downAfterMs: 1000 }),
  cluster: () => startCluster({ primaries: 3, replicasPerPrimary: 1 }),
};

/** Load, one fault, and the reading back of everything that was acknowledged. */
export async function runChaos(options: ChaosOptions): Promise<Record> {
  const fault = faults[options.fault];
  if (!fault) throw new RangeError(`there is no fault ${options.fault}`);
  const random = createRandom(options.seed);
  const record = createRecord();
  const redis = await starters[options.topology](!fault.isStrict);
  let pods: Pods | undefined;
  // The issuer's port is the balancer's, which needs pods, which need the issuer.
  const balancer = await startBalancer(() => pods?.ports() ?? []);
  const issuer = `http://localhost:${balancer.port}`;
  const environment = {
    HOLDFAST_DURABLE_REPLICAS: options.topology === 'standalone' ? '0' : '1',
    HOLDFAST_LOG_LEVEL: 'warn',
    HOLDFAST_DRAIN_PAUSE_MS: '500',
  };
  const previous = fault.mixesVersions ? checkOutPrevious() : undefined;
  try {
    const accounts = await seed(redis.url, issuer, options.people, environment);
    pods = await startPods({
      count: options.pods,
      issuer,
      redisUrl: redis.url,
      record,
      environment,
      preload: (index) => fault.preload?.(index),
      directory: (index) => (index % 2 === 1 ? previous?.directory : undefined),
    });
    const parties = await Promise.all(['first', 'second'].map((name) => relyingParty(issuer, name, record)));
    const visitors = accounts.map(
      (account) => new Visitor({ issuer, account, parties, record, random, isStrict: fault.isStrict }),
    );

    const until = AbortSignal.timeout(options.seconds * 1000);
    const telling = setInterval(() => {
      options.say?.(
        `  ${record.flows} flows, ${record.kills} kills, ${record.failed} failed, ${record.resent} resent`,
      );
    }, 5000);
    const load = visitors.map(async (visitor) => {
      while (!until.aborted) await visitor.act();
    });
    await fault.run({ redis, pods, random, until });
    await Promise.all(load);
    clearInterval(telling);

    await pods.allUp();
    await healed(issuer);
    // Kill points go on while all is read back: what was acknowledged must be had in spite of them.
    await Promise.all(visitors.map((visitor) => visitor.readBack()));
    if (fault.losesNothing && record.resent > 0) {
      record.violate('wrong', `${record.resent} requests broke although every pod was only asked to stop`);
    }
    return record;
  } finally {
    await pods?.close();
    await balancer.close();
    await redis.stop();
    previous?.remove();
  }
}

async function seed(
  redisUrl: string,
  issuer: string,
  people: number,
  environment: { [name: string]: string },
): Promise<Account[]> {
  const config = readConfig({
    ...environment,
    HOLDFAST_ISSUER: issuer,
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: redisUrl,
    HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
  });
  const parts = await openParts(config, parseRedisUrl(redisUrl), createLog('silent', 'chaos'));
  try {
    for (const name of ['first', 'second']) {
      await parts.clients.put(
        {
          client_id: name,
          redirect_uris: [`http://${name}.example/cb`],
          grant_types: ['authorization_code', 'refresh_token'],
          first_party: true,
        },
        `${name}-secret`,
      );
    }
    const accounts: Account[] = [];
    for (let i = 0; i < people; i++) {
      const person = { email: `person-${i}@example.com`, password: `a long passphrase of person ${i}` };
      const made = await parts.accounts.create({ ...person, emailVerified: true });
      if (!made.ok) throw new Error(made.problem);
      accounts.push({ ...person, id: made.account.id });
    }
    return accounts;
  } finally {
    await parts.close();
  }
}

async function relyingParty(issuer: string, name: string, record: Record): Promise<RelyingParty> {
  const configuration = await oidc.discovery(
    new URL(issuer),
    name,
    { id_token_signed_response_alg: 'ES256' },
    oidc.ClientSecretBasic(`${name}-secret`),
    { execute: [oidc.allowInsecureRequests], [oidc.customFetch]: patientFetch(record) as never },
  );
  configuration[oidc.customFetch] = patientFetch(record) as never;
  return { name, configuration, redirectUri: `http://${name}.example/cb` };
}

/** Waits until the pods reach Redis again: a request that needs it is answered. */
async function healed(issuer: string): Promise<void> {
  for (let successes = 0; successes < 10; ) {
    const reply = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('first:wrong')}` },
    }).catch(() => undefined);
    successes = reply?.status === 400 || reply?.status === 401 ? successes + 1 : 0;
    await pause(100);
  }
}
