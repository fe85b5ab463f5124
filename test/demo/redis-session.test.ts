import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { type Harbour, publicUrl, startHarbour } from './harbour.ts';

describe('the demo relying party with its sessions in Redis', () => {
  let directory: string;
  let server: ChildProcess;
  let redis: Redis;
  let harbour: Harbour;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'harbour-'));
    const socket = join(directory, 'redis.sock');
    const options = [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--dir',
      directory,
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    server = spawn('redis-server', options, { stdio: 'ignore' });
    while (!existsSync(socket) && server.exitCode === null) await pause(10);
    redis = new Redis(socket, { maxRetriesPerRequest: 1, retryStrategy: () => 50 });
    redis.on('error', () => {});
  });

  after(async () => {
    redis.disconnect();
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    await rm(directory, { recursive: true });
  });

  beforeEach(async () => {
    await redis.flushall();
    harbour = await startHarbour({ session: { mode: 'redis', redis, keyPrefix: 'harbour:' } });
    await harbour.browser.get('/login');
  });

  afterEach(() => harbour.stop());

  const refreshForm = async () => ({
    method: 'POST',
    body: await harbour.browser.form(),
    headers: { origin: publicUrl },
  });

  it('lets any instance take over at any moment', async () => {
    const { browser, two } = harbour;
    expect((await browser.get('/')).html)
      .to.include('Ada Lovelace')
      .and.include('in Redis, encrypted');
    browser.instance = two;
    expect((await browser.press('/call-api')).html).to.include('&#34;sub&#34;: &#34;ada&#34;');

    const login = await browser.request('/login', {});
    browser.receive(login);
    browser.instance = harbour.one;
    expect((await browser.get(login.headers.get('location') ?? '')).url).to.include('done=signed-in');
  });

  it('keeps only an id in the cookie, and in Redis nothing that can be read or used', async () => {
    const cookies = [...harbour.browser.cookies.values()];
    expect(cookies).to.have.length(1);
    expect(cookies[0]).to.have.length.below(60);

    const keys = await redis.keys('*');
    expect(keys).to.have.length.above(0);
    const id = cookies[0]?.split('~')[1] ?? '';
    for (const key of keys) {
      expect(key)
        .to.match(/^harbour:/)
        .and.not.include(id);
      expect(await redis.ttl(key), key).to.be.above(0);
      const value = (await redis.get(key)) ?? '';
      expect(value.split('.'), key).to.have.length(5);
      expect(value).not.to.include(id);
    }
  });

  it('gives a new id at each sign-in, and ends the old one', async () => {
    const { browser } = harbour;
    const stolen = new Map(browser.cookies);
    await browser.get('/login');
    expect([...browser.cookies.values()]).not.to.deep.equal([...stolen.values()]);

    browser.cookies = stolen;
    expect((await browser.get('/')).html).to.include('Sign in with Holdfast');
  });

  it('does not open a record that was moved to another key', async () => {
    const { browser } = harbour;
    const [mine = ''] = await redis.keys('harbour:session:*');
    const sealed = (await redis.get(mine)) ?? '';
    await browser.press('/forget');
    await browser.get('/login');
    const [other = ''] = await redis.keys('harbour:session:*');
    await redis.set(other, sealed);
    expect((await browser.get('/')).html).to.include('Sign in with Holdfast');
  });

  it('stays signed in when two tabs refresh at once, even where the provider repeats no answer', async () => {
    const { browser, issuer, one, two } = harbour;
    issuer.repeatsAnswers = false;
    const form = await refreshForm();
    browser.instance = one;
    const tabs = [browser.request('/refresh', form), browser.request('/refresh', form)];
    browser.instance = two;
    tabs.push(browser.request('/refresh', form), browser.request('/call-api', form));
    for (const answer of await Promise.all(tabs)) {
      expect(answer.headers.get('location')).to.match(/done=(refreshed|refreshed-elsewhere|called)$/);
      browser.receive(answer);
    }
    expect((await browser.press('/refresh')).url).to.include('done=refreshed');
  });

  it('does not bring back a session that was ended during a refresh', async () => {
    const { browser, issuer } = harbour;
    const form = await refreshForm();
    const hold = Promise.withResolvers<void>();
    issuer.holds['/token'] = hold.promise;
    const before = issuer.requests.length;
    const refresh = browser.request('/refresh', form);
    while (!issuer.requests.slice(before).includes('/token')) await pause(5);
    expect((await browser.request('/forget', form)).headers.get('location')).to.equal('/?done=forgotten');
    hold.resolve();

    const answer = await refresh;
    expect(await answer.text()).to.include('Your sign-in has ended');
    expect(await redis.keys('harbour:session:*')).to.deep.equal([]);
    expect((await browser.get('/')).html).to.include('Sign in with Holdfast');
  });

  it('finishes a login again when its answer never arrived', async () => {
    const { browser } = harbour;
    browser.cookies.clear();
    const login = await browser.request('/login', {});
    browser.receive(login);
    const answer = await fetch(login.headers.get('location') ?? '', { redirect: 'manual' });
    const callback = answer.headers.get('location') ?? '';
    await browser.request(callback, {});
    expect((await browser.get(callback)).url).to.include('done=signed-in');
  });

  it('explains that it cannot look, when Redis is down', async () => {
    const store = new Redis(join(directory, 'nobody.sock'), { lazyConnect: true, maxRetriesPerRequest: 0 });
    store.on('error', () => {});
    const away = await startHarbour({ session: { mode: 'redis', redis: store, keyPrefix: 'harbour:' } });
    try {
      away.browser.cookies = harbour.browser.cookies;
      const page = await away.browser.get('/');
      expect(page.status).to.equal(503);
      expect(page.headers.get('retry-after')).to.equal('2');
      expect(page.html).to.include('cannot look up your sign-in');
      expect((await away.browser.get('/healthz')).status).to.equal(200);
    } finally {
      await away.stop();
      store.disconnect();
    }
  });
});
