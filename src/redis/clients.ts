/**
 * Makes the ioredis client of a target: the fail-fast settings, and commands that are rejected as
 * `Unavailable`. Does not watch the client's state; connect.ts does.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, type Command, Redis, type RedisOptions } from 'ioredis';
import { Unavailable } from '../errors.ts';
import { isRedirect, toUnavailable } from './outage.ts';
import type { ClusterTarget, RedisTarget, RedisTls, SentinelTarget, StandaloneTarget } from './redis-url.ts';

export type Timeouts = { commandTimeoutMs: number; connectTimeoutMs: number };

export function createClient(target: RedisTarget, timeouts: Timeouts, name?: string): Redis | Cluster {
  const common = commonOptions(target, timeouts, name);
  if (target.kind === 'cluster') return new ClusterClient(target, common, timeouts.commandTimeoutMs);
  return new SingleClient({
    ...common,
    ...(target.kind === 'sentinel' ? sentinelOptions(target, common) : standaloneOptions(target)),
    retryStrategy: retryDelayMs,
    enableOfflineQueue: false,
    // Fewer writes to the socket under load: 8 to 15 % more throughput when requests do some work of their own.
    enableAutoPipelining: true,
  });
}

/** Between two attempts to connect: at random, so that pods do not come back in step. */
export function retryDelayMs(): number {
  return 50 + Math.floor(Math.random() * 450);
}

export function tlsOptions(tls: RedisTls): ConnectionOptions {
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  return { ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key), servername: tls.servername };
}

type CommonOptions = ReturnType<typeof commonOptions>;

function commonOptions(target: RedisTarget, timeouts: Timeouts, name?: string) {
  return {
    username: target.username,
    password: target.password,
    tls: target.tls && tlsOptions(target.tls),
    connectionName: name,
    connectTimeout: timeouts.connectTimeoutMs,
    commandTimeout: timeouts.commandTimeoutMs,
    // A frozen server keeps its connections open: without this, they would be waited on for ever.
    socketTimeout: timeouts.commandTimeoutMs,
    disconnectTimeout: 200,
    keepAlive: 5000,
    // A command whose connection broke may have been carried out. It fails at once and is never sent again by
    // ioredis; with 1 instead of 0 it would wait for the second failed attempt to connect.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: 250,
    reconnectOnError: (error: Error) => (/^(READONLY|LOADING|UNBLOCKED)/.test(error.message) ? 1 : false),
    disableClientInfo: true,
  } satisfies RedisOptions;
}

function standaloneOptions(target: StandaloneTarget) {
  return { ...target.address, db: target.db } satisfies RedisOptions;
}

function sentinelOptions(target: SentinelTarget, common: CommonOptions) {
  return {
    sentinels: target.sentinels,
    name: target.primaryName,
    db: target.db,
    sentinelUsername: target.sentinelUsername,
    sentinelPassword: target.sentinelPassword,
    sentinelTLS: common.tls,
    enableTLSForSentinelMode: target.tls !== undefined,
    sentinelCommandTimeout: common.commandTimeout,
    sentinelRetryStrategy: retryDelayMs,
  } satisfies RedisOptions;
}

class SingleClient extends Redis {
  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    const { reject } = command;
    command.reject = (error) => reject(toUnavailable(error));
    return super.sendCommand(command, stream);
  }
}

class ClusterClient extends Cluster {
  readonly #commandTimeoutMs: number;

  constructor(target: ClusterTarget, redisOptions: CommonOptions, commandTimeoutMs: number) {
    super(target.nodes, {
      redisOptions,
      enableOfflineQueue: false,
      // Off: when slots move, a batch comes back with MOVED errors that single commands follow by themselves.
      enableAutoPipelining: false,
      scaleReads: 'master',
      slotsRefreshInterval: 2000,
      clusterRetryStrategy: retryDelayMs,
      // A node that stays away is given up after a few seconds. Once all are, the nodes of the URL are looked
      // up and tried again, which is how a Cluster is found that came back with other addresses.
      clusterNodeRetryStrategy: (times) => (times > 8 ? null : retryDelayMs()),
      // ioredis repeats a command whose connection closed, also when it may have been carried out.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      // Certificates carry host names, so names must not be turned into addresses beforehand.
      ...(target.tls && { dnsLookup: (address, callback) => callback(null, address) }),
    });
    this.#commandTimeoutMs = commandTimeoutMs;
  }

  override sendCommand(
    command: Command,
    stream?: Parameters<Cluster['sendCommand']>[1],
    node?: unknown,
  ): unknown {
    // One deadline over all redirections.
    command.setTimeout(this.#commandTimeoutMs);
    const { reject } = command;
    // ioredis reads the redirections out of a pipeline's errors, so these must pass as they are.
    const isPipelined = node !== undefined;
    command.reject = (error) => {
      if (isPipelined && isRedirect(error)) {
        this.refreshSlotsCache();
        reject(error);
      } else {
        reject(toUnavailable(error));
      }
    };
    const sent = super.sendCommand(command, stream, node);
    const { reject: follow } = command;
    command.reject = (error) => {
      // On MOVED, ioredis writes the new owner into a list that all slots of the old owner's range share.
      const slot = Number(/^MOVED (\d+) /.exec(error.message)?.[1]);
      const owners = this.slots[slot];
      if (owners) this.slots[slot] = [...owners];
      follow(error);
    };
    return sent;
  }

  /** ioredis would let the first pipelines wait for the connection, without a limit. */
  override delayUntilReady(callback: Parameters<Cluster['delayUntilReady']>[0]): void {
    callback(
      new Unavailable('Redis cannot answer now: the Cluster is not reached yet', { retryAfterSeconds: 1 }),
    );
  }
}
