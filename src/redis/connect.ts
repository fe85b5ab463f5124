/**
 * The connection to Redis: one client for all requests of a pod, whose commands fail at once while Redis is
 * away and work again when it is back, without a restart. Owns the client's life, its state and what is logged
 * of it. Does not know keys, scripts or what is stored.
 *
 * A command that timed out or lost its connection may have been carried out: it is never sent again from here,
 * and whoever does so must make that harmless.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { createClient, retryDelayMs } from './clients.ts';
import { watchFailover } from './failover-watch.ts';
import { describe, type HostPort, type RedisTarget } from './redis-url.ts';

export { isOutage, isRedirect, toUnavailable } from './outage.ts';

export type RedisState = 'up' | 'down';

export type RedisHandle = {
  client: Redis | Cluster;
  kind: RedisTarget['kind'];
  /** Whether commands are sent at all; on a Cluster, whether at least one primary is connected. */
  isReady(): boolean;
  /**
   * Resolves once Redis answers; on a Cluster, once every primary does, or after the time if some do.
   * @throws Unavailable after `timeoutMs`, with the last reason
   */
  whenReady(timeoutMs: number): Promise<void>;
  /** Calls back when the state changes. @returns stops that */
  onChange(listener: (state: RedisState) => void): () => void;
  /** Lets the commands in flight finish, within the command timeout. Never throws. */
  close(): Promise<void>;
};

export type ConnectOptions = {
  log: Log;
  /** How long a command may take (default 1500). A WAIT must ask for less. */
  commandTimeoutMs?: number;
  /** How long one attempt to connect may take (default 1000). */
  connectTimeoutMs?: number;
  /** The connection's name in CLIENT LIST. */
  name?: string;
};

/** How often the log repeats that Redis is still away. */
const reminderMs = 30_000;
/** How often a Cluster is asked for its slots while a primary is away; otherwise every two seconds. */
const impatientRefreshMs = 250;

/**
 * Returns at once; the connection is made, and made again, in the background.
 * @throws only when a certificate file of the target cannot be read
 */
export function connectRedis(target: RedisTarget, options: ConnectOptions): RedisHandle {
  const timeouts = {
    commandTimeoutMs: options.commandTimeoutMs ?? 1500,
    connectTimeoutMs: options.connectTimeoutMs ?? 1000,
  };
  const log = options.log.child({ redis: describe(target) });
  const client = createClient(target, timeouts, options.name);
  const listeners = new Set<(state: RedisState) => void>();
  const connections =
    client instanceof Cluster ? watchCluster(client, log, update) : watchSingle(client, update);

  let state: RedisState | undefined;
  let lastReason: unknown;
  let closing: Promise<void> | undefined;
  let reminder: NodeJS.Timeout | undefined;

  function update(reason?: unknown): void {
    lastReason = reason ?? lastReason;
    const next = connections.isUp() ? 'up' : 'down';
    // The first "down" is said when there is a reason; until then the client is only connecting.
    if (closing || next === state || (state === undefined && next === 'down' && !reason)) return;
    state = next;
    clearInterval(reminder);
    if (next === 'up') {
      lastReason = undefined;
      log.info('Redis answers');
    } else {
      log.warn({ reason: text(lastReason) }, 'Redis does not answer; trying again until it does');
      reminder = setInterval(() => {
        log.warn({ reason: text(lastReason) }, 'Redis still does not answer');
      }, reminderMs).unref();
    }
    for (const listener of listeners) listener(next);
  }

  client.on('error', update);
  // ioredis gives up when it is told to reconnect while it asks a Sentinel for the primary.
  client.on('end', () => {
    if (closing) return;
    setTimeout(() => {
      if (!closing && client.status === 'end') client.connect().catch(() => {});
    }, retryDelayMs());
  });

  const stopWatch =
    target.kind === 'sentinel' && !(client instanceof Cluster)
      ? watchFailover(target, timeouts, (primary) => followPrimary(client, primary, log))
      : () => {};

  return {
    client,
    kind: target.kind,
    isReady: connections.isUp,
    async whenReady(timeoutMs) {
      if (await becomesTrue(connections.isComplete, connections.onEvent, timeoutMs)) return;
      if (connections.isUp()) return;
      throw new Unavailable(
        `Redis at ${describe(target)} did not answer within ${timeoutMs} ms${lastReason ? `: ${text(lastReason)}` : ''}`,
        { cause: lastReason },
      );
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closing ??= finish();
      return closing;
    },
  };

  async function finish(): Promise<void> {
    clearInterval(reminder);
    stopWatch();
    connections.stop();
    // QUIT would overtake what is batched for the next turn.
    while (client.status === 'ready' && client.autoPipelineQueueSize > 0) await pause(5);
    if (client.status === 'ready') await client.quit().catch(() => client.disconnect());
    else client.disconnect();
  }
}

type Connections = {
  isUp(): boolean;
  isComplete(): boolean;
  /** Calls back whenever one of the two may have changed. @returns stops that */
  onEvent(listener: () => void): () => void;
  stop(): void;
};

function watchSingle(client: Redis, update: () => void): Connections {
  const isUp = () => client.status === 'ready';
  const listeners = new Set([update]);
  for (const event of ['ready', 'close', 'end']) {
    client.on(event, () => {
      for (const listener of listeners) listener();
    });
  }
  return { isUp, isComplete: isUp, onEvent: subscribe(listeners), stop: () => {} };
}

/**
 * ioredis connects to a node with its first command, and rejects others meanwhile; so every node is connected
 * beforehand, replicas too, for the moment in which they become primaries.
 */
function watchCluster(client: Cluster, log: Log, update: (reason?: unknown) => void): Connections {
  const listeners = new Set<(reason?: unknown) => void>([update]);
  const lost = new Set<string>();
  let impatience: NodeJS.Timeout | undefined;
  const primaries = () => (client.status === 'ready' ? client.nodes('master') : []);
  const isUp = () => primaries().some((node) => node.status === 'ready');
  const isComplete = () => isUp() && primaries().every((node) => node.status === 'ready');

  function look(reason?: unknown): void {
    if (client.status === 'ready') {
      for (const node of client.nodes('all')) if (node.status === 'wait') node.connect().catch(() => {});
    }
    if (isUp() && !isComplete()) {
      impatience ??= setInterval(() => client.refreshSlotsCache(), impatientRefreshMs).unref();
    } else {
      clearInterval(impatience);
      impatience = undefined;
    }
    for (const listener of listeners) listener(reason);
  }

  client.on('+node', (node: Redis) => {
    const address = `${node.options.host}:${node.options.port}`;
    let wasConnected = false;
    node.on('ready', () => {
      wasConnected = true;
      if (client.status === 'ready' && lost.delete(address))
        log.info({ node: address }, 'Cluster node is back');
      look();
    });
    node.on('close', () => {
      if (wasConnected && isUp() && !lost.has(address)) {
        lost.add(address);
        log.warn({ node: address }, 'Cluster node lost');
      }
      look();
    });
    setImmediate(look);
  });
  client.on('-node', () => look());
  client.on('node error', (error) => look(error));
  for (const event of ['ready', 'close', 'end']) client.on(event, () => look());
  return { isUp, isComplete, onEvent: subscribe(listeners), stop: () => clearInterval(impatience) };
}

function followPrimary(client: Redis, primary: HostPort, log: Log): void {
  const { remoteAddress, remotePort } = client.stream ?? {};
  // Every Sentinel brings the news, and the connection may be a new one already.
  if (client.status !== 'ready' || (remoteAddress === primary.host && remotePort === primary.port)) return;
  log.warn({ primary }, 'Redis has another primary; connecting to it');
  client.disconnect(true);
}

function becomesTrue(
  holds: () => boolean,
  onEvent: (listener: () => void) => () => void,
  timeoutMs: number,
): Promise<boolean> {
  if (holds()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const finish = (result: boolean) => {
      clearTimeout(timer);
      stop();
      resolve(result);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    const stop = onEvent(() => holds() && finish(true));
  });
}

function subscribe<L>(listeners: Set<L>): (listener: L) => () => void {
  return (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
}

function text(reason: unknown): string {
  return reason instanceof Error ? reason.message : 'the connection was closed';
}
