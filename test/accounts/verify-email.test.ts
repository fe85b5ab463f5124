import { expect } from 'chai';
import type { Account } from '../../src/accounts/accounts.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, interrupted, openAccounts } from './account-fixture.ts';
import {
  createMailbox,
  type Flows,
  flowsOn,
  killEverywhere,
  type Mailbox,
  password,
} from './flow-fixture.ts';

const browser = 'my-browser';
const address = '192.0.2.1';

describe('verifying the e-mail address of an account', () => {
  let topology: Topology;
  let first: AccountFixture;
  let second: AccountFixture;
  let mail: Mailbox;
  let flows: Flows;
  let other: Flows;
  let number = 0;

  before(async () => {
    topology = await startStandalone();
    first = await openAccounts(topology.url);
    second = await openAccounts(topology.url, first.prefix);
  });
  beforeEach(() => {
    mail = createMailbox();
    flows = flowsOn(first, mail);
    other = flowsOn(second, mail);
  });
  after(async () => {
    await Promise.all([first?.close(), second?.close()]);
    await topology?.stop();
  });

  async function asked() {
    const made = await first.accounts.create({ email: `person-${++number}@example.com` });
    if (!made.ok) throw new Error(made.problem);
    const { account } = made;
    expect(await flows.verifyEmail.request(account.id, { address })).to.deep.equal({ ok: true });
    return { account, token: mail.token('verify-email', account.email) };
  }

  it('is done by the link that comes to it', async () => {
    const { account, token } = await asked();
    expect(await other.verifyEmail.look(token, '')).to.deep.equal({ ok: true, email: account.email });
    expect((await second.accounts.find(account.id))?.emailVerified).to.equal(false);
    const done = await other.verifyEmail.confirm(token, { browser });
    expect(done.ok && done.account).to.deep.include({ emailVerified: true, epoch: 0, version: 2 });
    expect(await flows.verifyEmail.request(account.id, { address })).to.deep.equal({
      ok: false,
      problem: 'already-verified',
    });
    expect(await flows.verifyEmail.request('nobody', { address })).to.deep.equal({
      ok: false,
      problem: 'not-found',
    });
  });

  it('is done once for twenty at the same moment', async () => {
    const { account, token } = await asked();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? flows : other).verifyEmail.confirm(token, { browser: i < 10 ? browser : `b-${i}` }),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok).length).to.be.oneOf([1, 10]);
    expect((await second.accounts.find(account.id))?.version).to.equal(2);
  });

  it('is completed by the same browser wherever the pod was killed', async () => {
    const kills = await killEverywhere(first, mail, {
      prepare: () => asked(),
      step: ({ verifyEmail }, { token }) => verifyEmail.confirm(token, { browser }),
      async check({ account, token }) {
        const done = await other.verifyEmail.confirm(token, { browser });
        expect(done.ok && done.account).to.deep.include({ id: account.id, emailVerified: true, version: 2 });
      },
    });
    expect(kills).to.be.greaterThan(4);
  });

  it('is not done for an account that has another address by now, or ended its sessions', async () => {
    const outdated = { ok: false, problem: 'outdated' };
    const changes: ((account: Account) => Promise<unknown>)[] = [
      ({ id }) => first.store.call('HSET', first.store.keys.account(id), 'email', 'other@example.com'),
      ({ id }) => first.accounts.setPassword(id, password),
    ];
    for (const change of changes) {
      const early = await asked();
      await change(early.account);
      expect(await other.verifyEmail.confirm(early.token, { browser })).to.deep.equal(outdated);
      const late = await asked();
      const pod = interrupted(first.store, 3, async () => {
        await change(late.account);
      });
      const { verifyEmail } = flowsOn(first, mail, {}, pod.store);
      expect(await verifyEmail.confirm(late.token, { browser })).to.deep.equal(outdated);
      expect((await second.accounts.find(late.account.id))?.emailVerified).to.equal(false);
    }
  });

  it('is asked for no more than five times an hour', async () => {
    const { account } = await asked();
    for (let i = 0; i < 4; i++) await flows.verifyEmail.request(account.id, { address });
    expect(await other.verifyEmail.request(account.id, { address })).to.deep.include({
      problem: 'too-many-attempts',
    });
  });
});
