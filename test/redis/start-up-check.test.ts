import { expect } from 'chai';
import { Cluster, Redis } from 'ioredis';
import { checkRedis } from '../../src/redis/start-up-check.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

const nothing = { eviction: false, noAppendOnly: false };

describe('start-up check of Redis', () => {
  describe('on one server', () => {
    let server: Topology;
    let client: Redis;

    before(async () => {
      server = await startStandalone();
      client = new Redis(server.url);
    });
    after(async () => {
      client.disconnect();
      await server.stop();
    });
    afterEach(async () => {
      await client.config('SET', 'maxmemory-policy', 'noeviction');
      await client.config('SET', 'appendonly', 'yes');
    });

    it('passes a server that keeps what it has acknowledged', async () => {
      expect(await checkRedis(client, nothing)).to.deep.equal({ ok: true, warnings: [] });
    });

    it('refuses eviction, and says how to mend or to allow it', async () => {
      await client.config('SET', 'maxmemory-policy', 'volatile-lru');
      const result = await checkRedis(client, nothing);
      if (result.ok) throw new Error('it passed');
      expect(result.faults).to.have.length(1);
      expect(result.faults[0]).to.match(
        /volatile-lru.*set maxmemory-policy noeviction.*HOLDFAST_UNSAFE_ALLOW_EVICTION=true/,
      );
    });

    it('warns of eviction that is allowed', async () => {
      await client.config('SET', 'maxmemory-policy', 'allkeys-lfu');
      const result = await checkRedis(client, { ...nothing, eviction: true });
      if (!result.ok) throw new Error(result.faults.join());
      expect(result.warnings).to.have.length(1);
      expect(result.warnings[0]).to.include('allkeys-lfu');
    });

    it('refuses to go without an append-only file, and says how to mend or to allow it', async () => {
      await client.config('SET', 'appendonly', 'no');
      const result = await checkRedis(client, nothing);
      if (result.ok) throw new Error('it passed');
      expect(result.faults).to.have.length(1);
      expect(result.faults[0]).to.match(/set appendonly yes.*HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY=true/);
    });

    it('warns of a missing append-only file that is allowed', async () => {
      await client.config('SET', 'appendonly', 'no');
      const result = await checkRedis(client, { ...nothing, noAppendOnly: true });
      if (!result.ok) throw new Error(result.faults.join());
      expect(result.warnings).to.have.length(1);
      expect(result.warnings[0]).to.include('append-only file');
    });

    it('names every fault at once', async () => {
      await client.config('SET', 'maxmemory-policy', 'volatile-lru');
      await client.config('SET', 'appendonly', 'no');
      const result = await checkRedis(client, nothing);
      expect(result.ok || result.faults.length).to.equal(2);
    });

    it('needs no more than INFO, not even CONFIG', async () => {
      await client.acl('SETUSER', 'narrow', 'on', '>secret', '-@all', '+info', '+hello', '+auth', '+client');
      const narrow = new Redis(server.url, { username: 'narrow', password: 'secret' });
      try {
        expect(await checkRedis(narrow, nothing)).to.deep.equal({ ok: true, warnings: [] });
      } finally {
        narrow.disconnect();
      }
    });

    it('says so when INFO is forbidden', async () => {
      await client.acl('SETUSER', 'blind', 'on', '>secret', '+@all', '-info');
      const blind = new Redis(server.url, { username: 'blind', password: 'secret', enableReadyCheck: false });
      try {
        const result = await checkRedis(blind, nothing);
        expect(result.ok || result.faults.join()).to.include('+info');
      } finally {
        blind.disconnect();
      }
    });

    it('refuses a replica, which takes no writes', async () => {
      const replica = await startStandalone({
        extraArgs: ['--replicaof', `127.0.0.1 ${server.processes[0]?.port}`],
      });
      const replicaClient = new Redis(replica.url);
      try {
        const result = await checkRedis(replicaClient, nothing);
        expect(result.ok || result.faults.join()).to.include('is a replica');
      } finally {
        replicaClient.disconnect();
        await replica.stop();
      }
    });
  });

  describe('on a Cluster', () => {
    let cluster: Topology;
    const nodes: Redis[] = [];
    let client: Cluster;

    before(async () => {
      cluster = await startCluster({ primaries: 3 });
      const addresses = cluster.processes.map(({ port }) => ({ host: '127.0.0.1', port }));
      nodes.push(...addresses.map((address) => new Redis(address)));
      client = new Cluster(addresses);
      await new Promise((ready) => client.once('ready', ready));
    });
    after(async () => {
      client.disconnect();
      for (const node of nodes) node.disconnect();
      await cluster.stop();
    });

    it('looks at every primary', async () => {
      expect(await checkRedis(client, nothing)).to.deep.equal({ ok: true, warnings: [] });
      await nodes[1]?.config('SET', 'maxmemory-policy', 'allkeys-random');
      await nodes[2]?.config('SET', 'appendonly', 'no');
      const result = await checkRedis(client, nothing);
      if (result.ok) throw new Error('it passed');
      const [evicting, forgetful] = cluster.processes.slice(1).map(({ port }) => `127.0.0.1:${port}`);
      expect(result.faults).to.have.length(2);
      expect(result.faults.find((fault) => fault.includes('allkeys-random'))).to.include(evicting);
      expect(result.faults.find((fault) => fault.includes('append-only'))).to.include(forgetful);
    });

    it('refuses one of its nodes taken for a single server', async () => {
      const [node] = nodes;
      if (!node) throw new Error('no node');
      const result = await checkRedis(node, nothing);
      expect(result.ok || result.faults.join()).to.include('redis+cluster://');
    });
  });
});

describe('the start-up check of a Redis whose disks must hold each write', () => {
  it('refuses a version that cannot tell', async () => {
    const topology = await startStandalone();
    const client = new Redis(topology.url);
    try {
      const { redis_version: version = '' } = Object.fromEntries(
        (await client.info('server')).split('\r\n').map((line) => line.split(':')),
      );
      const allow = { eviction: false, noAppendOnly: false };
      const checked = await checkRedis(client, allow, { fsync: true });
      expect(checked.ok).to.equal(Number.parseFloat(version) >= 7.2);
      if (!checked.ok) expect(checked.faults.join()).to.include('HOLDFAST_DURABLE_FSYNC');
    } finally {
      client.disconnect();
      await topology.stop();
    }
  });
});
