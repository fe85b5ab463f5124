import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import * as oidc from 'openid-client';
import { startCluster, startSentinel, startStandalone, type Topology } from '../support/redis-topologies.ts';
import { startAdministrator } from './administrator.ts';
import { startBalancer } from './balancer.ts';
import type { RelyingParty } from './browsing.ts';
import type { TopologyName } from './fault.ts';
import { faults } from './faults.ts';
import { readBack } from './ledger.ts';
import { type Pods, type PodsOptions, startPods } from './pods.ts';
import { checkOutPrevious } from './previous-version.ts';
import { createRandom, seedOf } from './random.ts';
import { createRecord, type Record } from './record.ts';
import { servers, syncEachWrite } from './redis-faults.ts';
import { patientFetch } from './sending.ts';
import { Visitor } from './visitor.ts';

export type ChaosOptions = {
  fault: string;
  topology: TopologyName;
  seconds: number;
  seed: number;
  pods: number;
  people: number;
  say?(line: string): void;
};

/** The fault cannot be brought about here, for this reason. */
export class Skipped extends Error {}

const starters: { [name in TopologyName]: () => Promise<Topology> } = {
  standalone: () => startStandalone(),
  sentinel: () => startSentinel({ replicas: 2, sentinels: 3, downAfterMs: 1000 }),
  cluster: () => startCluster({ primaries: 3, replicasPerPrimary: 1 }),
};

/** Load, one fault, and the reading back of everything that was acknowledged. @throws Skipped */
export async function runChaos(options: ChaosOptions): Promise<Record> {
  const { topology, say = () => {} } = options;
  const fault = faults[options.fault];
  if (!fault) throw new RangeError(`there is no fault ${options.fault}`);
  const seed = seedOf(options.seed, options.fault);
  const record = createRecord();
  const syncsEachWrite = fault.syncsEachWrite?.includes(topology) ?? false;
  const previous = fault.mixesVersions ? previousOrSkip() : undefined;
  // Each request on a connection of its own, and so on any pod; a pod that drains has open ones to close.
  const { globalAgent } = http;
  http.globalAgent = new http.Agent({ keepAlive: fault.losesNothing ?? false });
  const redis = await starters[topology]();
  let pods: Pods | undefined;
  // The issuer's port is the balancer's, which needs pods, which need the issuer.
  const balancer = await startBalancer(() => pods?.ports() ?? []);
  const issuer = `http://localhost:${balancer.port}`;
  const environment = {
    HOLDFAST_DURABLE_REPLICAS: topology === 'standalone' ? '0' : '1',
    HOLDFAST_LOG_LEVEL: 'warn',
    HOLDFAST_DRAIN_PAUSE_MS: '500',
  };
  const administrator = await startAdministrator(redis.url, issuer, environment);
  try {
    if (syncsEachWrite) {
      say('  Redis syncs each write to disk: without a copy elsewhere, nothing less survives its kill');
      await syncEachWrite(servers(redis));
    }
    for (const name of ['first', 'second']) await administrator.putClient(name);
    const people = Array.from({ length: options.people }, (_, i) => `person-${i}`);
    const accounts = await Promise.all(people.map((name) => administrator.createAccount(name)));
    const podsOptions: PodsOptions = {
      count: options.pods,
      issuer,
      redisUrl: redis.url,
      record,
      seed,
      environment: { ...environment, HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'false' },
      plan: (index) => fault.plan?.(index),
      directory: (index) => (index % 2 === 1 ? previous?.directory : undefined),
    };
    pods = await startPods(podsOptions);
    const parties = await Promise.all(['first', 'second'].map((name) => relyingParty(issuer, name, record)));
    const visitors = accounts.map((account, index) => {
      const random = createRandom(seedOf(seed, 'person', index));
      const { sparesRedis } = fault;
      return new Visitor({ issuer, account, parties, record, random, administrator, sparesRedis });
    });

    const until = AbortSignal.timeout(options.seconds * 1000);
    let told = 0;
    const telling = setInterval(() => {
      const { flows, kills, failed, resent, five } = record;
      const bad = Object.values(five).reduce((sum, count) => sum + count, 0);
      say(`  ${flows} flows, ${kills} kills, ${failed} failed, ${resent} resent, ${bad} violations`);
      for (const violation of record.violations.slice(told)) say(`  ${violation}`);
      told = record.violations.length;
    }, 5000);
    record.loadStarts();
    try {
      const load = visitors.map(async (visitor) => {
        while (!until.aborted) await visitor.act();
      });
      const random = createRandom(seedOf(seed, 'fault'));
      await fault.run({ redis, pods, random, record, until, syncsEachWrite });
      record.loadEnds();
      await Promise.all(load);
    } finally {
      clearInterval(telling);
    }
    if (fault.losesNothing && record.resent > 0) {
      record.violate('wrong', `${record.resent} requests broke although every pod was only asked to stop`);
    }

    await pods.heal();
    await healed(issuer);
    await Promise.all(
      visitors.map((visitor) =>
        readBack({ record, ledger: visitor.ledger, parties, newBrowser: () => visitor.newBrowser() }),
      ),
    );
    say(`  ${record.readBack} acknowledged effects read back`);
    return record;
  } finally {
    await pods?.close();
    await administrator.close();
    await balancer.close();
    await redis.stop();
    previous?.remove();
    http.globalAgent.destroy();
    http.globalAgent = globalAgent;
  }
}

function previousOrSkip(): ReturnType<typeof checkOutPrevious> {
  try {
    return checkOutPrevious();
  } catch (error) {
    throw new Skipped(`there is no previous version to run beside this one: ${(error as Error).message}`);
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

/** Waits until the pods reach Redis again, and every shard of it: requests that need it are answered. */
async function healed(issuer: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (let successes = 0; successes < 20; ) {
    if (performance.now() > deadline) throw new Error('the pods do not recover although all faults are over');
    const reply = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('first:wrong')}`, connection: 'close' },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    }).catch(() => undefined);
    await reply?.body?.cancel();
    successes = reply?.status === 400 || reply?.status === 401 ? successes + 1 : 0;
    await pause(50);
  }
}
