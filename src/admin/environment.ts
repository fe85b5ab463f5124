import type { Config } from '../config.ts';

/**
 * What the environment decides, by variable, for the page of settings. Of secrets it says that they are there, by
 * their names alone where they have some.
 */
export function environmentOf(config: Config, redis: string): { name: string; value: string }[] {
  const { durability, mail, hashing, lifetimes, drain, limits, terms } = config;
  const values: Record<string, string | number | boolean | undefined> = {
    HOLDFAST_ISSUER: config.issuer,
    HOLDFAST_METRICS_BIND: config.metrics?.bind,
    HOLDFAST_METRICS_PORT: config.metrics?.port,
    HOLDFAST_POD: config.pod,
    HOLDFAST_BIND: config.bind,
    HOLDFAST_PORT: config.port,
    HOLDFAST_EXTRA_HOSTS: config.extraHosts.join(', '),
    HOLDFAST_PROXY_HOPS: config.proxyHops,
    HOLDFAST_KEYS: `set; ${config.vaultKeys.map(({ id }) => id).join(', ')}`,
    REDIS_URL: redis,
    HOLDFAST_REDIS_PREFIX: config.redis.prefix,
    HOLDFAST_EXPECT_DATA: config.redis.expectsData,
    HOLDFAST_DURABLE_REPLICAS: durability.replicas,
    HOLDFAST_DURABLE_FSYNC: durability.fsync,
    HOLDFAST_DURABLE_TIMEOUT_MS: durability.timeoutMs,
    HOLDFAST_LOG_LEVEL: config.logLevel,
    HOLDFAST_SESSION_IDLE_SECONDS: lifetimes.sessionIdleSeconds,
    HOLDFAST_SESSION_ABSOLUTE_SECONDS: lifetimes.sessionAbsoluteSeconds,
    HOLDFAST_INTERACTION_SECONDS: lifetimes.interactionSeconds,
    HOLDFAST_ACCESS_TOKEN_SECONDS: lifetimes.accessTokenSeconds,
    HOLDFAST_REFRESH_TOKEN_SECONDS: lifetimes.refreshTokenSeconds,
    HOLDFAST_TOKEN_RETRY_SECONDS: lifetimes.tokenRetrySeconds,
    HOLDFAST_KEY_SET_SECONDS: config.keySetSeconds,
    HOLDFAST_CLIENT_CACHE_MS: config.clientCacheMs,
    HOLDFAST_CLOCK_TOLERANCE_SECONDS: config.clockToleranceMs / 1000,
    HOLDFAST_DRAIN_SECONDS: drain.seconds,
    HOLDFAST_DRAIN_PAUSE_MS: drain.pauseMs,
    HOLDFAST_HASH_CONCURRENCY: hashing.concurrency,
    HOLDFAST_HASH_QUEUE: hashing.queue,
    UV_THREADPOOL_SIZE: hashing.poolSize,
    HOLDFAST_PASSWORD_BREACH_URL: config.passwordBreachUrl,
    HOLDFAST_SIGN_IN_FAILURES_PER_MINUTE: limits.passwordFailuresPerMinute,
    HOLDFAST_ADDRESS_LIMIT_FACTOR: limits.addressFactor,
    HOLDFAST_REGISTRATION: config.registration,
    HOLDFAST_TERMS_URL: terms?.url,
    HOLDFAST_TERMS_VERSION: terms?.version,
    HOLDFAST_RESOURCES: Object.keys(config.resources).join(', '),
    HOLDFAST_UPSTREAM: config.upstream.map(({ id }) => id).join(', '),
    HOLDFAST_SMTP_URL: mail.smtp && `${mail.smtp.host}:${mail.smtp.port}`,
    HOLDFAST_MAIL_FROM: mail.from && 'set',
    OTEL_EXPORTER_OTLP_ENDPOINT: config.tracing && new URL(config.tracing.url).origin,
    OTEL_SERVICE_NAME: config.tracing?.serviceName,
    HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP: mail.allowPlainSmtp || undefined,
    HOLDFAST_UNSAFE_ALLOW_HTTP: config.allowHttp || undefined,
    HOLDFAST_UNSAFE_ALLOW_EVICTION: config.redis.allowEviction || undefined,
    HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: config.redis.allowNoAppendOnly || undefined,
    HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES: config.allowPrivateAddresses || undefined,
  };
  return Object.entries(values)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => ({ name, value: String(value) }));
}
