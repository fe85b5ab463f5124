import { expect } from 'chai';
import { Redis } from 'ioredis';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { podsBehind, reseal, sealedUnder } from '../../src/redis/reseal.ts';
import { createVault } from '../../src/redis/vault.ts';
import { holdfast } from '../cli/run-command.ts';
import { dumpRedis } from '../support/canaries.ts';
import { type Pod, startPod } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

const keyOf = (id: string, fill: number) => `${id}:${Buffer.alloc(32, fill).toString('base64url')}`;
const older = keyOf('olden-days', 3);
const newer = keyOf('new-days', 4);
const issuer = 'http://id.example';

describe('sealing anew under another key of HOLDFAST_KEYS', () => {
  let redis: Topology;
  let store: Store;
  let client: Redis;
  const pods: Pod[] = [];

  beforeEach(async function () {
    this.timeout(30_000);
    redis = await startStandalone({ appendOnly: false });
    client = new Redis(redis.url);
    store = openStore(configWith(newer), parseRedisUrl(redis.url), createLog('silent', 'test'));
    await store.whenReady(5000);
  });
  afterEach(async () => {
    await Promise.all(pods.splice(0).map((pod) => pod.kill('SIGKILL')));
    client.disconnect();
    await store?.close();
    await redis?.stop();
  });

  function configWith(keys: string) {
    return readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: keys,
      REDIS_URL: redis.url,
    });
  }

  async function start(name: string, keys: string): Promise<Pod> {
    const environment = { HOLDFAST_KEYS: keys };
    const pod = await startPod({ name, issuer, redisUrl: redis.url, environment });
    pods.push(pod);
    return pod;
  }

  const command = (keys: string, ...args: string[]) =>
    holdfast(redis.url, args, {
      environment: { HOLDFAST_KEYS: keys, HOLDFAST_ISSUER: issuer, HOLDFAST_UNSAFE_ALLOW_HTTP: 'true' },
    });

  /** Keys of Redis that have something of the old key in them. */
  async function withTheOldKey(): Promise<string[]> {
    const dump = await dumpRedis(client);
    return dump.flatMap(({ key, content }) => (/olden-days\./.test(content) ? [key] : []));
  }

  it('leaves nothing under the old key, so that a pod starts without it, with the same keys as before', async function () {
    this.timeout(60_000);
    const before = await start('one', older);
    expect((await command(older, 'account', 'create', 'ada@example.com', '--invite')).code).to.equal(0);
    expect((await command(older, 'key', 'rotate', 'signing')).code).to.equal(0);
    const kids = JSON.stringify((await command(older, 'key', 'list', '--json')).out);
    expect(await withTheOldKey()).to.deep.equal(['hf:{k}']);

    const early = await command(`${newer} ${older}`, 'reseal');
    expect(early.code, early.err).to.equal(1);
    expect(early.err).to.match(/do not have "new-days" as the first.*: one\b/);
    expect(await withTheOldKey()).to.deep.equal(['hf:{k}']);

    await before.kill('SIGTERM');
    const running = await start('two', `${newer} ${older}`);
    const done = await command(`${newer} ${older}`, 'reseal');
    expect(done.code, done.err).to.equal(0);
    expect(done.out)
      .to.match(/Sealed 8 secrets under "new-days"/)
      .and.match(/No longer needed.*: olden-days\./);
    expect(await withTheOldKey()).to.deep.equal([]);
    expect((await command(`${newer} ${older}`, 'reseal')).out).to.include('All is sealed under "new-days"');
    expect(running.process.exitCode).to.equal(null);
    expect(running.log()).not.to.include('cannot be opened');

    await running.kill('SIGTERM');
    await start('three', newer);
    const list = JSON.parse((await command(newer, 'key', 'list', '--json')).out) as {
      keys: { id: string }[];
    };
    expect(list.keys.length).to.equal(7);
    for (const { id } of list.keys) expect(kids).to.include(id);
    const events = await command(newer, 'audit', 'list', '--kind', 'keys.resealed', '--json');
    expect(JSON.parse(events.out).events).to.have.lengthOf(1);
  });

  it('goes on after a kill, and beside others that do the same', async () => {
    const vault = createVault(configWith(older).vaultKeys);
    const ring = store.keys.keyRing();
    const names = Array.from({ length: 30 }, (_, i) => `secret-${i}`);
    for (const name of names)
      await store.call('HSET', ring, name, vault.seal('key-ring', name, `plain ${name}`));
    await store.call('HSET', ring, 'life:signing:ES256:1', '{"state":"active"}', 'set', 4);
    const both = createVault(configWith(`${newer} ${older}`).vaultKeys);
    // As one who was killed has left it: some are under the new key.
    await store.call('HSET', ring, 'secret-3', both.seal('key-ring', 'secret-3', 'plain secret-3'));
    expect(await sealedUnder(store)).to.deep.include({ keyId: 'olden-days', secrets: 29 });

    const counts = await Promise.all(Array.from({ length: 20 }, () => reseal(store, both)));
    expect(counts.reduce((sum, one) => sum + one, 0)).to.equal(29);
    const fields = (await store.read(ring)) ?? {};
    const fresh = createVault(configWith(newer).vaultKeys);
    for (const name of names) {
      expect(fresh.open('key-ring', name, fields[name] ?? '')).to.equal(`plain ${name}`);
    }
    expect(fields).to.include({ 'life:signing:ES256:1': '{"state":"active"}', set: '4' });
  });

  it('does not take the place of what was changed meanwhile', async () => {
    const ring = store.keys.keyRing();
    await store.call('HSET', ring, 'root', 'later');
    expect(await store.run('ring-reseal', [ring], ['root', 'earlier', 'new'])).to.equal(0);
    expect((await store.read(ring))?.root).to.equal('later');
  });

  it('takes a pod that does not say which keys it has for one that is behind', async () => {
    const seenAt = await store.nowMs();
    await store.call(
      'HSET',
      store.keys.pods(),
      'old-1',
      JSON.stringify({ name: 'old', version: '0', seenAt }),
    );
    expect(await podsBehind(store, 'new-days')).to.deep.equal(['old']);
  });
});
