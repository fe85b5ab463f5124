import { expect } from 'chai';
import { overlay } from './overlays.ts';

describe('the Redis of the manifests', () => {
  for (const [name, map] of [
    ['production-sentinel', 'redis-settings'],
    ['production-cluster', 'redis-cluster-settings'],
  ] as const) {
    it(`keeps everything, evicts nothing and leaves memory for a fork in ${name}`, () => {
      const settings = new Map(
        (overlay(name).configMap(map)['redis.conf'] ?? '')
          .split('\n')
          .filter((line) => line && !line.startsWith('#'))
          .map((line) => [line.split(' ')[0], line.slice(line.indexOf(' ') + 1)]),
      );
      expect(settings.get('appendonly')).to.equal('yes');
      expect(settings.get('maxmemory-policy')).to.equal('noeviction');
      expect(settings.get('port')).to.equal('0');
      const workload = name === 'production-sentinel' ? 'redis' : 'redis-cluster';
      const memory = overlay(name).workload(workload).pod.containers[0]?.resources.limits.memory;
      expect(memory).to.equal('2Gi');
      expect(Number.parseInt(settings.get('maxmemory') ?? '', 10) / 2048).to.be.within(0.5, 0.6);
      if (workload === 'redis') {
        expect(settings.get('min-replicas-to-write')).to.equal('1');
        expect(settings.get('min-replicas-max-lag')).to.equal('2');
      }
    });

    it(`has a certificate for each server by its name in ${name}`, () => {
      const { spec } = overlay(name).one('Certificate', 'redis');
      const { dnsNames } = spec as { dnsNames: string[] };
      for (const { metadata, spec: plan } of overlay(name).ofKind('StatefulSet')) {
        const { replicas, serviceName } = plan as { replicas: number; serviceName: string };
        for (let number = 0; number < replicas; number += 1) {
          expect(dnsNames).to.include(`${metadata.name}-${number}.${serviceName}`);
        }
      }
    });
  }

  it('names all six nodes of a Cluster wherever they are listed', () => {
    const names = [0, 1, 2, 3, 4, 5].map((number) => `redis-cluster-${number}.redis-cluster:6379`).join(' ');
    for (const workload of ['redis-cluster', 'redis-cluster-join']) {
      const [container] = overlay('production-cluster').workload(workload).pod.containers;
      expect(container?.env?.find((variable) => variable.name === 'NODES')?.value).to.equal(names);
    }
  });
});

describe('what is watched', () => {
  it('alerts say what to do, and the dashboard shows every metric that they look at', () => {
    const rule = overlay('aws').one('PrometheusRule', 'holdfast').spec as {
      groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
    };
    const dashboard = overlay('aws').configMap('holdfast-dashboard')['holdfast.json'] ?? '';
    const shown = JSON.parse(dashboard) as { panels: { id: number; gridPos: object }[] };
    expect(new Set(shown.panels.map(({ id }) => id)).size).to.equal(shown.panels.length);
    for (const { alert, expr, annotations } of rule.groups.flatMap(({ rules }) => rules)) {
      expect(annotations.summary, alert).to.be.a('string').that.is.not.empty;
      expect(annotations.description, alert).to.be.a('string').that.is.not.empty;
      for (const [metric] of expr.matchAll(/holdfast_[a-z_]+/g)) expect(dashboard, alert).to.include(metric);
    }
  });
});
