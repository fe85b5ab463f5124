import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { startPod } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { command, issuer, keptIn, makeDirectory, run } from './backup-fixture.ts';

const seeded = 3000;

describe('a backup or restore that is interrupted', () => {
  const { directory, remove } = makeDirectory();
  const whole = join(directory, 'whole.backup');
  let source: Topology;
  let target: Topology;
  let client: Redis;
  let wanted: Map<string, string>;

  before(async function () {
    this.timeout(120_000);
    [source, target] = await Promise.all([
      startStandalone({ appendOnly: false }),
      startStandalone({ appendOnly: false }),
    ]);
    await run(source.url, ['seed', '--accounts', String(seeded)]);
    await run(source.url, ['client', 'create', 'Notes', '--redirect-uri', 'https://notes.example.com/cb']);
    wanted = await keptIn(source.url);
    await run(source.url, ['backup', '--to', whole]);
    client = new Redis(target.url);
  });
  beforeEach(() => client.flushall());
  after(async () => {
    client?.disconnect();
    await Promise.all([source?.stop(), target?.stop()]);
    remove();
  });

  async function expectAll(): Promise<void> {
    const there = await keptIn(target.url);
    const differing = [...wanted].filter(
      ([name, content]) => !/^\{(audit|sessions|k)\}/.test(name) && there.get(name) !== content,
    );
    expect(differing.map(([name]) => name)).to.deep.equal([]);
    expect((await run(target.url, ['audit', 'verify'])).match(/: intact/g)).to.have.lengthOf(2);
    expect(await client.zcard('hf:{accounts}')).to.equal(seeded);
  }

  it('writes on where it was killed, and the file is whole then, and not before', async function () {
    this.timeout(120_000);
    const file = join(directory, 'killed.backup');
    const unfinished = `${file}.unfinished`;
    let args = ['backup', '--to', file];
    let kills = 0;
    for (const size of [100_000, 900_000]) {
      const running = command(source.url, args);
      const isLongEnough = () => existsSync(unfinished) && statSync(unfinished).size >= size;
      const ended = running.ended.then(() => 'ended');
      while (!isLongEnough()) if ((await Promise.race([pause(1), ended])) === 'ended') break;
      await running.stop('SIGKILL');
      if (existsSync(file)) break;
      kills += 1;
      args = ['backup', '--to', file, '--resume'];
    }
    expect(kills).to.be.greaterThan(0);
    expect(await run(source.url, ['backup', 'verify', unfinished], 1)).to.match(/has no end|cut off/);
    expect(await run(source.url, ['backup', '--to', file], 1)).to.include('was interrupted');
    // As a machine that lost power would leave it.
    const torn = readFileSync(unfinished);
    writeFileSync(unfinished, torn.subarray(0, torn.length - 100));
    await run(source.url, args);
    expect(existsSync(unfinished)).to.equal(false);
    await run(target.url, ['restore', '--from', file]);
    await expectAll();
  });

  it('puts in where it was killed; until then no pod starts', async function () {
    this.timeout(120_000);
    let args = ['restore', '--from', whole];
    for (const moment of ['Putting it in', '2 of', 'Making lists']) {
      const running = command(target.url, args);
      await running.prints(moment);
      await pause(args.includes('--resume') ? 60 : 5);
      expect(await running.stop('SIGKILL'), running.output()).to.equal(null);
      args = ['restore', '--from', whole, '--resume'];
      expect(await client.hexists('hf:{schema}', 'restore')).to.equal(1);
    }
    const refused = await startPod({ name: 'early', issuer, redisUrl: target.url }).catch(String);
    expect(refused).to.include('a backup is being put into this Redis');
    expect(await run(target.url, ['account', 'list'], 1)).to.include('a backup is being put into this Redis');
    expect(await run(target.url, ['restore', '--from', whole], 1)).to.include('Go on with --resume');
    await run(target.url, args);
    await expectAll();
    const pod = await startPod({ name: 'late', issuer, redisUrl: target.url });
    await pod.kill('SIGKILL');
    expect(await run(target.url, args, 1)).to.include('nothing to resume');
  });

  it('refuses another file than the one that was begun, and begins anew when it is asked to', async function () {
    this.timeout(120_000);
    const other = join(directory, 'other.backup');
    await run(source.url, ['backup', '--to', other]);
    const running = command(target.url, ['restore', '--from', whole]);
    await running.prints('Putting it in');
    await running.stop('SIGKILL');
    expect(await run(target.url, ['restore', '--from', other, '--resume'], 1)).to.include('of another file');
    const anew = ['restore', '--from', other, '--replace'];
    expect(await run(target.url, anew, 1, 'yes\n')).to.include('That was not it');
    await run(target.url, anew, 0, `${issuer}\n`);
    await expectAll();
  });

  it('refuses a Redis that has data, and keeps that as it is', async function () {
    this.timeout(120_000);
    await run(target.url, ['account', 'create', 'mine@example.com', '--invite']);
    const before = await client.dbsize();
    expect(await run(target.url, ['restore', '--from', whole], 1)).to.include('There is data in this Redis');
    expect(await client.dbsize()).to.equal(before);
    await client.del('hf:{schema}');
    expect(await run(target.url, ['restore', '--from', whole], 1)).to.include('There is data in this Redis');
    expect(await client.dbsize()).to.equal(before - 1);
    await client.set('somebody:elses', '1');
    await run(target.url, ['restore', '--from', whole, '--replace'], 0, `${issuer}\n`);
    expect(await run(target.url, ['account', 'search', 'mine@'])).to.include('No accounts');
    expect(await client.get('somebody:elses')).to.equal('1');
    await expectAll();
  });

  it('refuses while pods run', async function () {
    this.timeout(120_000);
    const pod = await startPod({ name: 'busy', issuer, redisUrl: target.url });
    const replace = ['restore', '--from', whole, '--replace'];
    expect(await run(target.url, replace, 1, `${issuer}\n`)).to.include('Pods are running: busy');
    expect(await client.hexists('hf:{schema}', 'restore')).to.equal(0);
    await pod.kill('SIGKILL');
    await run(target.url, replace, 0, `${issuer}\n`);
  });

  it('refuses a file that was changed or cut off before anything is written', async () => {
    const bad = join(directory, 'bad.backup');
    copyFileSync(whole, bad);
    const bytes = readFileSync(bad);
    writeFileSync(bad, bytes.subarray(0, bytes.length - 10));
    expect(await run(target.url, ['restore', '--from', bad], 1)).to.include('has no end');
    bytes.writeUInt8(bytes.readUInt8(5000) ^ 1, 5000);
    writeFileSync(bad, bytes);
    expect(await run(target.url, ['restore', '--from', bad], 1)).to.include('was changed');
    expect(await client.dbsize()).to.equal(0);
  });

  it('takes a key of its own, without which the file opens for nobody', async () => {
    const keyFile = join(directory, 'key');
    writeFileSync(keyFile, `${Buffer.alloc(32, 9).toString('base64')}\n`);
    const file = join(directory, 'own-key.backup');
    await run(source.url, ['backup', '--to', file, '--key-file', keyFile]);
    expect(await run(source.url, ['backup', 'verify', file], 1)).to.include(
      'the key "file", which is not here',
    );
    expect(await run(source.url, ['backup', 'verify', file, '--key-file', keyFile])).to.include('is whole');
    writeFileSync(keyFile, 'short');
    expect(await run(source.url, ['backup', 'verify', file, '--key-file', keyFile], 1)).to.include(
      '32 random bytes',
    );
  });
});
