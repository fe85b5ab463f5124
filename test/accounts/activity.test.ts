import { expect } from 'chai';
import { createActivity } from '../../src/accounts/activity.ts';
import { Unavailable } from '../../src/errors.ts';
import type { Store } from '../../src/redis/redis.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, openAccounts } from './account-fixture.ts';

describe('the recent activity of an account', () => {
  let redis: Topology;
  let one: AccountFixture;
  let two: AccountFixture;
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    one = await openAccounts(redis.url);
    two = await openAccounts(redis.url, one.prefix);
  });
  after(async () => {
    await Promise.all([one?.close(), two?.close()]);
    await redis?.stop();
  });

  let count = 0;
  async function newAccount(): Promise<string> {
    count += 1;
    const made = await one.accounts.create({ email: `active-${count}@example.org` });
    if (!made.ok) throw new Error(made.problem);
    return made.account.id;
  }

  const pods = () => [createActivity(one), createActivity(two)] as const;

  it('is told by any pod, the latest first, with where it was', async () => {
    const [here, there] = pods();
    const id = await newAccount();
    await here.record(id, 'signed-in', { browser: 'Firefox, Linux', address: '192.0.2.7' });
    await there.record(id, 'factor-added', { what: 'Passkey: Phone' });
    const entries = await here.list(id);
    expect(entries.map(({ kind }) => kind)).to.deep.equal(['factor-added', 'signed-in']);
    expect(entries[1]).to.include({ browser: 'Firefox, Linux', address: '192.0.2.7', count: 1 });
    expect(entries[0]).to.include({ what: 'Passkey: Phone' });
    expect(entries[0]?.at).to.be.closeTo(Date.now(), 10_000);
  });

  it('notes an event once, however often and wherever its request is sent', async () => {
    const id = await newAccount();
    const all = Array.from({ length: 20 }, (_, i) =>
      pods()[i % 2]?.record(id, 'password-changed', {}, { id: 'password-changed:7' }),
    );
    await Promise.all(all);
    await pods()[0].record(id, 'password-changed', {}, { id: 'password-changed:8' });
    expect(await pods()[1].list(id)).to.have.length(2);
  });

  it('keeps the last hundred', async () => {
    const id = await newAccount();
    const [here, there] = pods();
    for (let i = 0; i < 90; i++) await here.record(id, 'session-ended', { what: String(i) });
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? here : there).record(id, 'signed-in')));
    const entries = await here.list(id);
    expect(entries).to.have.length(100);
    expect(entries.filter(({ kind }) => kind === 'signed-in')).to.have.length(20);
    expect(entries.at(-1)?.what).to.equal('10');
  });

  it('counts failed sign-ins by the hour, and lets none of them push anything out', async () => {
    const id = await newAccount();
    const [here, there] = pods();
    await here.record(id, 'password-changed');
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => (i % 2 ? here : there).record(id, 'sign-in-failed')),
    );
    const entries = await here.list(id);
    const failed = entries.filter(({ kind }) => kind === 'sign-in-failed');
    // The hour may have ended in between.
    expect(failed.length).to.be.within(1, 2);
    expect(failed.reduce((sum, entry) => sum + entry.count, 0)).to.equal(300);
    for (const { at } of failed) expect(at % 3_600_000).to.equal(0);
    expect(entries.some(({ kind }) => kind === 'password-changed')).to.equal(true);
  });

  it('forgets what is older than half a year', async () => {
    const id = await newAccount();
    const [here] = pods();
    await here.record(id, 'signed-in');
    const key = one.store.keys.accountActivity(id);
    const fields = (await one.store.read(key)) ?? {};
    const [[field = '', value = ''] = []] = Object.entries(fields);
    const longAgo = String(Date.now() - 181 * 24 * 60 * 60_000).padStart(15, '0');
    await one.store.call('HSET', key, field.replace(/\d{15}/, longAgo), value, `f:${longAgo}`, 3);
    expect(await here.list(id)).to.have.length(3);
    await here.record(id, 'session-ended');
    expect((await here.list(id)).map(({ kind }) => kind)).to.deep.equal(['session-ended', 'signed-in']);
    expect(Number(await one.store.call('PTTL', key))).to.be.within(179 * 86_400_000, 180 * 86_400_000);
  });

  it('leaves nothing of an account that is gone', async () => {
    const id = await newAccount();
    const [here] = pods();
    await one.store.call('HSET', one.store.keys.account(id), 'status', 'deleted');
    await here.record(id, 'signed-in');
    await here.record('no-such-account-at-all', 'sign-in-failed');
    expect(await here.list(id)).to.deep.equal([]);
    expect(await one.store.call('EXISTS', one.store.keys.accountActivity(id))).to.equal(0);
    expect(await here.list('no-such-account-at-all')).to.deep.equal([]);
  });

  it('says nothing in Redis of where somebody was', async () => {
    const id = await newAccount();
    await pods()[0].record(id, 'signed-in', { browser: 'Firefox, Linux', address: '192.0.2.7' });
    const stored = JSON.stringify(await one.store.read(one.store.keys.accountActivity(id)));
    expect(stored).to.not.match(/Firefox|192\.0\.2/);
  });

  it('fails nothing when Redis is away', async () => {
    const id = await newAccount();
    const away: Store = {
      ...one.store,
      run: () => Promise.reject(new Unavailable('away')),
    };
    await createActivity({ ...one, store: away }).record(id, 'signed-in');
    expect(await pods()[0].list(id)).to.deep.equal([]);
  });
});
