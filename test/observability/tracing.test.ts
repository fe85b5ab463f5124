import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { userinfo } from '../oidc/relying-party.ts';
import { type Pod, startPod, testKeys } from '../support/pods.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { startTraceReceiver, type TraceReceiver } from './trace-receiver.ts';

describe('traces', () => {
  let redis: Topology;
  let receiver: TraceReceiver;
  let provider: TestProvider;
  let tokens: { access_token: string };
  const theirs = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };
  const traceparent = `00-${theirs.trace}-${theirs.span}-01`;

  before(async function () {
    this.timeout(30_000);
    redis = await startStandalone({ appendOnly: false });
    receiver = await startTraceReceiver();
    provider = await startProvider(redis.url, 1, {
      HOLDFAST_PROXY_HOPS: '1',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-receiver-key=some%20key',
      OTEL_SERVICE_NAME: 'id-under-test',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=trial',
    });
    tokens = await provider.signIn(provider.person(), clients.first);
    await userinfo(provider, tokens.access_token);
    await provider.get('/me', { authorization: `Bearer ${tokens.access_token}`, traceparent });
    await provider.get('/me', { authorization: 'Bearer wrong', 'x-request-id': 'given-by-the-proxy' });
    await provider.get('/jwks', { traceparent: `00-${'0'.repeat(32)}-${theirs.span}-01` });
    // What is not sent yet goes out with the pod.
    await provider.pods[0]?.kill('SIGTERM');
  });
  after(async () => {
    await provider?.stop();
    await receiver?.close();
    await redis?.stop();
  });

  const of = (name: string) => receiver.spans.filter((span) => span.name === name);
  const childrenOf = (parent: { spanId: string }) =>
    receiver.spans.filter((span) => span.parentSpanId === parent.spanId);

  it('have a span for each request, with its route, status and request id', () => {
    const [fine, , refused] = of('GET userinfo');
    expect(fine?.parentSpanId).to.equal(undefined);
    expect(fine?.attributes).to.include({
      'http.request.method': 'GET',
      'http.route': 'userinfo',
      'http.response.status_code': 200,
      'holdfast.redis_round_trips': 1,
    });
    const line = provider.pods[0]
      ?.log()
      .split('\n')
      .find((one) => one.includes('given-by-the-proxy'));
    const logged = JSON.parse(line ?? '{}') as { requestId?: string; traceId?: string };
    expect(logged.requestId).to.be.a('string');
    expect(logged.traceId).to.equal(refused?.traceId);
    expect(refused?.attributes).to.include({
      'http.response.status_code': 401,
      'holdfast.request_id': logged.requestId,
    });
  });

  it('have what a request asked of Redis, and its password hash, within it', () => {
    const [read] = childrenOf(of('GET userinfo')[0] ?? { spanId: '' });
    expect(read?.name).to.equal('redis read');
    const names = childrenOf(of('POST token')[0] ?? { spanId: '' }).map(({ name }) => name);
    expect(names).to.include.members(['redis read', 'redis commit']);
    const [hash] = of('password hash');
    expect(hash?.ms).to.be.greaterThan(1);
    const around = receiver.spans.find(({ spanId }) => spanId === hash?.parentSpanId);
    expect(around?.name).to.equal('POST interaction');
    expect(around?.traceId).to.equal(hash?.traceId);
    expect(around?.ms).to.be.greaterThan(hash?.ms ?? 0);
  });

  it('go on with the trace that a proxy has begun, when it is one', () => {
    const [, carried] = of('GET userinfo');
    expect(carried?.traceId).to.equal(theirs.trace);
    expect(carried?.parentSpanId).to.equal(theirs.span);
    const [jwks] = of('GET jwks');
    expect(jwks?.traceId)
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.to.match(/^0+$/);
    expect(jwks?.parentSpanId).to.equal(undefined);
  });

  it('say which service they are of, with the key of the receiver', () => {
    expect(receiver.resource()).to.include({
      'service.name': 'id-under-test',
      'service.instance.id': 'pod-0',
      'deployment.environment.name': 'trial',
    });
    for (const headers of receiver.headers()) expect(headers['x-receiver-key']).to.equal('some key');
  });

  it('name nobody, and carry no path, query or token', () => {
    const { account } = provider;
    expect(receiver.spans.length).to.be.greaterThan(20);
    for (const secret of [account.id, account.email, account.password, tokens.access_token, '?', '/me']) {
      expect(receiver.raw()).not.to.include(secret);
    }
  });

  it('are not joined to those of strangers, and hold nothing up when their receiver is away', async function () {
    this.timeout(30_000);
    let pod: Pod | undefined;
    const away = await startTraceReceiver();
    const begun = receiver.spans.length;
    try {
      pod = await startPod({
        name: 'pod-open',
        issuer: provider.issuer,
        redisUrl: redis.url,
        environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces` },
      });
      await fetch(`${pod.url}/livez`, { headers: { traceparent } });
      await pod.kill('SIGTERM');
      const news = receiver.spans.slice(begun);
      expect(news.some(({ name }) => name === 'GET probe')).to.equal(true);
      expect(news.filter(({ traceId }) => traceId === theirs.trace)).to.deep.equal([]);

      await away.close();
      pod = await startPod({
        name: 'pod-unheard',
        issuer: provider.issuer,
        redisUrl: redis.url,
        environment: { OTEL_EXPORTER_OTLP_ENDPOINT: away.url },
      });
      await pod.kill('SIGTERM');
      expect(pod.process.exitCode).to.equal(0);
    } finally {
      await pod?.kill('SIGKILL');
    }
  });
});

describe('the settings of traces', () => {
  const base = { HOLDFAST_ISSUER: 'https://id.example', HOLDFAST_KEYS: testKeys, REDIS_URL: 'redis://r' };
  const read = (environment: Record<string, string>) => readConfig({ ...base, ...environment }).tracing;
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

  it('trace nothing unless somebody is there to take it', () => {
    expect(read({})).to.equal(undefined);
    // Meant for other programs.
    expect(read({ OTEL_TRACES_SAMPLER: 'jaeger_remote', OTEL_TRACES_EXPORTER: 'console' })).to.equal(
      undefined,
    );
    expect(read({ ...endpoint, OTEL_SDK_DISABLED: 'true' })).to.equal(undefined);
    expect(read({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' })).to.equal(undefined);
  });

  it('are those of OpenTelemetry', () => {
    expect(read(endpoint)).to.deep.equal({
      url: 'http://collector:4318/v1/traces',
      headers: {},
      timeoutMs: 10_000,
      serviceName: 'holdfast',
      attributes: {},
      sampler: { isParentBased: true, root: 'always_on', ratio: 1 },
    });
    const sampled = read({
      ...endpoint,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://elsewhere/traces',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=named,team=id',
    });
    expect(sampled).to.deep.include({
      url: 'https://elsewhere/traces',
      serviceName: 'named',
      attributes: { team: 'id' },
      sampler: { isParentBased: false, root: 'traceidratio', ratio: 0.25 },
    });
  });

  it('are refused with their names when they cannot be gone by', () => {
    const faultsOf = (environment: Record<string, string>): string => {
      try {
        read({ ...endpoint, ...environment });
        return '';
      } catch (error) {
        return (error as { faults: string[] }).faults.join('\n');
      }
    };
    expect(faultsOf({ OTEL_TRACES_SAMPLER: 'sometimes' })).to.match(/^OTEL_TRACES_SAMPLER must be/);
    expect(faultsOf({ OTEL_TRACES_SAMPLER_ARG: '7' })).to.match(/^OTEL_TRACES_SAMPLER_ARG must be/);
    expect(faultsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).to.match(/^OTEL_EXPORTER_OTLP_PROTOCOL must/);
    expect(faultsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' })).to.match(/must be a web address/);
  });
});
