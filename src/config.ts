import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import {
  day,
  flag,
  hostList,
  issuer,
  mailFrom,
  redisTarget,
  smtpServer,
  vaultKeys,
  webAddress,
  wholeNumber,
} from './config-values.ts';
import { readTracing, tracingVariables } from './tracing-settings.ts';
import {
  clientCredential,
  collectProviders,
  microsoftTenant,
  providerList,
} from './upstream/provider-settings.ts';

/**
 * Everything that can be set from outside, read once and frozen. The only reader of the environment.
 *
 * Any variable may instead be given as `<NAME>_FILE`, the path of a file that holds the value, so that
 * secrets can be mounted rather than put into the environment.
 */
export type Config = z.output<typeof schema> & {
  /** Local mode: no REDIS_URL was given, so a Redis child with its data in `localDirectory` is ours to start. */
  readonly isLocal: boolean;
  /** The variables that the environment sets; the others have their defaults. */
  readonly given: readonly string[];
};

/** All the faults of a configuration at once; each names its variable. */
export class ConfigFaults extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super(`the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`);
    this.name = 'ConfigFaults';
    this.faults = faults;
  }
}

const schema = z
  .object({
    HOLDFAST_ISSUER: issuer,
    HOLDFAST_BIND: z.string().min(1).default('127.0.0.1'),
    HOLDFAST_PORT: wholeNumber(0, 65535).default(3000),
    HOLDFAST_METRICS_BIND: z.string().min(1).optional(),
    HOLDFAST_METRICS_PORT: wholeNumber(0, 65535).optional(),
    HOLDFAST_POD: z
      .string()
      .regex(/^[\w.-]{1,63}$/, 'must be letters, digits, dots and dashes, at most 63')
      .default(hostname()),
    HOLDFAST_EXTRA_HOSTS: hostList.default([]),
    HOLDFAST_PROXY_HOPS: wholeNumber(0, 10).default(0),
    HOLDFAST_KEYS: vaultKeys,
    REDIS_URL: redisTarget.optional(),
    HOLDFAST_REDIS_PREFIX: z
      .string()
      .regex(/^[\w:.-]{1,32}$/, 'must be letters, digits, and : . - _, at most 32')
      .default('hf:'),
    HOLDFAST_EXPECT_DATA: flag.default(false),
    HOLDFAST_DEMO_PORT: wholeNumber(1, 65535).default(3001),
    HOLDFAST_DEMO_API_PORT: wholeNumber(1, 65535).default(3002),
    HOLDFAST_LOCAL_DIRECTORY: z.string().min(1).default('.holdfast'),
    HOLDFAST_DURABLE_REPLICAS: wholeNumber(0, 10).default(0),
    HOLDFAST_DURABLE_FSYNC: flag.default(false),
    HOLDFAST_DURABLE_TIMEOUT_MS: wholeNumber(10, 60_000).default(1000),
    HOLDFAST_LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
        error: 'must be trace, debug, info, warn, error, fatal or silent',
      })
      .default('info'),
    HOLDFAST_SESSION_IDLE_SECONDS: wholeNumber(60, 90 * day).default(14 * day),
    HOLDFAST_SESSION_ABSOLUTE_SECONDS: wholeNumber(60, 365 * day).default(90 * day),
    HOLDFAST_INTERACTION_SECONDS: wholeNumber(60, day).default(3600),
    HOLDFAST_ACCESS_TOKEN_SECONDS: wholeNumber(10, day).default(600),
    HOLDFAST_REFRESH_TOKEN_SECONDS: wholeNumber(60, 365 * day).default(30 * day),
    HOLDFAST_TOKEN_RETRY_SECONDS: wholeNumber(0, 300).default(30),
    HOLDFAST_AUDIT_EVENTS: wholeNumber(1000, 1_000_000_000).default(500_000),
    HOLDFAST_KEY_SET_SECONDS: wholeNumber(1, day).default(300),
    // Less than a second: within one a change to a client holds on every pod.
    HOLDFAST_CLIENT_CACHE_MS: wholeNumber(0, 900).default(500),
    HOLDFAST_CLOCK_TOLERANCE_SECONDS: wholeNumber(0, 3600).default(30),
    HOLDFAST_DRAIN_SECONDS: wholeNumber(0, 300).default(20),
    HOLDFAST_DRAIN_PAUSE_MS: wholeNumber(0, 60_000).default(2000),
    HOLDFAST_HASH_CONCURRENCY: wholeNumber(1, 64).default(2),
    UV_THREADPOOL_SIZE: wholeNumber(1, 1024).default(4),
    HOLDFAST_HASH_QUEUE: wholeNumber(0, 10_000).default(100),
    HOLDFAST_PASSWORD_BREACH_URL: webAddress.optional(),
    HOLDFAST_SIGN_IN_FAILURES_PER_MINUTE: wholeNumber(1, 1_000_000).default(3000),
    HOLDFAST_ADDRESS_LIMIT_FACTOR: wholeNumber(1, 1000).default(1),
    HOLDFAST_REGISTRATION: z
      .enum(['open', 'invitation', 'off'], { error: 'must be open, invitation or off' })
      .optional(),
    HOLDFAST_TERMS_URL: webAddress.optional(),
    HOLDFAST_TERMS_VERSION: z
      .string()
      .regex(/^[\w.-]{1,40}$/, 'must be letters, digits, dots and dashes, at most 40')
      .optional(),
    HOLDFAST_RESOURCES: z
      .string()
      .transform((value, context) => {
        const resources: Record<string, string> = {};
        for (const entry of value.split(/\s*;\s*/).filter(Boolean)) {
          const [indicator = '', ...scopes] = entry.split(/\s+/);
          if (!URL.canParse(indicator)) {
            context.addIssue({
              code: 'custom',
              message: 'must be <resource URI> <scope> <scope>…; <resource URI> …',
            });
            return z.NEVER;
          }
          resources[indicator] = scopes.join(' ');
        }
        return resources;
      })
      .default({}),
    HOLDFAST_UPSTREAM: providerList.default([]),
    HOLDFAST_UPSTREAM_GOOGLE_CLIENT_ID: clientCredential.optional(),
    HOLDFAST_UPSTREAM_GOOGLE_CLIENT_SECRET: clientCredential.optional(),
    HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_ID: clientCredential.optional(),
    HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_SECRET: clientCredential.optional(),
    HOLDFAST_UPSTREAM_MICROSOFT_TENANT: microsoftTenant.default('common'),
    HOLDFAST_UPSTREAM_GITHUB_CLIENT_ID: clientCredential.optional(),
    HOLDFAST_UPSTREAM_GITHUB_CLIENT_SECRET: clientCredential.optional(),
    HOLDFAST_SMTP_URL: smtpServer.optional(),
    HOLDFAST_MAIL_FROM: mailFrom.optional(),
    HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP: flag.default(false),
    HOLDFAST_UNSAFE_SHOW_MAILS: flag.default(false),
    HOLDFAST_UNSAFE_ALLOW_HTTP: flag.default(false),
    HOLDFAST_UNSAFE_ALLOW_EVICTION: flag.default(false),
    HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: flag.default(false),
    HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES: flag.default(false),
    ...tracingVariables,
  })
  .transform((raw, context) => ({
    issuer: raw.HOLDFAST_ISSUER,
    bind: raw.HOLDFAST_BIND,
    port: raw.HOLDFAST_PORT,
    /** Where metrics are; undefined where there are none. */
    metrics:
      raw.HOLDFAST_METRICS_PORT === undefined
        ? undefined
        : { bind: raw.HOLDFAST_METRICS_BIND ?? raw.HOLDFAST_BIND, port: raw.HOLDFAST_METRICS_PORT },
    pod: raw.HOLDFAST_POD,
    extraHosts: raw.HOLDFAST_EXTRA_HOSTS,
    proxyHops: raw.HOLDFAST_PROXY_HOPS,
    vaultKeys: raw.HOLDFAST_KEYS,
    redis: {
      target: raw.REDIS_URL,
      prefix: raw.HOLDFAST_REDIS_PREFIX,
      /** An empty one is a loss, and not a beginning: then no pod starts. */
      expectsData: raw.HOLDFAST_EXPECT_DATA,
      allowEviction: raw.HOLDFAST_UNSAFE_ALLOW_EVICTION,
      allowNoAppendOnly: raw.HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY,
    },
    durability: {
      /** Replicas that must hold a durable write before it is answered. */
      replicas: raw.HOLDFAST_DURABLE_REPLICAS,
      /** Whether the primary (and that many replicas) must have synced it to disk. */
      fsync: raw.HOLDFAST_DURABLE_FSYNC,
      timeoutMs: raw.HOLDFAST_DURABLE_TIMEOUT_MS,
    },
    /** Of the demo relying party and its API, in local mode. */
    demo: { port: raw.HOLDFAST_DEMO_PORT, apiPort: raw.HOLDFAST_DEMO_API_PORT },
    localDirectory: raw.HOLDFAST_LOCAL_DIRECTORY,
    logLevel: raw.HOLDFAST_LOG_LEVEL,
    lifetimes: {
      sessionIdleSeconds: raw.HOLDFAST_SESSION_IDLE_SECONDS,
      sessionAbsoluteSeconds: raw.HOLDFAST_SESSION_ABSOLUTE_SECONDS,
      interactionSeconds: raw.HOLDFAST_INTERACTION_SECONDS,
      accessTokenSeconds: raw.HOLDFAST_ACCESS_TOKEN_SECONDS,
      refreshTokenSeconds: raw.HOLDFAST_REFRESH_TOKEN_SECONDS,
      tokenRetrySeconds: raw.HOLDFAST_TOKEN_RETRY_SECONDS,
    },
    /** How long relying parties may keep the key set; a new signing key signs nothing before. */
    keySetSeconds: raw.HOLDFAST_KEY_SET_SECONDS,
    /** Most sign-ins and other events of people that the audit trail keeps; see events/event-store.ts. */
    auditEvents: raw.HOLDFAST_AUDIT_EVENTS,
    clientCacheMs: raw.HOLDFAST_CLIENT_CACHE_MS,
    /** How far the pod's clock may be from that of Redis; 0 for any distance. */
    clockToleranceMs: raw.HOLDFAST_CLOCK_TOLERANCE_SECONDS * 1000,
    drain: { pauseMs: raw.HOLDFAST_DRAIN_PAUSE_MS, seconds: raw.HOLDFAST_DRAIN_SECONDS },
    hashing: {
      concurrency: raw.HOLDFAST_HASH_CONCURRENCY,
      queue: raw.HOLDFAST_HASH_QUEUE,
      poolSize: raw.UV_THREADPOOL_SIZE,
    },
    /** Of a range API that knows stolen passwords; nobody is asked without it. */
    passwordBreachUrl: raw.HOLDFAST_PASSWORD_BREACH_URL,
    mail: {
      /** Without it mails are only shown in local mode, and are off anywhere else. */
      smtp: raw.HOLDFAST_SMTP_URL,
      from: raw.HOLDFAST_MAIL_FROM,
      /** Lets mails, and the password of the SMTP server, cross a network without TLS. */
      allowPlainSmtp: raw.HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP,
      /** Mails are shown on a page to whoever opens it on this machine, rather than sent. */
      areShown:
        (raw.HOLDFAST_UNSAFE_SHOW_MAILS || raw.REDIS_URL === undefined) &&
        raw.HOLDFAST_SMTP_URL === undefined,
    },
    limits: {
      /** Of all accounts and addresses together. */
      passwordFailuresPerMinute: raw.HOLDFAST_SIGN_IN_FAILURES_PER_MINUTE,
      /** Multiplies what one network address, or block of them, may do. */
      addressFactor: raw.HOLDFAST_ADDRESS_LIMIT_FACTOR,
    },
    /** Who may make an account for themselves; where nothing is set, everybody in local mode and nobody else. */
    registration: raw.HOLDFAST_REGISTRATION ?? (raw.REDIS_URL === undefined ? 'open' : 'off'),
    /** What is to be accepted by whoever has an account; both or neither. */
    terms:
      raw.HOLDFAST_TERMS_URL !== undefined && raw.HOLDFAST_TERMS_VERSION !== undefined
        ? { url: raw.HOLDFAST_TERMS_URL, version: raw.HOLDFAST_TERMS_VERSION }
        : undefined,
    /** Resource servers (RFC 8707): indicator → the scopes it knows, space separated. */
    resources: raw.HOLDFAST_RESOURCES,
    /** Other providers that people may sign in with. */
    upstream: collectProviders(
      raw,
      // Local mode is for trials.
      { mayBeHttp: raw.HOLDFAST_UNSAFE_ALLOW_HTTP || raw.REDIS_URL === undefined },
      (variable, message) => context.addIssue({ code: 'custom', path: [variable], message }),
    ),
    /** Where traces go; undefined where nothing is traced. */
    tracing: readTracing(raw, (variable, message) =>
      context.addIssue({ code: 'custom', path: [variable], message }),
    ),
    allowHttp: raw.HOLDFAST_UNSAFE_ALLOW_HTTP,
    /** Lets the provider fetch client URLs (jwks_uri) from private and loopback addresses. */
    allowPrivateAddresses: raw.HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES,
  }));

/** Variables of ours that are no part of the schema but may stand in the environment of a child process. */
const known = new Set([
  ...Object.keys(schema.in.shape),
  ...Object.keys(schema.in.shape).map((n) => `${n}_FILE`),
]);

/**
 * @param environment as in process.env
 * @param defaults what holds where the environment says nothing (local mode has its own)
 * @throws ConfigFaults with every fault at once
 */
export function readConfig(
  environment: Record<string, string | undefined> = process.env,
  defaults: Record<string, string> = {},
): Config {
  const faults: string[] = [];
  const values: Record<string, string> = { ...defaults };
  const given: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith('HOLDFAST_') && !known.has(name)) {
      faults.push(`${name} is not a setting of Holdfast${nearest(name)}`);
    }
    // An empty variable is one that was left out: compose files and shells make them by accident.
    if (value === undefined || value === '' || !known.has(name)) continue;
    given.push(name.replace(/_FILE$/, ''));
    if (!name.endsWith('_FILE')) {
      values[name] = value;
    } else if (environment[name.slice(0, -5)]) {
      faults.push(`${name} and ${name.slice(0, -5)} are both set: give one of them`);
    } else {
      try {
        values[name.slice(0, -5)] = readFileSync(value, 'utf8').trim();
      } catch (cause) {
        // The path is not repeated: a secret may have been put there by mistake.
        faults.push(
          `${name}: the file that it names cannot be read (${(cause as NodeJS.ErrnoException).code})`,
        );
      }
    }
  }

  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0]);
      const isMissing = issue.code === 'invalid_type' && values[name] === undefined;
      faults.push(
        isMissing
          ? `${name} is required: ${requiredHint[name] ?? 'see the README'}`
          : `${name} ${issue.message}`,
      );
    }
    throw new ConfigFaults(faults);
  }
  const config = parsed.data;
  const isLocal = config.redis.target === undefined;
  if (config.issuer.startsWith('http:') && !config.allowHttp && !isLocal) {
    faults.push(
      'HOLDFAST_ISSUER must start with https:// (HOLDFAST_UNSAFE_ALLOW_HTTP=true allows http:// for a trial)',
    );
  }
  if (config.mail.smtp && !config.mail.from) {
    faults.push('HOLDFAST_MAIL_FROM is required with HOLDFAST_SMTP_URL: who the mails are from');
  }
  if (config.lifetimes.sessionAbsoluteSeconds < config.lifetimes.sessionIdleSeconds) {
    faults.push('HOLDFAST_SESSION_ABSOLUTE_SECONDS must not be less than HOLDFAST_SESSION_IDLE_SECONDS');
  }
  if (config.hashing.concurrency >= config.hashing.poolSize) {
    faults.push(
      `HOLDFAST_HASH_CONCURRENCY must be less than UV_THREADPOOL_SIZE (${config.hashing.poolSize}), so that DNS and signatures do not wait behind passwords`,
    );
  }
  if ((values.HOLDFAST_TERMS_URL === undefined) !== (values.HOLDFAST_TERMS_VERSION === undefined)) {
    faults.push('HOLDFAST_TERMS_URL and HOLDFAST_TERMS_VERSION belong together: set both, or neither');
  }
  if (faults.length > 0) throw new ConfigFaults(faults);
  return Object.freeze({ ...config, isLocal, given });
}

const requiredHint: Record<string, string> = {
  HOLDFAST_ISSUER: 'the public address of this provider, such as https://id.example.com',
  HOLDFAST_KEYS: 'the keys that seal secrets in Redis, as <id>:<32 random bytes in base64url>',
};

/** A word about the likeliest name that was meant, for a mistyped variable. */
function nearest(name: string): string {
  const words = new Set(name.split('_'));
  let best: string | undefined;
  let bestShared = 1;
  for (const candidate of Object.keys(schema.in.shape)) {
    const shared = candidate.split('_').filter((word) => words.has(word)).length;
    if (shared > bestShared) [best, bestShared] = [candidate, shared];
  }
  return best ? ` (did you mean ${best}?)` : '';
}
