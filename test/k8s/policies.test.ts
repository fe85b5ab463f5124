import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Container, k8s, overlay, overlayNames, type Rendered, type Workload } from './overlays.ts';
import { matches, type Selector, selects } from './selectors.ts';

for (const name of overlayNames) {
  describe(`the manifests of ${name}`, () => {
    let rendered: Rendered;
    let workloads: Workload[];
    let containers: { of: string; container: Container }[];
    before(() => {
      rendered = overlay(name);
      workloads = rendered.workloads();
      containers = workloads.flatMap(({ manifest, pod }) =>
        [...pod.containers, ...(pod.initContainers ?? [])].map((container) => ({
          of: `${manifest.metadata.name}/${container.name}`,
          container,
        })),
      );
    });

    it('have no secret in them, and name only secrets that the README tells to make', () => {
      expect(rendered.ofKind('Secret')).to.deep.equal([]);
      const readme = readFileSync(join(k8s, 'README.md'), 'utf8');
      for (const { pod } of workloads) {
        for (const { secret } of pod.volumes) {
          if (secret) expect(readme).to.include(`\`${secret.secretName}\``);
        }
      }
      for (const { container, of } of containers) {
        for (const { valueFrom } of container.env ?? [])
          expect(valueFrom ?? {}, of).not.to.have.property('secretKeyRef');
      }
    });

    it('run in a namespace that takes restricted pods alone, and are such', () => {
      const labels = rendered.one('Namespace', 'holdfast').metadata.labels as Record<string, string>;
      expect(labels['pod-security.kubernetes.io/enforce']).to.equal('restricted');
      for (const { manifest, pod } of workloads) {
        const of = manifest.metadata.name;
        expect(pod.securityContext, of).to.deep.include({ runAsNonRoot: true });
        expect(pod.securityContext.runAsUser, of).to.be.a('number').above(0);
        expect(pod.securityContext.seccompProfile, of).to.deep.equal({ type: 'RuntimeDefault' });
        for (const share of ['hostNetwork', 'hostPID', 'hostIPC'])
          expect(pod, of).not.to.have.property(share);
        const sources = new Set(pod.volumes.flatMap((volume) => Object.keys(volume)));
        sources.delete('name');
        expect([...sources], of).to.satisfy((kinds: string[]) =>
          kinds.every((kind) => ['configMap', 'secret', 'emptyDir'].includes(kind)),
        );
      }
      for (const { of, container } of containers) {
        expect(container.securityContext, of).to.deep.equal({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    });

    it('give no pod a token for the API server', () => {
      for (const { manifest, pod } of workloads) {
        expect(pod, manifest.metadata.name).to.deep.include({
          automountServiceAccountToken: false,
          serviceAccountName: 'holdfast',
        });
      }
      expect(rendered.one('ServiceAccount', 'holdfast').automountServiceAccountToken).to.equal(false);
      expect(rendered.manifests.filter(({ kind }) => /Role/.test(kind))).to.deep.equal([]);
    });

    it('limit every container, and every directory in memory', () => {
      for (const { of, container } of containers) {
        const { requests, limits } = container.resources;
        expect(Object.keys(requests).sort(), of).to.deep.equal(['cpu', 'memory']);
        expect(Object.keys(limits).sort(), of).to.deep.equal(['cpu', 'memory']);
        expect(requests.memory, of).to.equal(limits.memory);
      }
      for (const { pod } of workloads) {
        for (const { emptyDir } of pod.volumes) if (emptyDir) expect(emptyDir).to.have.property('sizeLimit');
      }
    });

    it('name a version of each image', () => {
      for (const { of, container } of containers) {
        expect(container.image, of).to.match(/^[a-z0-9./-]+(:(?!latest$)[\w][\w.-]*|@sha256:[0-9a-f]{64})$/);
      }
    });

    it('probe everything that serves, and wait for a start without a deadline of liveness', () => {
      for (const { manifest, pod } of workloads) {
        if (manifest.kind === 'Job') continue;
        for (const container of pod.containers) {
          for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
            expect(container, manifest.metadata.name).to.have.property(probe);
          }
        }
      }
      const [holdfast] = rendered.workload('holdfast').pod.containers;
      const path = (probe: string) =>
        (holdfast?.[probe] as { httpGet: { path: string; port: string } } | undefined)?.httpGet;
      expect(path('startupProbe')).to.deep.equal({ path: '/startupz', port: 'http' });
      expect(path('readinessProbe')).to.deep.equal({ path: '/readyz', port: 'http' });
      expect(path('livenessProbe')).to.deep.equal({ path: '/livez', port: 'http' });
    });

    it('run nothing of the provider by a shell', () => {
      const [holdfast] = rendered.workload('holdfast').pod.containers;
      expect(holdfast).not.to.have.any.keys('command', 'args');
      expect(holdfast?.lifecycle).to.deep.equal({ preStop: { sleep: { seconds: 5 } } });
    });

    it('keep pods while nodes are drained and versions change', () => {
      const { spec } = rendered.one('Deployment', 'holdfast');
      const { replicas, strategy, minReadySeconds } = spec as {
        replicas?: number;
        strategy: unknown;
        minReadySeconds: number;
      };
      expect(strategy).to.deep.equal({
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
      });
      expect(minReadySeconds).to.be.at.least(10);
      const scaler = rendered.one('HorizontalPodAutoscaler', 'holdfast').spec as {
        minReplicas: number;
        maxReplicas: number;
        scaleTargetRef: object;
      };
      expect(scaler.minReplicas).to.be.at.least(3);
      expect(scaler.maxReplicas).to.be.at.least(scaler.minReplicas);
      expect(scaler.scaleTargetRef).to.deep.equal({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: 'holdfast',
      });
      // Where it scales, an apply must not.
      if (name === 'local') expect(replicas).to.equal(3);
      else expect(replicas).to.equal(undefined);
      for (const { manifest, labels } of workloads) {
        const budgets = rendered.ofKind('PodDisruptionBudget').filter((budget) => selects(budget, labels));
        const isSingle = name === 'local' && manifest.metadata.name === 'redis';
        const expected = manifest.kind === 'Job' || isSingle ? [] : [1];
        const allowed = budgets.map((budget) => (budget.spec as { maxUnavailable: number }).maxUnavailable);
        expect(allowed, manifest.metadata.name).to.deep.equal(expected);
      }
    });

    it('spread pods over zones and nodes', () => {
      for (const { manifest, pod, labels } of workloads) {
        if (manifest.kind === 'Job' || name === 'local') continue;
        const spread = (pod.topologySpreadConstraints ?? []) as {
          topologyKey: string;
          labelSelector: Selector;
        }[];
        const apart = ((pod.affinity as { podAntiAffinity?: object } | undefined)?.podAntiAffinity ?? {}) as {
          requiredDuringSchedulingIgnoredDuringExecution?: { topologyKey: string }[];
        };
        const keys = [...spread, ...(apart.requiredDuringSchedulingIgnoredDuringExecution ?? [])].map(
          ({ topologyKey }) => topologyKey,
        );
        expect(keys, manifest.metadata.name).to.include('topology.kubernetes.io/zone');
        expect(keys, manifest.metadata.name).to.include('kubernetes.io/hostname');
        for (const { labelSelector } of spread) expect(matches(labelSelector, labels)).to.equal(true);
      }
    });

    it('have a Service for the pods that it means, with ports that they have', () => {
      for (const service of rendered.ofKind('Service')) {
        const { selector, ports } = service.spec as {
          selector: Record<string, string>;
          ports: { port: number; targetPort?: string }[];
        };
        const found = workloads.filter(({ labels }) => matches({ matchLabels: selector }, labels));
        expect(found, service.metadata.name).to.have.length(1);
        const offered = found.flatMap(({ pod }) =>
          pod.containers.flatMap((container) => container.ports ?? []),
        );
        for (const { port, targetPort } of ports) {
          const fits = offered.some((each) =>
            targetPort ? each.name === targetPort : each.containerPort === port,
          );
          expect(fits, `${service.metadata.name} ${port}`).to.equal(true);
        }
      }
    });

    it('mount only ConfigMaps that are there', () => {
      const maps = new Set(rendered.ofKind('ConfigMap').map(({ metadata }) => metadata.name));
      for (const { pod } of workloads) {
        for (const { configMap } of pod.volumes) if (configMap) expect(maps).to.include(configMap.name);
        for (const { envFrom } of pod.containers) {
          for (const { configMapRef } of envFrom ?? []) expect(maps).to.include(configMapRef.name);
        }
      }
    });
  });
}
