import { expect } from 'chai';
import type { Account } from '../../src/accounts/accounts.ts';
import { startStandalone } from '../support/redis-topologies.ts';
import { interrupted } from './account-fixture.ts';
import { flowsOn, killEverywhere, password, usePods } from './flow-fixture.ts';

const browser = 'my-browser';
const address = '192.0.2.1';

describe('verifying the e-mail address of an account', () => {
  const pods = usePods(startStandalone);
  let number = 0;

  async function asked() {
    const made = await pods.first.accounts.create({ email: `person-${++number}@example.com` });
    if (!made.ok) throw new Error(made.problem);
    const { account } = made;
    expect(await pods.flows.verifyEmail.request(account.id, { address })).to.deep.equal({ ok: true });
    return { account, token: pods.mail.token('verify-email', account.email) };
  }

  it('is done by the link that comes to it', async () => {
    const { account, token } = await asked();
    expect(await pods.other.verifyEmail.look(token, '')).to.deep.equal({ ok: true, email: account.email });
    expect((await pods.second.accounts.find(account.id))?.emailVerified).to.equal(false);
    const done = await pods.other.verifyEmail.confirm(token, { browser });
    expect(done.ok && done.account).to.deep.include({ emailVerified: true, epoch: 0, version: 2 });
    expect(await pods.flows.verifyEmail.request(account.id, { address })).to.deep.equal({
      ok: false,
      problem: 'already-verified',
    });
    expect(await pods.flows.verifyEmail.request('nobody', { address })).to.deep.equal({
      ok: false,
      problem: 'not-found',
    });
  });

  it('is done once for twenty at the same moment', async () => {
    const { account, token } = await asked();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? pods.flows : pods.other).verifyEmail.confirm(token, {
          browser: i < 10 ? browser : `b-${i}`,
        }),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok).length).to.be.oneOf([1, 10]);
    expect((await pods.second.accounts.find(account.id))?.version).to.equal(2);
  });

  it('is completed by the same browser wherever the pod was killed', async () => {
    const kills = await killEverywhere(pods.first, pods.mail, {
      prepare: () => asked(),
      step: ({ verifyEmail }, { token }) => verifyEmail.confirm(token, { browser }),
      async check({ account, token }) {
        const done = await pods.other.verifyEmail.confirm(token, { browser });
        expect(done.ok && done.account).to.deep.include({ id: account.id, emailVerified: true, version: 2 });
      },
    });
    expect(kills).to.be.greaterThan(4);
  });

  it('is not done for an account that has another address by now, or ended its sessions', async () => {
    const outdated = { ok: false, problem: 'outdated' };
    const changes: ((account: Account) => Promise<unknown>)[] = [
      ({ id }) =>
        pods.first.store.call('HSET', pods.first.store.keys.account(id), 'email', 'other@example.com'),
      ({ id }) => pods.first.accounts.setPassword(id, password),
    ];
    for (const change of changes) {
      const early = await asked();
      await change(early.account);
      expect(await pods.other.verifyEmail.confirm(early.token, { browser })).to.deep.equal(outdated);
      const late = await asked();
      const pod = interrupted(pods.first.store, 3, async () => {
        await change(late.account);
      });
      const { verifyEmail } = flowsOn(pods.first, pods.mail, {}, pod.store);
      expect(await verifyEmail.confirm(late.token, { browser })).to.deep.equal(outdated);
      expect((await pods.second.accounts.find(late.account.id))?.emailVerified).to.equal(false);
    }
  });

  it('is asked for no more than five times an hour', async () => {
    const { account } = await asked();
    for (let i = 0; i < 4; i++) await pods.flows.verifyEmail.request(account.id, { address });
    expect(await pods.other.verifyEmail.request(account.id, { address })).to.deep.include({
      problem: 'too-many-attempts',
    });
  });
});
