import { expect } from 'chai';
import { createOneTimeLinks, type LinkPurpose, linkLifetimeMs } from '../../src/accounts/one-time-link.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, openAccounts } from './account-fixture.ts';

describe('links that are mailed', () => {
  let topology: Topology;
  let pods: AccountFixture[];
  let number = 0;

  before(async () => {
    topology = await startStandalone();
    const first = await openAccounts(topology.url);
    pods = [first, await openAccounts(topology.url, first.prefix)];
  });
  after(async () => {
    await Promise.all(pods.map((pod) => pod.close()));
    await topology?.stop();
  });

  const linksOn = (pod: number) => createOneTimeLinks(pods[pod] as AccountFixture);

  function newLink(more: { purpose?: LinkPurpose; subject?: string; seed?: string } = {}) {
    return {
      purpose: 'reset-password' as const,
      subject: `account-${++number}`,
      account: `account-${number}`,
      epoch: 3,
      email: 'ada@example.com',
      payload: { returnTo: 'an-interaction' },
      ...more,
    };
  }

  const use = { browser: 'browser-1', what: 'a new password' };

  it('tell what they were made for, as often as they are looked at', async () => {
    const token = await linksOn(0).make(newLink());
    expect(token).to.match(/^[\w-]{22}\.[\w-]{43}$/);
    for (let i = 0; i < 3; i++) {
      const looked = await linksOn(1).look('reset-password', token);
      expect(looked).to.deep.include({ ok: true, isSpent: false });
      expect(looked.ok && looked.link).to.deep.include({
        account: `account-${number}`,
        epoch: 3,
        email: 'ada@example.com',
        payload: { returnTo: 'an-interaction' },
      });
    }
    expect((await linksOn(1).spend('reset-password', token, use)).ok).to.equal(true);
  });

  it('are spent by exactly one of twenty browsers at the same moment', async () => {
    const token = await linksOn(0).make(newLink());
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        linksOn(i % 2).spend('reset-password', token, { ...use, browser: `browser-${i}` }),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    for (const outcome of outcomes) {
      if (!outcome.ok) expect(outcome).to.deep.equal({ ok: false, problem: 'spent' });
    }
  });

  it('are spent once by a browser without a cookie, which cannot ask again', async () => {
    const token = await linksOn(0).make(newLink());
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        linksOn(i % 2).spend('reset-password', token, { ...use, browser: '' }),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
  });

  it('give the browser that spent them the same completion when it asks again for the same', async () => {
    const token = await linksOn(0).make(newLink());
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => linksOn(i % 2).spend('reset-password', token, use)),
    );
    const completions = new Set(outcomes.map((outcome) => outcome.ok && outcome.completion));
    expect(completions.size).to.equal(1);
    expect(outcomes.filter((outcome) => outcome.ok && !outcome.isAgain)).to.have.lengthOf(1);
    expect(await linksOn(1).look('reset-password', token, use.browser)).to.deep.include({
      ok: true,
      isSpent: true,
    });
  });

  it('are spent for whoever is another browser, or wants something else', async () => {
    const token = await linksOn(0).make(newLink());
    await linksOn(0).spend('reset-password', token, use);
    const spent = { ok: false, problem: 'spent' };
    const spend = (other: Partial<typeof use>) =>
      linksOn(1).spend('reset-password', token, { ...use, ...other });
    expect(await spend({ browser: 'another' })).to.deep.equal(spent);
    expect(await spend({ browser: '' })).to.deep.equal(spent);
    expect(await spend({ what: 'another password' })).to.deep.equal(spent);
    expect(await linksOn(1).look('reset-password', token)).to.deep.equal(spent);
    expect(await linksOn(1).look('reset-password', token, 'another')).to.deep.equal(spent);
  });

  it('can be asked again for no more than ten minutes', async () => {
    const token = await linksOn(0).make(newLink());
    const { store } = pods[0] as AccountFixture;
    const key = store.keys.link(token.split('.')[0] ?? '');
    expect(await store.call('PTTL', key)).to.be.within(29 * 60_000, linkLifetimeMs['reset-password']);
    await linksOn(0).spend('reset-password', token, use);
    expect(await store.call('PTTL', key)).to.be.within(9 * 60_000, 10 * 60_000);
    await store.call('PEXPIRE', key, 1);
    while ((await store.call('EXISTS', key)) === 1) await new Promise((again) => setImmediate(again));
    expect(await linksOn(0).spend('reset-password', token, use)).to.deep.equal({
      ok: false,
      problem: 'gone',
    });
  });

  it('end the older ones of the same purpose and subject, and no others', async () => {
    const link = newLink();
    const first = await linksOn(0).make(link);
    const other = await linksOn(0).make({ ...link, purpose: 'verify-email' });
    const second = await linksOn(1).make(link);
    const superseded = { ok: false, problem: 'superseded' };
    expect(await linksOn(0).look('reset-password', first)).to.deep.equal(superseded);
    expect(await linksOn(0).spend('reset-password', first, use)).to.deep.equal(superseded);
    expect((await linksOn(0).spend('reset-password', second, use)).ok).to.equal(true);
    expect((await linksOn(0).spend('verify-email', other, use)).ok).to.equal(true);
  });

  it('leave exactly one that works when twenty are made at the same moment', async () => {
    const link = newLink();
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => linksOn(i % 2).make(link)));
    const outcomes = await Promise.all(
      tokens.map((token, i) => linksOn(i % 2).spend('reset-password', token, use)),
    );
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
  });

  it('are the same when they are made again from the same seed, and stay spent', async () => {
    const link = newLink({ seed: 'a completion' });
    const token = await linksOn(0).make(link);
    expect(await linksOn(1).make(link)).to.equal(token);
    await linksOn(0).spend('reset-password', token, use);
    expect(await linksOn(1).make(link)).to.equal(token);
    expect(await linksOn(0).spend('reset-password', token, { ...use, browser: 'another' })).to.deep.equal({
      ok: false,
      problem: 'spent',
    });
    expect(await linksOn(1).make({ ...link, seed: 'another' })).to.not.equal(token);
  });

  it('are good for their own purpose only, and end when they are told to', async () => {
    const link = newLink();
    const token = await linksOn(0).make(link);
    const gone = { ok: false, problem: 'gone' };
    for (const wrong of ['', 'x', `${token}x`, '../x', `${'a'.repeat(22)}.${'b'.repeat(43)}`]) {
      expect(await linksOn(0).look('reset-password', wrong)).to.deep.equal(gone);
      expect(await linksOn(0).spend('reset-password', wrong, use)).to.deep.equal(gone);
    }
    expect((await linksOn(0).spend('verify-email', token, use)).ok).to.equal(false);
    expect((await linksOn(0).look('reset-password', token)).ok).to.equal(true);
    await linksOn(1).end('reset-password', link.subject);
    expect(await linksOn(0).look('reset-password', token)).to.deep.equal(gone);
  });

  it('cannot be read or made from what lies in Redis', async () => {
    const token = await linksOn(0).make(newLink());
    await linksOn(0).spend('reset-password', token, use);
    const { store } = pods[0] as AccountFixture;
    const record = JSON.stringify(await store.read(store.keys.link(token.split('.')[0] ?? '')));
    for (const secret of [
      token,
      token.split('.')[1] ?? '',
      'ada@',
      'browser-1',
      'a new password',
      'an-inter',
    ])
      expect(record).to.not.contain(secret);
  });
});
