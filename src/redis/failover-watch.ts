/**
 * Listens to Sentinels for the news that another server became the primary. A client alone would notice only
 * when its connection breaks, which it does not while the old primary is cut off from the others. (ioredis has
 * a detector of its own; it reports lost Sentinels on standard error and reconnects once per Sentinel.)
 */
import { Redis } from 'ioredis';
import { retryDelayMs, type Timeouts, tlsOptions } from './clients.ts';
import type { HostPort, SentinelTarget } from './redis-url.ts';

const channel = '+switch-master';

/**
 * @param onSwitch gets the address of the new primary, once from each Sentinel that reports it
 * @returns stops the watch
 */
export function watchFailover(
  target: SentinelTarget,
  timeouts: Timeouts,
  onSwitch: (primary: HostPort) => void,
): () => void {
  const watchers = target.sentinels.map((sentinel) => {
    const watcher = new Redis({
      ...sentinel,
      username: target.sentinelUsername,
      password: target.sentinelPassword,
      tls: target.tls && tlsOptions(target.tls),
      connectTimeout: timeouts.connectTimeoutMs,
      commandTimeout: timeouts.commandTimeoutMs,
      keepAlive: 5000,
      disconnectTimeout: 200,
      disableClientInfo: true,
      enableReadyCheck: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 10 * retryDelayMs(),
    });
    // A Sentinel that is away matters only when all are, and then the client itself says so.
    const ignore = () => {};
    watcher.on('error', ignore);
    watcher.on('ready', () => watcher.subscribe(channel).catch(ignore));
    watcher.on('message', (_channel: string, message: string) => {
      const [name, , , host, port] = message.split(' ');
      if (name === target.primaryName && host) onSwitch({ host, port: Number(port) });
    });
    return watcher;
  });
  return () => {
    for (const watcher of watchers) watcher.disconnect();
  };
}
