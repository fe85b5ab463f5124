import type { Config } from '../config.ts';
import { listPrimaries, type Primary } from '../redis/primaries.ts';
import type { Store } from '../redis/redis.ts';
import { about, type Finding } from './finding.ts';

type Info = (name: string) => string | undefined;

const oldestVersion = 7;
const longLagSeconds = 2;
const nearlyFull = 0.8;
const full = 0.95;
const slowMs = 5;
const tooSlowMs = 100;
const pings = 21;
const allSlots = 16_384;

/** Each primary: whether it keeps what it acknowledges. @throws Unavailable */
export async function checkPrimaries(config: Config, store: Store): Promise<Finding[]> {
  const { primaries } = await listPrimaries(store);
  const found = await Promise.all(primaries.map((primary) => checkPrimary(config, store, primary)));
  return found.flat();
}

async function checkPrimary(config: Config, store: Store, primary: Primary): Promise<Finding[]> {
  const at = store.handle.kind === 'cluster' ? `Redis ${primary.address}` : 'Redis';
  const infoText = await textOrNothing(primary.read('INFO'));
  if (infoText === undefined) {
    return [
      about(`${at}: INFO`).fault(
        'this user may not ask for INFO, and so a pod does not start',
        'ACL SETUSER <user> +info',
      ),
    ];
  }
  const fields = new Map(
    infoText.split('\r\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)] as const;
    }),
  );
  const info: Info = (name) => fields.get(name);
  return [
    versionOf(at, info),
    roleOf(at, info),
    evictionOf(at, info, config),
    ...appendOnlyOf(at, info, config),
    await fsyncOf(at, primary, config),
    memoryOf(at, info),
    ...replicasOf(at, info, config),
    await latencyOf(at, primary),
  ];
}

function versionOf(at: string, info: Info): Finding {
  const valkey = info('valkey_version');
  const version = info('redis_version') ?? 'unknown';
  const says = valkey ? `Valkey ${valkey}` : `Redis ${version}`;
  const { ok, fault } = about(`${at}: version`);
  if (Number.parseFloat(version) >= oldestVersion) return ok(says);
  return fault(`${says} lacks what Holdfast needs`, 'use Redis 7.0 or later, or Valkey');
}

function roleOf(at: string, info: Info): Finding {
  const { ok, fault } = about(`${at}: role`);
  if (info('role') === 'master') return ok('a primary');
  return fault(
    'a replica, which takes no writes: nobody can sign in',
    'let REDIS_URL name the primary, or the Sentinels with redis+sentinel://',
  );
}

function evictionOf(at: string, info: Info, config: Config): Finding {
  const policy = info('maxmemory_policy') ?? 'unknown';
  const { ok, warning, fault } = about(`${at}: eviction`);
  if (policy === 'noeviction') return ok('nothing is evicted');
  return (config.redis.allowEviction ? warning : fault)(
    `maxmemory-policy ${policy}: when memory runs out, sessions and accounts disappear`,
    'CONFIG SET maxmemory-policy noeviction, also in its configuration (on a managed service in its parameter group)',
  );
}

function appendOnlyOf(at: string, info: Info, config: Config): Finding[] {
  const { ok, warning, fault } = about(`${at}: append-only file`);
  if (info('aof_enabled') !== '1') {
    return [
      (config.redis.allowNoAppendOnly ? warning : fault)(
        'there is none: a restart loses what was acknowledged, on the replicas too',
        'CONFIG SET appendonly yes, also in its configuration',
      ),
    ];
  }
  if (info('aof_last_write_status') !== 'ok') {
    return [fault('the last write to it failed', 'look at the disk of this Redis: is it full?')];
  }
  return [ok('it is kept')];
}

async function fsyncOf(at: string, primary: Primary, config: Config): Promise<Finding> {
  const { ok, warning } = about(`${at}: fsync`);
  const fsync = await setting(primary, 'appendfsync');
  if (fsync === undefined)
    return ok('this user may not ask for settings, which is right; look at appendfsync by yourself');
  if (fsync === 'no') {
    return warning(
      'appendfsync no: a power failure loses up to half a minute',
      'CONFIG SET appendfsync everysec',
    );
  }
  const isCovered = fsync === 'always' || config.durability.fsync || config.durability.replicas > 0;
  if (isCovered) return ok(`appendfsync ${fsync}`);
  return ok(`appendfsync ${fsync}: a power failure loses up to a second, since no replica is waited for`);
}

function memoryOf(at: string, info: Info): Finding {
  const used = Number(info('used_memory') ?? 0);
  const most = Number(info('maxmemory') ?? 0);
  const { ok, warning, fault } = about(`${at}: memory`);
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  if (most === 0) {
    return warning(
      `${megabytes(used)} in use, without a limit: it may be killed for want of memory rather than refuse writes`,
      'set maxmemory to about 60 % of what the process may have',
    );
  }
  const says = `${megabytes(used)} of ${megabytes(most)} in use`;
  const more = 'give it more memory; or keep fewer days of audit, by "holdfast settings set"';
  if (used > most * full) return fault(`${says}: writes are refused, or soon will be`, more);
  if (used > most * nearlyFull) return warning(says, more);
  return ok(says);
}

function replicasOf(at: string, info: Info, { durability }: Config): Finding[] {
  const count = Number(info('connected_slaves') ?? 0);
  const lags = Array.from({ length: count }, (_, i) => {
    const [, state, lag] = /state=(\w+).*lag=(\d+)/.exec(info(`slave${i}`) ?? '') ?? [];
    return state === 'online' ? Number(lag) : Number.POSITIVE_INFINITY;
  });
  const good = lags.filter((lag) => lag <= longLagSeconds).length;
  const { ok, warning, fault } = about(`${at}: replicas`);
  const found: Finding[] = [];
  if (good < durability.replicas) {
    found.push(
      fault(
        `${good} replicas keep up, and HOLDFAST_DURABLE_REPLICAS waits for ${durability.replicas}: sign-ins are answered with 503`,
        'bring replicas back; look at their logs and the network',
      ),
    );
  } else if (good < count) {
    found.push(
      warning(
        `${count - good} of ${count} replicas do not keep up`,
        'look at their logs, their disks and the network',
      ),
    );
  }
  if (count > 0 && durability.replicas === 0 && !durability.fsync) {
    found.push(
      warning(
        `${count} replicas, and none is waited for: a failover may lose what was acknowledged`,
        'set HOLDFAST_DURABLE_REPLICAS=1',
      ),
    );
  }
  if (found.length === 0) {
    found.push(ok(count === 0 ? 'none, and none is waited for' : `${count}, all keep up`));
  }
  if (count > 0 && info('min_slaves_good_slaves') === undefined) {
    found.push(
      about(`${at}: min-replicas`).warning(
        'min-replicas-to-write is off: a primary that is cut off goes on taking writes that will be lost',
        'CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 2',
      ),
    );
  }
  return found;
}

async function latencyOf(at: string, primary: Primary): Promise<Finding> {
  const times: number[] = [];
  for (let i = 0; i < pings; i += 1) {
    const asked = performance.now();
    await primary.read('PING');
    times.push(performance.now() - asked);
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(pings / 2)] ?? 0;
  const says = `a round trip takes ${median.toFixed(1)} ms (most ${(times.at(-1) ?? 0).toFixed(1)})`;
  const { ok, warning, fault } = about(`${at}: latency`);
  if (median > tooSlowMs)
    return fault(`${says}: sign-ins run into timeouts`, 'bring pods and Redis together');
  if (median > slowMs) return warning(`${says}; a sign-in takes ten`, 'bring pods and Redis into one zone');
  return ok(says);
}

/** Whether all slots are served. @throws Unavailable */
export async function checkCluster(store: Store): Promise<Finding[]> {
  if (store.handle.kind !== 'cluster') return [];
  const { primaries } = await listPrimaries(store);
  const texts = await Promise.all(primaries.map((one) => textOrNothing(one.read('CLUSTER', 'INFO'))));
  const { ok, fault, warning } = about('Redis: Cluster');
  const value = (text: string, name: string) => new RegExp(`^${name}:(\\w+)`, 'm').exec(text)?.[1] ?? '';
  // Each sees the others in its own way, and what one of them misses is missing.
  for (const text of texts) {
    if (text === undefined) {
      return [warning('this user may not ask for CLUSTER INFO', 'ACL SETUSER <user> +cluster|info')];
    }
    const served = Number(value(text, 'cluster_slots_ok'));
    if (value(text, 'cluster_state') === 'ok' && served === allSlots) continue;
    return [
      fault(
        `state ${value(text, 'cluster_state')}, ${served} of ${allSlots} slots are served: some people cannot sign in`,
        'bring the lost primaries or their replicas back: CLUSTER NODES says which',
      ),
    ];
  }
  return [ok(`${primaries.length} primaries, all slots are served`)];
}

async function setting(primary: Primary, name: string): Promise<string | undefined> {
  try {
    const [, value] = (await primary.read('CONFIG', 'GET', name)) as Buffer[];
    return value?.toString();
  } catch (error) {
    // Forbidden, or unknown to a managed service.
    if (error instanceof Error && /^(NOPERM|ERR)/.test(error.message)) return undefined;
    throw error;
  }
}

/** @returns undefined where this user may not ask */
async function textOrNothing(asking: Promise<unknown>): Promise<string | undefined> {
  try {
    return String(await asking);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return undefined;
    throw error;
  }
}
