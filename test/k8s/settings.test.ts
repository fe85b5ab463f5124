import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Config, readConfig } from '../../src/config.ts';
import { testKeys } from '../support/pods.ts';
import { type Container, overlay, overlayNames } from './overlays.ts';

/** Secrets as somebody would fill them in, by the path at which the pod finds them. */
const secrets = new Map([
  ['/run/secrets/holdfast-keys/keys', testKeys],
  ['/run/secrets/holdfast-mail/url', 'smtp://holdfast:secret@mail.example.com:587'],
]);
const redisUrls: Record<string, string> = {
  local: 'redis://redis:6379',
  'production-sentinel':
    'rediss+sentinel://holdfast:secret@redis-sentinel-0.redis-sentinel,redis-sentinel-1.redis-sentinel,redis-sentinel-2.redis-sentinel/main?ca=/run/secrets/redis-authority/ca.crt&sentinelUser=holdfast&sentinelPassword=secret',
  'production-cluster':
    'rediss+cluster://holdfast:secret@redis-cluster-0.redis-cluster,redis-cluster-1.redis-cluster,redis-cluster-2.redis-cluster?ca=/run/secrets/redis-authority/ca.crt',
  aws: 'rediss+cluster://holdfast:secret@clustercfg.holdfast.example.memorydb.eu-central-1.amazonaws.com:6379',
};
/** Of Node itself, which config.ts has nothing to do with. */
const ofNode = new Set(['NODE_OPTIONS', 'UV_THREADPOOL_SIZE']);

describe('the settings that the manifests give a pod', () => {
  for (const name of overlayNames) {
    describe(name, () => {
      let config: Config;
      let environment: Record<string, string>;
      let container: Container;

      before(() => {
        const rendered = overlay(name);
        const [first] = rendered.workload('holdfast').pod.containers;
        if (!first) throw new Error('no container');
        container = first;
        environment = rendered.environment(container);
        config = readMounted(environment, redisUrls[name] ?? '');
      });

      it('are accepted, with the secrets mounted as files', () => {
        expect(config.isLocal).to.equal(false);
        expect(config.vaultKeys).to.have.length(1);
        expect(config.bind).to.equal('0.0.0.0');
      });

      it('are all known', () => {
        const known = readFileSync(new URL('../../src/config.ts', import.meta.url), 'utf8');
        for (const variable of Object.keys(environment)) {
          const bare = variable.replace(/_FILE$/, '');
          if (!ofNode.has(variable)) expect(known, variable).to.match(new RegExp(`^    ${bare}: `, 'm'));
        }
      });

      it('name the port that the probes, the Service and the proxy use', () => {
        const http = container.ports?.find((port) => port.name === 'http');
        expect(http?.containerPort).to.equal(config.port);
      });

      it('leave time to drain before the pod is killed', () => {
        const { terminationGracePeriodSeconds } = overlay(name).workload('holdfast').pod;
        const { preStop } = container.lifecycle as { preStop: { sleep: { seconds: number } } };
        const { pauseMs, seconds } = config.drain;
        expect(terminationGracePeriodSeconds).to.be.at.least(
          preStop.sleep.seconds + pauseMs / 1000 + seconds + 5,
        );
      });

      it('leave memory for hashes beside the heap, and threads beside hashes', () => {
        const limit = bytes(container.resources.limits.memory ?? '');
        const heap = Number(/--max-old-space-size=(\d+)/.exec(environment.NODE_OPTIONS ?? '')?.[1]) * 2 ** 20;
        expect(heap / limit).to.be.within(0.55, 0.66);
        const hashes = config.hashing.concurrency * 46 * 2 ** 20;
        expect(limit - heap - hashes).to.be.at.least(64 * 2 ** 20);
        expect(config.hashing.poolSize - config.hashing.concurrency).to.be.at.least(2);
      });

      it('are safe, but for what the overlay is for', () => {
        const unsafe = Object.keys(environment).filter((variable) => variable.startsWith('HOLDFAST_UNSAFE'));
        const expected: Record<string, string[]> = {
          local: ['HOLDFAST_UNSAFE_ALLOW_HTTP'],
          aws: ['HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY'],
        };
        expect(unsafe).to.deep.equal(expected[name] ?? []);
        expect(config.issuer.startsWith('https:')).to.equal(name !== 'local');
        expect(config.durability.replicas).to.equal(name.startsWith('production') ? 1 : 0);
      });

      it('have the host that the ways in and their certificate have', () => {
        const rendered = overlay(name);
        const { host } = new URL(config.issuer);
        for (const ingress of rendered.ofKind('Ingress')) {
          const { rules, tls } = ingress.spec as { rules: { host: string }[]; tls: { hosts: string[] }[] };
          expect(rules.map((rule) => rule.host)).to.deep.equal([host]);
          expect(tls.flatMap(({ hosts }) => hosts)).to.deep.equal([host]);
        }
        const certificates = rendered
          .ofKind('Certificate')
          .filter(({ metadata }) => metadata.name === 'holdfast');
        for (const { spec } of certificates) {
          expect((spec as { dnsNames: string[] }).dnsNames).to.deep.equal([host]);
        }
        expect(rendered.ofKind('Ingress')).to.have.length(name === 'local' ? 0 : 1);
      });
    });
  }
});

/** Reads it as the pod does, with the files that it names beside this test instead of where they are mounted. */
function readMounted(environment: Record<string, string>, redisUrl: string): Config {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'));
  try {
    const here: Record<string, string> = { HOLDFAST_POD: 'holdfast-5d7f-x2x4z' };
    for (const [name, value] of Object.entries(environment)) {
      if (!name.endsWith('_FILE')) {
        here[name] ||= value;
        continue;
      }
      const content = name === 'REDIS_URL_FILE' ? redisUrl : secrets.get(value);
      if (content === undefined) throw new Error(`${name} names ${value}, which no secret holds`);
      here[name] = join(directory, name);
      writeFileSync(here[name], `${content}\n`);
    }
    return readConfig(here);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function bytes(quantity: string): number {
  const [, number, unit = ''] = /^(\d+)(Ki|Mi|Gi)$/.exec(quantity) ?? [];
  return Number(number) * ({ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }[unit] ?? Number.NaN);
}
