import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { connectRedis } from '../../src/redis/connect.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { checkRedis } from '../../src/redis/start-up-check.ts';
import { captureLog } from '../support/captured-log.ts';
import { testKeys } from '../support/pods.ts';
import { startStandalone } from '../support/redis-topologies.ts';
import { readCompose } from './compose-file.ts';

const pods = ['pod-1', 'pod-2', 'pod-3'];

describe('compose.yaml', () => {
  const { services, volumes } = readCompose();

  it('has three pods that are all alike, behind a proxy that takes them in turn', () => {
    for (const pod of pods) expect(services[pod]).to.deep.equal(services['pod-1']);
    const { CADDYFILE } = services.proxy?.environment ?? {};
    expect(CADDYFILE).to.include(`reverse_proxy ${pods.map((pod) => `${pod}:3000`).join(' ')} {`);
    expect(CADDYFILE).to.include('lb_policy round_robin');
    expect(CADDYFILE).not.to.match(/cookie|ip_hash|sticky/);
    expect(CADDYFILE?.match(/{/g)?.length).to.equal(CADDYFILE?.match(/}/g)?.length);
  });

  it('gives nothing more rights than it needs, and nobody else a way in', () => {
    for (const [name, service] of Object.entries(services)) {
      expect(service.read_only, name).to.equal(true);
      expect(service.cap_drop, name).to.deep.equal(['ALL']);
      expect(service.security_opt, name).to.deep.equal(['no-new-privileges:true']);
      expect(service.mem_limit, name).to.match(/^\d+m$/);
      expect(service.image, name).to.match(/:(?!latest$)[\w.-]+$/);
      for (const port of service.ports ?? []) expect(port, name).to.match(/^127\.0\.0\.1:/);
    }
  });

  it('mounts only volumes that it declares, for writing only where keys are made', () => {
    for (const [name, service] of Object.entries(services)) {
      for (const mount of service.volumes ?? []) {
        const [volume = '', , mode] = mount.split(':');
        expect(volumes, name).to.have.property(volume);
        if (volume === 'holdfast') expect(mode, name).to.equal(name === 'prepare' ? undefined : 'ro');
      }
      for (const other of Object.keys(service.depends_on ?? {}))
        expect(services, name).to.have.property(other);
    }
  });

  it('has no secret in it', () => {
    for (const { environment = {} } of Object.values(services)) {
      for (const name of Object.keys(environment))
        expect(name).not.to.match(/^(HOLDFAST_KEYS|.*PASSWORD|.*SECRET)$/);
    }
  });

  it('gives pods settings that they take, and longer to end than a drain takes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-compose-'));
    try {
      const keys = join(directory, 'keys');
      writeFileSync(keys, testKeys);
      for (const name of [...pods, 'prepare']) {
        const { environment = {}, stop_grace_period: grace } = services[name] ?? {};
        const config = readConfig({ ...environment, HOLDFAST_KEYS_FILE: keys });
        expect(config.isLocal).to.equal(false);
        if (pods.includes(name)) expect(Number.parseInt(grace ?? '', 10)).to.be.above(config.drain.seconds);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('starts a Redis that passes the check at start', async () => {
    const [program, dir, , ...rest] = services.redis?.command ?? [];
    expect([program, dir]).to.deep.equal(['redis-server', '--dir']);
    const redis = await startStandalone({ appendOnly: false, extraArgs: rest });
    const handle = connectRedis(parseRedisUrl(redis.url), { log: captureLog().log });
    try {
      await handle.whenReady(3000);
      const allow = { eviction: false, noAppendOnly: false };
      expect(await checkRedis(handle.client, allow)).to.deep.equal({ ok: true, warnings: [] });
    } finally {
      await handle.close();
      await redis.stop();
    }
  });
});
