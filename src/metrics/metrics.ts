/**
 * What a pod counts and measures of itself, for Prometheus. Owns the names of the metrics and the only use of
 * prom-client; metrics-server.ts answers with them, event-loop.ts measures the event loop. What is measured it is told
 * (observer.ts) or asks for when somebody looks (`Readings`).
 *
 * No label comes from a request: each has a fixed list of values.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Observer, RequestScope } from '../observer.ts';

export type Metrics = {
  observer: Observer;
  /** Until `requestEnded`; it counts as in flight. */
  requestBegan(): void;
  /** @param status 0 when the connection was gone before the answer */
  requestEnded(scope: RequestScope, status: number, seconds: number): void;
  contentType: string;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  close(): void;
};

/** What is asked for at each look; undefined where it is not known now. */
export type Readings = {
  redisIsUp: boolean;
  unready: Record<string, boolean>;
  hashing: { running: number; waiting: number } | undefined;
  eventLoopLagSeconds: number;
  clockOffsetSeconds: number | undefined;
  podsLive: number | undefined;
  /** Of the active key of each algorithm. */
  signingKeyAgeSeconds: Record<string, number>;
  /** By use: 0 nothing is under way, 1 new keys wait until they may be used, 2 old ones are kept for what they signed. */
  keyRotation: Record<string, number>;
  /** From Redis; the same for all pods. */
  shared: SharedReadings | undefined;
};

export type SharedReadings = {
  sessions: number;
  mailsWaiting: number;
  mailsGivenUp: number;
  oldestMailSeconds: number;
  auditLagSeconds: number;
};

const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.7, 1, 2, 5];
const redisBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.5];
const hashBuckets = [0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 1];
const roundTripBuckets = [0, 1, 2, 3, 4, 5, 7, 10, 15, 25];

/** @param read called once for each look; must not throw */
export function createMetrics(version: string, read: () => Promise<Readings>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `holdfast_${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: L[] = []) =>
    new Histogram({ name: `holdfast_${name}`, help, buckets, labelNames, registers });

  gauge('build_info', 'The version that runs.', ['version']).set({ version }, 1);
  const requests = counter('http_requests_total', 'Answers, by route and how they ended.', [
    'route',
    'status',
    'outcome',
  ]);
  const inFlight = gauge('http_requests_in_flight', 'Requests that are being answered.');
  const durations = histogram(
    'http_request_duration_seconds',
    'Time until an answer was sent.',
    requestBuckets,
    ['route'],
  );
  const roundTrips = histogram(
    'redis_round_trips',
    'How often a request waited for Redis, one time after the other.',
    roundTripBuckets,
    ['route'],
  );
  const redis = histogram('redis_command_duration_seconds', 'Time of a Redis command.', redisBuckets, [
    'kind',
  ]);
  const redisFailures = counter('redis_failures_total', 'Redis commands that failed.', ['kind']);
  const waitShort = counter('redis_wait_short_total', 'Durable writes that too few copies held in time.');
  const hashes = histogram('hash_duration_seconds', 'Time of a password hash.', hashBuckets);
  const conflicts = counter('commit_conflicts_total', 'Commits that Redis refused.', ['rank', 'reason']);
  const replays = counter('replays_total', 'Things that count once and were shown again.', ['kind']);
  const retries = counter('retries_answered_total', 'Requests sent again that got their first answer.');
  const signIns = counter('sign_ins_total', 'Sign-ins and attempts.', ['outcome', 'reason']);
  const gauges = createGauges(gauge);

  /** Lookups by label cost more than what they find; so what was found is kept. */
  const ofRedis = keepEach((kind: string) => redis.labels(kind));
  const ofRoute = keepEach((route: string) => ({
    duration: durations.labels(route),
    trips: roundTrips.labels(route),
    status: keepEach((status: number) => requests.labels(route, String(status), outcomeOf(status))),
  }));

  return {
    observer: {
      redis(kind, startedAt, isFailed) {
        ofRedis(kind).observe((performance.now() - startedAt) / 1000);
        if (isFailed) redisFailures.inc({ kind });
      },
      waitShort: () => waitShort.inc(),
      hash: (startedAt) => hashes.observe((performance.now() - startedAt) / 1000),
      conflict: (rank, reason) => conflicts.inc({ rank, reason }),
      replay: (kind) => replays.inc({ kind }),
      answeredAgain: () => retries.inc(),
      signIn: (outcome, reason) => signIns.inc({ outcome, reason }),
    },
    requestBegan: () => inFlight.inc(),
    requestEnded({ route, redisWaits }, status, seconds) {
      inFlight.dec();
      const found = ofRoute(route);
      found.status(status).inc();
      found.duration.observe(seconds);
      found.trips.observe(redisWaits);
    },
    contentType: registry.contentType,
    async text() {
      gauges.show(await read());
      return registry.metrics();
    },
    close: () => registry.clear(),
  };
}

function keepEach<K, V>(make: (key: K) => V): (key: K) => V {
  const kept = new Map<K, V>();
  return (key) => {
    let found = kept.get(key);
    if (found === undefined) {
      found = make(key);
      kept.set(key, found);
    }
    return found;
  };
}

function outcomeOf(status: number): string {
  if (status === 0) return 'aborted';
  if (status === 503) return 'unavailable';
  if (status >= 500) return 'error';
  if (status === 429) return 'limited';
  return status >= 400 ? 'refused' : 'ok';
}

type MakeGauge = <L extends string>(name: string, help: string, labelNames?: L[]) => Gauge<L>;

function createGauges(gauge: MakeGauge) {
  const redisUp = gauge('redis_up', 'Whether this pod reaches Redis.');
  const ready = gauge('ready', 'Whether requests may be sent to this pod.');
  const unready = gauge('unready', 'Why they may not.', ['reason']);
  const hashRunning = gauge('hash_running', 'Password hashes at work.');
  const hashQueue = gauge('hash_queue_length', 'Password hashes that wait for their turn.');
  const lag = gauge('event_loop_lag_seconds', 'The longest delay of the event loop in the last second.');
  const clock = gauge('clock_offset_seconds', 'How far the clock is ahead of that of Redis.');
  const pods = gauge('pods_live', 'Pods that say that they are alive.');
  const keyAge = gauge('signing_key_age_seconds', 'How long the active key has been signing.', ['alg']);
  const rotation = gauge(
    'key_rotation_state',
    '0 nothing is under way, 1 new keys wait until they may be used, 2 old ones are kept.',
    ['use'],
  );
  const sessions = gauge('sessions', 'About how many sessions there are, of all pods together.');
  const mails = gauge('mail_outbox_length', 'Mails that wait to be handed over.');
  const givenUp = gauge('mail_given_up', 'Mails that were given up in the last 30 days.');
  const deliveryAge = gauge('delivery_age_seconds', 'Age of the oldest delivery that waits.', ['kind']);
  const auditLag = gauge('audit_chain_lag_seconds', 'Age of the oldest event that is not chained yet.');

  return {
    show(of: Readings): void {
      redisUp.set(of.redisIsUp ? 1 : 0);
      ready.set(Object.values(of.unready).includes(true) ? 0 : 1);
      for (const [reason, is] of Object.entries(of.unready)) unready.set({ reason }, is ? 1 : 0);
      lag.set(of.eventLoopLagSeconds);
      setOrForget(hashRunning, of.hashing?.running);
      setOrForget(hashQueue, of.hashing?.waiting);
      setOrForget(clock, of.clockOffsetSeconds);
      setOrForget(pods, of.podsLive);
      keyAge.reset();
      for (const [alg, age] of Object.entries(of.signingKeyAgeSeconds)) keyAge.set({ alg }, age);
      for (const [use, state] of Object.entries(of.keyRotation)) rotation.set({ use }, state);
      const { shared } = of;
      setOrForget(sessions, shared?.sessions);
      setOrForget(mails, shared?.mailsWaiting);
      setOrForget(givenUp, shared?.mailsGivenUp);
      setOrForget(auditLag, shared?.auditLagSeconds);
      if (shared) deliveryAge.set({ kind: 'mail' }, shared.oldestMailSeconds);
      else deliveryAge.reset();
    },
  };
}

/** What is not known is left out, rather than said as it was. */
function setOrForget(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}
