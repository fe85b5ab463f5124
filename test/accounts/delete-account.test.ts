import { expect } from 'chai';
import { type Account, mintAccountId } from '../../src/accounts/accounts.ts';
import { Unavailable } from '../../src/errors.ts';
import { Change } from '../../src/redis/change.ts';
import { startCluster, startStandalone } from '../support/redis-topologies.ts';
import { interrupted } from './account-fixture.ts';
import { commandsOf, flowsOn, killEverywhere, password, usePods } from './flow-fixture.ts';

const topologies = { 'one Redis': startStandalone, 'a Redis Cluster': startCluster };
const address = '192.0.2.1';

for (const [where, start] of Object.entries(topologies)) {
  describe(`deleting an account on ${where}`, () => {
    const pods = usePods(start);
    let number = 0;

    async function create(): Promise<Account> {
      const made = await pods.first.accounts.create({
        email: `zebedee-${++number}@example.com`,
        name: `Zebedee-${number}-Quick`,
        locale: 'de',
      });
      if (!made.ok) throw new Error(made.problem);
      const { id } = made.account;
      const { keys } = pods.first.store;
      await pods.first.store.call('HSET', keys.accountFactors(id), 'factor', 'Zebedee’s telephone');
      await pods.first.store.call('HSET', keys.accountBrowsers(id), 'browser', 'record');
      await pods.first.store.call('HSET', keys.accountUpstreams(id), 'upstream', 'record');
      await pods.first.store.call('ZADD', keys.accountSignedIn(id), 1, 'session');
      await pods.first.store.call('XADD', keys.accountActivity(id), '*', 'what', 'signed in');
      return made.account;
    }

    /** Every key of this provider, wherever it lies, with what is in it. */
    async function everything(): Promise<string> {
      const { client } = pods.first.store.handle;
      const nodes = 'nodes' in client ? client.nodes('master') : [client];
      const found: string[] = [];
      for (const node of nodes) {
        for (const key of await node.keys(`${pods.first.prefix}*`)) {
          const read = { hash: 'HGETALL', string: 'GET', zset: 'ZRANGE', stream: 'XRANGE' }[
            await node.type(key)
          ];
          const range = read === 'ZRANGE' ? ['0', '-1'] : read === 'XRANGE' ? ['-', '+'] : [];
          found.push(key, JSON.stringify(await node.call(read ?? 'TYPE', [key, ...range])));
        }
      }
      return found.join('\n');
    }

    async function expectGone({ id, email }: Account): Promise<void> {
      expect(await pods.second.accounts.find(id)).to.equal(undefined);
      expect(await pods.second.accounts.findByEmail(email)).to.equal(undefined);
      expect(await pods.second.accounts.present(id)).to.equal(undefined);
      const change = new Change();
      pods.second.accounts.requireEpoch(change, id, 0);
      expect((await pods.second.store.commit(change)).ok).to.equal(false);
      expect(
        (await pods.second.accounts.list({ count: 1000 })).accounts.some((one) => one.id === id),
      ).to.equal(false);
    }

    it('leaves a tombstone and nothing personal, and frees the address', async () => {
      const account = await create();
      const { id, email } = account;
      expect(await everything())
        .to.contain('Zebedee')
        .and.contain(email);
      expect(await pods.flows.deleteAccount.delete(id)).to.deep.equal({ ok: true });
      await expectGone(account);
      const left = await everything();
      for (const personal of ['Zebedee', email, 'signed in', 'session'])
        expect(left).to.not.contain(personal);
      // The tombstone is all that names it.
      expect(left.split('\n').filter((line) => line.includes(id))).to.deep.equal([
        pods.first.store.keys.account(id),
      ]);
      expect(await pods.first.store.read(pods.first.store.keys.account(id))).to.deep.equal({
        status: 'deleted',
      });
      expect(await pods.first.store.call('PTTL', pods.first.store.keys.account(id))).to.be.greaterThan(0);
      expect(pods.mail.to(email)).to.deep.equal([
        { kind: 'account-deleted', to: email, locale: 'de', values: {} },
      ]);
      expect((await pods.second.accounts.create({ email })).ok).to.equal(true);
    });

    it('is done once, and tells of it once, when it is asked for twenty times at once', async () => {
      const account = await create();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? pods.flows : pods.other).deleteAccount.delete(account.id),
        ),
      );
      expect(outcomes.every(({ ok }) => ok)).to.equal(true);
      await expectGone(account);
      expect(pods.mail.to(account.email)).to.have.lengthOf(1);
      const next = await pods.second.accounts.create({ email: account.email });
      await pods.flows.deleteAccount.delete(account.id);
      expect((await pods.second.accounts.findByEmail(account.email))?.id).to.equal(
        next.ok && next.account.id,
      );
    });

    it('is finished by asking again, wherever the pod was killed', async () => {
      let taken = 0;
      const kills = await killEverywhere(pods.first, pods.mail, {
        prepare: () => create(),
        step: ({ deleteAccount }, { id }) => deleteAccount.delete(id),
        async check(account, at) {
          // Whole or gone, never in between.
          const found = await pods.second.accounts.find(account.id);
          expect((await pods.second.accounts.findByEmail(account.email))?.id).to.equal(found?.id);
          // Somebody may have the address already before it is finished.
          const early = await pods.second.accounts.create({ email: account.email });
          if (early.ok) taken += 1;
          await pods.other.deleteAccount.delete(account.id);
          expect(await pods.second.accounts.find(account.id)).to.equal(undefined);
          expect(pods.mail.to(account.email), `killed before command ${at}`).to.have.lengthOf(1);
          const next = early.ok ? early : await pods.second.accounts.create({ email: account.email });
          expect((await pods.second.accounts.findByEmail(account.email))?.id).to.equal(
            next.ok && next.account.id,
          );
        },
      });
      expect(kills).to.be.greaterThan(15);
      expect(taken).to.be.within(1, kills - 1);
    });

    it('is finished by asking again for the version that was seen, wherever the pod was killed', async () => {
      const kills = await killEverywhere(pods.first, pods.mail, {
        prepare: () => create(),
        step: ({ deleteAccount }, { id, version }) => deleteAccount.deleteVersion(id, version),
        async check(account, at) {
          const found = await pods.second.accounts.find(account.id);
          // Nothing of it shows before it is gone.
          if (found) expect(found, `killed before command ${at}`).to.deep.equal(account);
          const again = await pods.other.deleteAccount.deleteVersion(account.id, account.version);
          expect(again).to.deep.equal({ ok: true });
          expect(await pods.second.accounts.find(account.id)).to.equal(undefined);
          expect(pods.mail.to(account.email), `killed before command ${at}`).to.have.lengthOf(1);
        },
      });
      expect(kills).to.be.greaterThan(15);
    });

    it('is not of another version than was seen, nor of one that comes in between', async () => {
      const stale = { ok: false, problem: 'changed' };
      const account = await create();
      const seen = account.version;
      expect(await pods.flows.deleteAccount.deleteVersion(account.id, seen + 1)).to.deep.equal(stale);
      const changeIt = async (id: string) => {
        const made = await pods.second.accounts.updateProfile(id, seen, { nickname: 'Meanwhile' });
        expect(made.ok).to.equal(true);
      };
      const { deleteAccount } = flowsOn(pods.first, pods.mail, { leave: [changeIt] });
      expect(await deleteAccount.deleteVersion(account.id, seen)).to.deep.equal(stale);
      expect((await pods.second.accounts.find(account.id))?.nickname).to.equal('Meanwhile');
      // Nor does a sweep take up what was refused.
      const leaving = pods.first.store.keys.accountsLeaving();
      expect(await pods.first.store.call('ZSCORE', leaving, account.id)).to.equal(null);
    });

    it('is finished by whichever pod sweeps, when nobody asks again', async () => {
      const left: Account[] = [];
      await killEverywhere(pods.first, pods.mail, {
        prepare: () => create(),
        step: ({ deleteAccount }, { id }) => deleteAccount.delete(id),
        check: async (account) => {
          left.push(account);
        },
      });
      // Not what another pod may still be at.
      expect(await pods.other.deleteAccount.sweep()).to.equal(0);
      const leaving = pods.first.store.keys.accountsLeaving();
      const ids = (await pods.first.store.call('ZRANGE', leaving, 0, -1)) as string[];
      expect(ids.length).to.be.greaterThan(10);
      for (const id of ids) await pods.first.store.call('ZADD', leaving, 1, id);
      await Promise.all([pods.flows.deleteAccount.sweep(), pods.other.deleteAccount.sweep()]);
      expect(await pods.first.store.call('ZRANGE', leaving, 0, -1)).to.deep.equal([]);
      for (const account of left) {
        if (ids.includes(account.id)) await expectGone(account);
      }
      expect(await pods.other.deleteAccount.sweep()).to.equal(0);
    });

    it('lets the others end what they keep of it first, and again when it was not finished', async () => {
      const seen: string[] = [];
      let isBroken = true;
      const account = await create();
      const leave = async (id: string) => {
        seen.push(id);
        expect(await pods.second.accounts.find(id)).to.not.equal(undefined);
        if (isBroken) throw new Unavailable('not now');
      };
      const { deleteAccount } = flowsOn(pods.first, pods.mail, { leave: [leave] });
      const error = await deleteAccount.delete(account.id).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Unavailable);
      isBroken = false;
      await deleteAccount.delete(account.id);
      expect(seen).to.deep.equal([account.id, account.id]);
      await expectGone(account);
    });

    it('is not undone by what is still in flight', async () => {
      const account = await create();
      const to = `new-${account.email}`;
      await pods.flows.changeEmail.request(account.id, to, { address });
      await pods.flows.resetPassword.request(account.email, { address });
      await pods.flows.resetPassword.settled();
      await pods.flows.verifyEmail.request(account.id, { address });
      const tokens = {
        change: pods.mail.token('confirm-new-email', to),
        reset: pods.mail.token('reset-password', account.email),
        verify: pods.mail.token('verify-email', account.email),
      };
      await pods.other.deleteAccount.delete(account.id);
      const from = { browser: 'b' };
      expect((await pods.flows.changeEmail.confirm(tokens.change, from)).ok).to.equal(false);
      expect((await pods.flows.resetPassword.complete(tokens.reset, { ...from, password })).ok).to.equal(
        false,
      );
      expect((await pods.flows.verifyEmail.confirm(tokens.verify, from)).ok).to.equal(false);
      expect((await pods.first.accounts.setStatus(account.id, 'active')).ok).to.equal(false);
      expect((await pods.first.accounts.setPassword(account.id, password)).ok).to.equal(false);
      expect((await pods.first.accounts.updateProfile(account.id, 1, { name: 'Zebedee' })).ok).to.equal(
        false,
      );
      const again = await pods.first.accounts
        .create({ id: account.id, email: account.email })
        .catch((reason: unknown) => reason);
      expect(again).to.be.instanceOf(Unavailable);
      await expectGone(account);
      expect(await everything()).to.not.contain(account.name);
    });

    it('frees the address that it holds besides its own', async () => {
      const account = await create();
      const to = `other-${account.email}`;
      await pods.flows.changeEmail.request(account.id, to, { address });
      await pods.flows.changeEmail.confirm(pods.mail.token('confirm-new-email', to), { browser: 'b' });
      const undo = pods.mail.token('email-changed', account.email);
      expect((await pods.other.changeEmail.lookUndo(undo, '')).ok).to.equal(true);
      await pods.flows.deleteAccount.delete(account.id);
      expect(await pods.other.changeEmail.lookUndo(undo, '')).to.deep.equal({ ok: false, problem: 'gone' });
      for (const email of [account.email, to]) {
        expect((await pods.second.accounts.create({ email })).ok).to.equal(true);
      }
    });

    it('frees every address also when the account moves to another one meanwhile', async () => {
      const commands = await commandsOf(pods.first, pods.mail, async ({ deleteAccount }) => {
        await deleteAccount.delete((await create()).id);
      });
      for (let at = 0; at < commands.length; at++) {
        const account = await create();
        const to = `other-${account.email}`;
        await pods.flows.changeEmail.request(account.id, to, { address });
        const token = pods.mail.token('confirm-new-email', to);
        const pod = interrupted(pods.first.store, at, async () => {
          await pods.other.changeEmail.confirm(token, { browser: 'b' });
        });
        await flowsOn(pods.first, pods.mail, {}, pod.store).deleteAccount.delete(account.id);
        await expectGone(account);
        // Neither is held by who is gone.
        for (const email of [account.email, to]) {
          expect(
            await pods.second.store.readText(pods.second.emailKey(email)),
            `at command ${at}`,
          ).to.not.equal(account.id);
        }
        for (const email of [account.email, to]) {
          expect((await pods.second.accounts.create({ email })).ok, `${email} at command ${at}`).to.equal(
            true,
          );
        }
      }
    });

    it('of nobody is ok', async () => {
      expect(await pods.flows.deleteAccount.delete(mintAccountId())).to.deep.equal({ ok: true });
      expect(await pods.flows.deleteAccount.delete('*')).to.deep.equal({ ok: true });
    });
  });
}
