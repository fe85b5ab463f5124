/**
 * Looks at a Redis before the provider relies on it: would it keep what was acknowledged? Reads INFO alone,
 * since managed services forbid CONFIG. Decides nothing; the caller refuses to start or not.
 */
import { Cluster, type Redis } from 'ioredis';
import { toUnavailable } from './outage.ts';

export type RedisCheck = { ok: true; warnings: string[] } | { ok: false; faults: string[] };

/** What was explicitly allowed although it may lose data. */
export type Allowances = { eviction: boolean; noAppendOnly: boolean };

type Finding = { fault?: string; warning?: string };

const oldestVersion = '7.0';
const firstWithWaitAof = '7.2';

/**
 * Checks the server, or every primary of a Cluster. Each fault says what is wrong, how to mend it and, where
 * there is one, the setting that allows it.
 * @param demands.fsync durable writes wait for the disk, by WAITAOF
 * @throws Unavailable when a server does not answer
 */
export async function checkRedis(
  client: Redis | Cluster,
  allow: Allowances,
  demands: { fsync: boolean } = { fsync: false },
): Promise<RedisCheck> {
  const isCluster = client instanceof Cluster;
  const servers = isCluster ? client.nodes('master') : [client];
  const findings = await Promise.all(
    servers.map(async (server) => {
      const at = isCluster ? `Redis at ${server.options.host}:${server.options.port}` : 'Redis';
      const info = await readInfo(server);
      if (info === undefined) {
        return [{ fault: `${at} forbids INFO to this user: allow it with ACL SETUSER <user> +info` }];
      }
      return judge(at, info, isCluster, allow, demands);
    }),
  );
  const all = findings.flat();
  const faults = all.flatMap(({ fault }) => fault ?? []);
  if (faults.length > 0) return { ok: false, faults };
  return { ok: true, warnings: all.flatMap(({ warning }) => warning ?? []) };
}

async function readInfo(server: Redis): Promise<Map<string, string> | undefined> {
  let text: string;
  try {
    text = await server.info();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return undefined;
    throw toUnavailable(error);
  }
  return new Map(
    text.split('\r\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
}

function judge(
  at: string,
  info: Map<string, string>,
  isCluster: boolean,
  allow: Allowances,
  demands: { fsync: boolean },
): Finding[] {
  const findings: Finding[] = [];
  const version = info.get('redis_version') ?? 'unknown';
  if (!(Number.parseFloat(version) >= Number(oldestVersion))) {
    const fix = `use Redis ${oldestVersion} or later, or Valkey`;
    findings.push({ fault: `${at} has version ${version}, which lacks what Holdfast needs: ${fix}` });
  }

  if (demands.fsync && !(Number.parseFloat(version) >= Number(firstWithWaitAof))) {
    findings.push({
      fault: `${at} has version ${version}, which cannot say when a write is on disk: use Redis ${firstWithWaitAof} or later, or leave HOLDFAST_DURABLE_FSYNC off`,
    });
  }

  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (policy !== 'noeviction') {
    const what = `${at} evicts keys when memory runs out (maxmemory-policy ${policy}), and sessions, grants and accounts with them`;
    findings.push(
      allow.eviction
        ? { warning: what }
        : {
            fault: `${what}: set maxmemory-policy noeviction (on a managed service in its parameter group), or accept the loss with HOLDFAST_UNSAFE_ALLOW_EVICTION=true`,
          },
    );
  }

  if (info.get('aof_enabled') !== '1') {
    const what = `${at} keeps no append-only file, so a restart loses what was acknowledged, on its replicas too`;
    findings.push(
      allow.noAppendOnly
        ? { warning: what }
        : {
            fault: `${what}: set appendonly yes, or accept the loss with HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY=true (also right for a managed service that is durable by other means)`,
          },
    );
  } else if (info.get('aof_last_write_status') === 'err') {
    findings.push({ warning: `${at} failed to write its append-only file: look at its disk` });
  }

  if (!isCluster && info.get('cluster_enabled') === '1') {
    findings.push({
      fault: `${at} is a node of a Cluster: begin REDIS_URL with redis+cluster:// or rediss+cluster://`,
    });
  }
  if (info.get('role') === 'slave') {
    findings.push({
      fault: `${at} is a replica, which takes no writes: let REDIS_URL name the primary or its Sentinels`,
    });
  }
  return findings;
}
