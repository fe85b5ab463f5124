import { expect } from 'chai';
import type { Account } from '../../src/accounts/accounts.ts';
import { startCluster, startStandalone } from '../support/redis-topologies.ts';
import { interrupted, letExpire } from './account-fixture.ts';
import { commandsOf, createMailbox, flowsOn, killEverywhere, password, usePods } from './flow-fixture.ts';

const topologies = { 'one Redis': startStandalone, 'a Redis Cluster': startCluster };
const browser = 'my-browser';
const address = '192.0.2.1';

for (const [where, start] of Object.entries(topologies)) {
  describe(`changing the e-mail address on ${where}`, () => {
    const pods = usePods(start);
    let number = 0;

    const freshEmail = () => `person-${++number}@example.com`;

    async function create(more: { password?: string } = {}): Promise<Account> {
      const made = await pods.first.accounts.create({ email: freshEmail(), emailVerified: true, ...more });
      if (!made.ok) throw new Error(made.problem);
      return made.account;
    }

    /** An account with a link that moves it to another address. */
    async function asked(to = freshEmail()) {
      const account = await create();
      expect(await pods.flows.changeEmail.request(account.id, to, { address })).to.deep.equal({ ok: true });
      return { account, to, token: pods.mail.token('confirm-new-email', to) };
    }

    async function moved(more: { password?: string } = {}) {
      const account = await create(more);
      const to = freshEmail();
      await pods.flows.changeEmail.request(account.id, to, { address });
      const done = await pods.flows.changeEmail.confirm(pods.mail.token('confirm-new-email', to), {
        browser,
      });
      if (!done.ok) throw new Error(done.problem);
      return { before: account, to, undo: pods.mail.token('email-changed', account.email) };
    }

    /** One address leads to the account, and one only; it keeps it for good. */
    async function expectOneAddress(id: string, candidates: string[]): Promise<string> {
      const leading: string[] = [];
      for (const email of candidates) {
        if ((await pods.second.accounts.findByEmail(email))?.id === id) leading.push(email);
      }
      expect(leading).to.have.lengthOf(1);
      const [email = ''] = leading;
      expect((await pods.second.accounts.find(id))?.email).to.equal(email);
      expect(await pods.second.store.call('PTTL', pods.second.emailKey(email))).to.equal(-1);
      return email;
    }

    const isFree = async (email: string) => (await pods.second.accounts.create({ email })).ok;

    it('waits for the new address to be confirmed, and tells the old one', async () => {
      const { account, to, token } = await asked();
      expect(pods.mail.all().map(({ kind, to: recipient }) => [kind, recipient])).to.deep.equal([
        ['confirm-new-email', to],
      ]);
      expect((await pods.second.accounts.find(account.id))?.email).to.equal(account.email);
      expect(await pods.other.changeEmail.look(token, '')).to.deep.equal({
        ok: true,
        from: account.email,
        to,
      });
      expect((await pods.second.accounts.find(account.id))?.email).to.equal(account.email);

      const done = await pods.other.changeEmail.confirm(token, { browser });
      expect(done.ok && done.account).to.deep.include({
        id: account.id,
        email: to,
        emailVerified: true,
        epoch: account.epoch,
        version: account.version + 1,
      });
      expect(await expectOneAddress(account.id, [account.email, to])).to.equal(to);
      expect(pods.mail.to(account.email).map(({ kind }) => kind)).to.deep.equal(['email-changed']);
      // For as long as it can be taken back nobody else gets the old address.
      expect(await isFree(account.email)).to.equal(false);
      await letExpire(pods.second.store, [pods.second.emailKey(account.email)]);
      expect(await isFree(account.email)).to.equal(true);
    });

    it('gives a new address to one of twenty accounts that want it at the same moment', async () => {
      const to = freshEmail();
      const movers = [];
      for (let i = 0; i < 20; i++) {
        const account = await create();
        // The limit on mails to one address would stop the sixth, and the tests look for the last mail to it.
        pods.mail = createMailbox();
        const { changeEmail } = flowsOn(pods.first, pods.mail, {
          rules: { mail: { kind: 'window', most: 20, lengthMs: 60_000 } },
        });
        await changeEmail.request(account.id, to, { address });
        movers.push({ account, token: pods.mail.token('confirm-new-email', to) });
      }
      const outcomes = await Promise.all(
        movers.map(({ token }, i) =>
          (i % 2 ? pods.flows : pods.other).changeEmail.confirm(token, { browser: `b-${i}` }),
        ),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      for (const outcome of outcomes) {
        if (!outcome.ok) expect(outcome).to.deep.equal({ ok: false, problem: 'email-taken' });
      }
      for (const [i, { account }] of movers.entries()) {
        expect(await expectOneAddress(account.id, [account.email, to])).to.equal(
          outcomes[i]?.ok ? to : account.email,
        );
      }
    });

    it('does the same once for twenty tries of one browser, and tells of it once', async () => {
      const { account, to, token } = await asked();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? pods.flows : pods.other).changeEmail.confirm(token, { browser }),
        ),
      );
      for (const outcome of outcomes) {
        expect(outcome.ok && outcome.account).to.deep.include({ email: to, version: account.version + 1 });
      }
      expect(pods.mail.to(account.email)).to.have.lengthOf(1);
      expect(await pods.other.changeEmail.confirm(token, { browser: 'another' })).to.deep.equal({
        ok: false,
        problem: 'spent',
      });
    });

    it('is harmless wherever the pod is killed, and completed by the same browser', async () => {
      const kills = await killEverywhere(pods.first, pods.mail, {
        prepare: () => asked(),
        step: ({ changeEmail }, { token }) => changeEmail.confirm(token, { browser }),
        async check({ account, to, token }, at) {
          await expectOneAddress(account.id, [account.email, to]);
          // Neither address goes to anybody else meanwhile.
          expect(await isFree(account.email), `old address, killed before command ${at}`).to.equal(false);
          const done = await pods.other.changeEmail.confirm(token, { browser });
          expect(done.ok, `killed before command ${at}`).to.equal(true);
          expect(await expectOneAddress(account.id, [account.email, to])).to.equal(to);
          expect(pods.mail.to(account.email)).to.have.lengthOf(1);
          const undone = await pods.other.changeEmail.undo(pods.mail.token('email-changed', account.email), {
            browser,
          });
          expect(undone.ok).to.equal(true);
          expect(await expectOneAddress(account.id, [account.email, to])).to.equal(account.email);
        },
      });
      expect(kills).to.be.greaterThan(12);
    });

    it('leaves one owner to each address when somebody else wants the new one wherever the pod stands', async () => {
      const count = (
        await commandsOf(pods.first, pods.mail, async ({ changeEmail }) => {
          const { token } = await asked();
          await changeEmail.confirm(token, { browser });
        })
      ).length;
      let taken = 0;
      for (let at = 0; at < count; at++) {
        const { account, to, token } = await asked();
        let isOther = false;
        const pod = interrupted(pods.first.store, at, async () => {
          // The pod sleeps through whatever runs out by itself.
          await letExpire(pods.second.store, [pods.second.emailKey(to)]);
          isOther = await isFree(to);
        });
        const outcome = await flowsOn(pods.first, pods.mail, {}, pod.store).changeEmail.confirm(token, {
          browser,
        });
        taken += isOther ? 1 : 0;
        if (isOther) expect(outcome).to.deep.equal({ ok: false, problem: 'email-taken' });
        else expect(outcome.ok, `at command ${at}`).to.equal(true);
        const email = await expectOneAddress(account.id, [account.email, to]);
        expect(email).to.equal(isOther ? account.email : to);
        const holder = await pods.second.accounts.findByEmail(to);
        expect(holder?.email).to.equal(to);
        expect(holder?.id === account.id).to.equal(!isOther);
      }
      expect(taken).to.be.within(1, count - 1);
    });

    it('does not bind an address for good to a move that nobody completed', async () => {
      const { account, to } = await asked();
      const { store } = pods.second;
      // As a pod leaves it that was killed after the address was its own, and before the account had it.
      await store.call('SET', pods.second.emailKey(to), account.id);
      const hash = pods.second.ring.hash('email', to);
      const key = store.keys.account(account.id);
      const now = Date.now();
      await store.call('HSET', key, 'otherEmail', hash, 'otherEmailUntil', now + 60_000);
      expect(await isFree(to)).to.equal(false);
      await store.call('HSET', key, 'otherEmailUntil', now - 2 * 60 * 60_000);
      expect(await isFree(to)).to.equal(true);
    });

    it('is not done for an account that is no longer as it was', async () => {
      const outdated = { ok: false, problem: 'outdated' };
      const changes: ((account: Account) => Promise<unknown>)[] = [
        ({ id }) => pods.first.accounts.setStatus(id, 'disabled'),
        ({ id }) => pods.first.accounts.setPassword(id, password),
        ({ id }) => pods.flows.deleteAccount.delete(id),
      ];
      for (const change of changes) {
        const { account, to, token } = await asked();
        await change(account);
        const looked = await pods.other.changeEmail.look(token, browser);
        // With a deleted account its links are gone, too.
        const isThere = (await pods.second.accounts.find(account.id)) !== undefined;
        expect(looked).to.deep.equal(isThere ? outdated : { ok: false, problem: 'gone' });
        expect((await pods.other.changeEmail.confirm(token, { browser })).ok).to.equal(false);
        expect(await pods.second.accounts.findByEmail(to)).to.equal(undefined);
      }
    });

    it('is not done when all sessions are ended between the check and the change', async () => {
      const { account, token } = await asked();
      const count = (
        await commandsOf(pods.first, pods.mail, async ({ changeEmail }) => {
          const one = await asked();
          await changeEmail.confirm(one.token, { browser });
        })
      ).length;
      // Somewhere before the last steps; wherever it is, the account is one or the other.
      for (const at of [1, 2, 3, Math.floor(count / 2)]) {
        const one = at === 1 ? { account, token } : await asked();
        const pod = interrupted(pods.first.store, at, async () => {
          await pods.second.accounts.setPassword(one.account.id, password);
        });
        const outcome = await flowsOn(pods.first, pods.mail, {}, pod.store).changeEmail.confirm(one.token, {
          browser,
        });
        expect(outcome).to.deep.equal({ ok: false, problem: 'outdated' });
        expect((await pods.second.accounts.find(one.account.id))?.email).to.equal(one.account.email);
      }
    });

    it('is not done when the claim ran out, or the account got another address, at the last moment', async () => {
      const changes: Record<string, (account: Account) => Promise<unknown>> = {
        otherEmailUntil: ({ id }) =>
          pods.second.store.call('HSET', pods.second.store.keys.account(id), 'otherEmailUntil', 1),
        otherEmail: ({ id }) =>
          pods.second.store.call('HSET', pods.second.store.keys.account(id), 'otherEmail', 'another'),
        email: ({ id }) =>
          pods.second.store.call('HSET', pods.second.store.keys.account(id), 'email', freshEmail()),
      };
      for (const [field, change] of Object.entries(changes)) {
        const { account, to, token } = await asked();
        const accountKey = pods.second.store.keys.account(account.id);
        const probe = interrupted(pods.first.store, -1, async () => {});
        const one = await asked();
        await flowsOn(pods.first, pods.mail, {}, probe.store).changeEmail.confirm(one.token, { browser });
        const oneKey = pods.second.store.keys.account(one.account.id);
        const last = probe.sent.findLastIndex(
          ({ command, key }) => command === 'account-move-email' && key === oneKey,
        );
        const pod = interrupted(pods.first.store, last, async () => {
          await change(account);
        });
        const outcome = await flowsOn(pods.first, pods.mail, {}, pod.store).changeEmail.confirm(token, {
          browser,
        });
        expect(pod.sent[last]).to.deep.equal({ command: 'account-move-email', key: accountKey });
        expect(outcome, field).to.deep.equal({ ok: false, problem: 'outdated' });
        expect((await pods.second.accounts.find(account.id))?.email).to.not.equal(to);
      }
    });

    it('does not tell who asks whether the new address has an account, but tells its owner', async () => {
      const [account, owner] = [await create(), await create()];
      expect(await pods.flows.changeEmail.request(account.id, owner.email, { address })).to.deep.equal({
        ok: true,
      });
      expect(pods.mail.all().map(({ kind, to }) => [kind, to])).to.deep.equal([
        ['address-already-known', owner.email],
      ]);
      const work = (to: string) =>
        commandsOf(pods.first, pods.mail, ({ changeEmail }) =>
          changeEmail.request(account.id, to, { address }),
        );
      expect(await work(freshEmail())).to.deep.equal(await work(owner.email));
    });

    it('refuses what cannot be an address, a look-alike, and the one that it has', async () => {
      const { id, email } = await create();
      const request = (to: string) => pods.flows.changeEmail.request(id, to, { address });
      expect(await request('nobody')).to.deep.equal({ ok: false, problem: 'email-invalid' });
      expect(await request('ada@аррӏе.com')).to.deep.equal({ ok: false, problem: 'email-look-alike' });
      expect(await request(email)).to.deep.equal({ ok: false, problem: 'same-email' });
      expect(await pods.flows.changeEmail.request('nobody', freshEmail(), { address })).to.deep.equal({
        ok: false,
        problem: 'not-found',
      });
      for (let i = 0; i < 5; i++) await request('often@example.com');
      expect(await request('often@example.com')).to.deep.include({ problem: 'too-many-attempts' });
    });

    it('may change the spelling alone', async () => {
      const { id, email } = await create();
      const to = email.replace('person', 'Person');
      await pods.flows.changeEmail.request(id, to, { address });
      const done = await pods.flows.changeEmail.confirm(pods.mail.token('confirm-new-email', to), {
        browser,
      });
      expect(done.ok && done.account.email).to.equal(to);
      expect((await pods.second.accounts.findByEmail(email))?.id).to.equal(id);
      expect(await pods.second.store.call('PTTL', pods.second.emailKey(email))).to.equal(-1);
    });

    describe('and taking it back', () => {
      it('gives the old address back, ends what is signed in, and mails a link for a new password', async () => {
        const { before, to, undo } = await moved({ password });
        expect(await pods.other.changeEmail.lookUndo(undo, '')).to.deep.equal({
          ok: true,
          from: to,
          to: before.email,
        });
        const undone = await pods.other.changeEmail.undo(undo, { browser });
        expect(undone.ok && undone.account).to.deep.include({
          email: before.email,
          hasPassword: false,
          epoch: before.epoch + 1,
        });
        expect(await expectOneAddress(before.id, [before.email, to])).to.equal(before.email);
        const chosen = 'another password of the owner';
        const reset = await pods.flows.resetPassword.complete(
          pods.mail.token('reset-password', before.email),
          {
            browser,
            password: chosen,
          },
        );
        expect(reset.ok).to.equal(true);
        expect((await pods.second.accounts.checkPassword(before.email, chosen)).ok).to.equal(true);
      });

      it('works also after the one who took the account over moved on, and chose a password', async () => {
        const { before, to, undo } = await moved();
        await pods.first.accounts.setPassword(before.id, 'the password of an attacker');
        const further = freshEmail();
        await pods.flows.changeEmail.request(before.id, further, { address });
        const again = await pods.flows.changeEmail.confirm(pods.mail.token('confirm-new-email', further), {
          browser,
        });
        expect(again.ok && again.account.email).to.equal(further);

        expect((await pods.other.changeEmail.undo(undo, { browser })).ok).to.equal(true);
        expect(await expectOneAddress(before.id, [before.email, to, further])).to.equal(before.email);
        expect(
          (await pods.second.accounts.checkPassword(before.email, 'the password of an attacker')).ok,
        ).to.equal(false);
        // The later change was told to the address in between: that is no way back to the owner's account.
        const later = pods.mail.token('email-changed', to);
        expect(await pods.other.changeEmail.lookUndo(later, browser)).to.deep.equal({
          ok: false,
          problem: 'outdated',
        });
        expect((await pods.other.changeEmail.undo(later, { browser })).ok).to.equal(false);
        expect(await expectOneAddress(before.id, [before.email, to, further])).to.equal(before.email);
      });

      it('gives no way back to the later one of two that are taken back at the same moment', async () => {
        const { before, to, undo } = await moved();
        const further = freshEmail();
        await pods.flows.changeEmail.request(before.id, further, { address });
        await pods.flows.changeEmail.confirm(pods.mail.token('confirm-new-email', further), { browser });
        const later = pods.mail.token('email-changed', to);
        const [own] = await Promise.all([
          pods.flows.changeEmail.undo(undo, { browser }),
          pods.other.changeEmail.undo(later, { browser: 'another' }),
        ]);
        expect(own.ok).to.equal(true);
        expect(await expectOneAddress(before.id, [before.email, to, further])).to.equal(before.email);
      });

      it('stays possible however often the address was changed since', async () => {
        const { before, to, undo } = await moved();
        let [confirmed, refused] = [1, 0];
        for (let i = 0; i < 12; i++) {
          const further = freshEmail();
          await pods.flows.changeEmail.request(before.id, further, { address });
          const done = await pods.flows.changeEmail.confirm(pods.mail.token('confirm-new-email', further), {
            browser,
          });
          if (done.ok) confirmed += 1;
          else expect([++refused, done.problem][1]).to.equal('too-often');
        }
        expect([confirmed, refused]).to.deep.equal([10, 3]);
        expect((await pods.flows.changeEmail.undo(undo, { browser })).ok).to.equal(true);
        expect(await expectOneAddress(before.id, [before.email, to])).to.equal(before.email);
      });

      it('is done once, wherever the pod is killed', async () => {
        const kills = await killEverywhere(pods.first, pods.mail, {
          prepare: () => moved(),
          step: ({ changeEmail }, { undo }) => changeEmail.undo(undo, { browser }),
          async check({ before, to, undo }) {
            await expectOneAddress(before.id, [before.email, to]);
            // The address that it gets back stays its own for as long as before.
            const left = Number(await pods.second.store.call('PTTL', pods.second.emailKey(before.email)));
            expect(left === -1 || left > 24 * 60 * 60_000).to.equal(true);
            const tries = await Promise.all(
              Array.from({ length: 4 }, (_, i) =>
                (i % 2 ? pods.flows : pods.other).changeEmail.undo(undo, { browser }),
              ),
            );
            for (const undone of tries)
              expect(undone.ok && undone.account).to.deep.include({ email: before.email, epoch: 1 });
            expect(await expectOneAddress(before.id, [before.email, to])).to.equal(before.email);
            expect(
              pods.mail.to(before.email).filter(({ kind }) => kind === 'reset-password'),
            ).to.have.lengthOf(1);
          },
        });
        expect(kills).to.be.greaterThan(12);
      });
    });
  });
}
