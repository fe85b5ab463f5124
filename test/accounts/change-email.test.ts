import { expect } from 'chai';
import type { Account } from '../../src/accounts/accounts.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, interrupted, letExpire, openAccounts } from './account-fixture.ts';
import {
  commandsOf,
  createMailbox,
  type Flows,
  flowsOn,
  killEverywhere,
  type Mailbox,
  password,
} from './flow-fixture.ts';

const topologies = { 'one Redis': startStandalone, 'a Redis Cluster': startCluster };
const browser = 'my-browser';
const address = '192.0.2.1';

for (const [where, start] of Object.entries(topologies)) {
  describe(`changing the e-mail address on ${where}`, () => {
    let topology: Topology;
    let first: AccountFixture;
    let second: AccountFixture;
    let mail: Mailbox;
    let flows: Flows;
    let other: Flows;
    let number = 0;

    before(async () => {
      topology = await start();
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

    const freshEmail = () => `person-${++number}@example.com`;

    async function create(more: { password?: string } = {}): Promise<Account> {
      const made = await first.accounts.create({ email: freshEmail(), emailVerified: true, ...more });
      if (!made.ok) throw new Error(made.problem);
      return made.account;
    }

    /** An account with a link that moves it to another address. */
    async function asked(to = freshEmail()) {
      const account = await create();
      expect(await flows.changeEmail.request(account.id, to, { address })).to.deep.equal({ ok: true });
      return { account, to, token: mail.token('confirm-new-email', to) };
    }

    async function moved(more: { password?: string } = {}) {
      const account = await create(more);
      const to = freshEmail();
      await flows.changeEmail.request(account.id, to, { address });
      const done = await flows.changeEmail.confirm(mail.token('confirm-new-email', to), { browser });
      if (!done.ok) throw new Error(done.problem);
      return { before: account, to, undo: mail.token('email-changed', account.email) };
    }

    /** One address leads to the account, and one only; it keeps it for good. */
    async function expectOneAddress(id: string, candidates: string[]): Promise<string> {
      const leading: string[] = [];
      for (const email of candidates) {
        if ((await second.accounts.findByEmail(email))?.id === id) leading.push(email);
      }
      expect(leading).to.have.lengthOf(1);
      const [email = ''] = leading;
      expect((await second.accounts.find(id))?.email).to.equal(email);
      expect(await second.store.call('PTTL', second.emailKey(email))).to.equal(-1);
      return email;
    }

    const isFree = async (email: string) => (await second.accounts.create({ email })).ok;

    it('waits for the new address to be confirmed, and tells the old one', async () => {
      const { account, to, token } = await asked();
      expect(mail.all().map(({ kind, to: recipient }) => [kind, recipient])).to.deep.equal([
        ['confirm-new-email', to],
      ]);
      expect((await second.accounts.find(account.id))?.email).to.equal(account.email);
      expect(await other.changeEmail.look(token, '')).to.deep.equal({ ok: true, from: account.email, to });
      expect((await second.accounts.find(account.id))?.email).to.equal(account.email);

      const done = await other.changeEmail.confirm(token, { browser });
      expect(done.ok && done.account).to.deep.include({
        id: account.id,
        email: to,
        emailVerified: true,
        epoch: account.epoch,
        version: account.version + 1,
      });
      expect(await expectOneAddress(account.id, [account.email, to])).to.equal(to);
      expect(mail.to(account.email).map(({ kind }) => kind)).to.deep.equal(['email-changed']);
      // For as long as it can be taken back nobody else gets the old address.
      expect(await isFree(account.email)).to.equal(false);
      await letExpire(second.store, [second.emailKey(account.email)]);
      expect(await isFree(account.email)).to.equal(true);
    });

    it('gives a new address to one of twenty accounts that want it at the same moment', async () => {
      const to = freshEmail();
      const movers = [];
      for (let i = 0; i < 20; i++) {
        const account = await create();
        // The limit on mails to one address would stop the sixth, and the tests look for the last mail to it.
        mail = createMailbox();
        const { changeEmail } = flowsOn(first, mail, {
          rules: { mail: { kind: 'window', most: 20, lengthMs: 60_000 } },
        });
        await changeEmail.request(account.id, to, { address });
        movers.push({ account, token: mail.token('confirm-new-email', to) });
      }
      const outcomes = await Promise.all(
        movers.map(({ token }, i) =>
          (i % 2 ? flows : other).changeEmail.confirm(token, { browser: `b-${i}` }),
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
        Array.from({ length: 20 }, (_, i) => (i % 2 ? flows : other).changeEmail.confirm(token, { browser })),
      );
      for (const outcome of outcomes) {
        expect(outcome.ok && outcome.account).to.deep.include({ email: to, version: account.version + 1 });
      }
      expect(mail.to(account.email)).to.have.lengthOf(1);
      expect(await other.changeEmail.confirm(token, { browser: 'another' })).to.deep.equal({
        ok: false,
        problem: 'spent',
      });
    });

    it('is harmless wherever the pod is killed, and completed by the same browser', async () => {
      const kills = await killEverywhere(first, mail, {
        prepare: () => asked(),
        step: ({ changeEmail }, { token }) => changeEmail.confirm(token, { browser }),
        async check({ account, to, token }, at) {
          await expectOneAddress(account.id, [account.email, to]);
          // Neither address goes to anybody else meanwhile.
          expect(await isFree(account.email), `old address, killed before command ${at}`).to.equal(false);
          const done = await other.changeEmail.confirm(token, { browser });
          expect(done.ok, `killed before command ${at}`).to.equal(true);
          expect(await expectOneAddress(account.id, [account.email, to])).to.equal(to);
          expect(mail.to(account.email)).to.have.lengthOf(1);
          const undone = await other.changeEmail.undo(mail.token('email-changed', account.email), {
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
        await commandsOf(first, mail, async ({ changeEmail }) => {
          const { token } = await asked();
          await changeEmail.confirm(token, { browser });
        })
      ).length;
      let taken = 0;
      for (let at = 0; at < count; at++) {
        const { account, to, token } = await asked();
        let isOther = false;
        const pod = interrupted(first.store, at, async () => {
          // The pod sleeps through whatever runs out by itself.
          await letExpire(second.store, [second.emailKey(to)]);
          isOther = await isFree(to);
        });
        const outcome = await flowsOn(first, mail, {}, pod.store).changeEmail.confirm(token, { browser });
        taken += isOther ? 1 : 0;
        if (isOther) expect(outcome).to.deep.equal({ ok: false, problem: 'email-taken' });
        else expect(outcome.ok, `at command ${at}`).to.equal(true);
        const email = await expectOneAddress(account.id, [account.email, to]);
        expect(email).to.equal(isOther ? account.email : to);
        const holder = await second.accounts.findByEmail(to);
        expect(holder?.email).to.equal(to);
        expect(holder?.id === account.id).to.equal(!isOther);
      }
      expect(taken).to.be.within(1, count - 1);
    });

    it('does not bind an address for good to a move that nobody completed', async () => {
      const { account, to } = await asked();
      const { store } = second;
      // As a pod leaves it that was killed after the address was its own, and before the account had it.
      await store.call('SET', second.emailKey(to), account.id);
      const hash = second.ring.hash('email', to);
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
        ({ id }) => first.accounts.setStatus(id, 'disabled'),
        ({ id }) => first.accounts.setPassword(id, password),
        ({ id }) => flows.deleteAccount.delete(id),
      ];
      for (const change of changes) {
        const { account, to, token } = await asked();
        await change(account);
        const looked = await other.changeEmail.look(token, browser);
        // With a deleted account its links are gone, too.
        const isThere = (await second.accounts.find(account.id)) !== undefined;
        expect(looked).to.deep.equal(isThere ? outdated : { ok: false, problem: 'gone' });
        expect((await other.changeEmail.confirm(token, { browser })).ok).to.equal(false);
        expect(await second.accounts.findByEmail(to)).to.equal(undefined);
      }
    });

    it('is not done when all sessions are ended between the check and the change', async () => {
      const { account, token } = await asked();
      const count = (
        await commandsOf(first, mail, async ({ changeEmail }) => {
          const one = await asked();
          await changeEmail.confirm(one.token, { browser });
        })
      ).length;
      // Somewhere before the last steps; wherever it is, the account is one or the other.
      for (const at of [1, 2, 3, Math.floor(count / 2)]) {
        const one = at === 1 ? { account, token } : await asked();
        const pod = interrupted(first.store, at, async () => {
          await second.accounts.setPassword(one.account.id, password);
        });
        const outcome = await flowsOn(first, mail, {}, pod.store).changeEmail.confirm(one.token, { browser });
        expect(outcome).to.deep.equal({ ok: false, problem: 'outdated' });
        expect((await second.accounts.find(one.account.id))?.email).to.equal(one.account.email);
      }
    });

    it('is not done when the claim ran out, or the account got another address, at the last moment', async () => {
      const changes: Record<string, (account: Account) => Promise<unknown>> = {
        otherEmailUntil: ({ id }) =>
          second.store.call('HSET', second.store.keys.account(id), 'otherEmailUntil', 1),
        otherEmail: ({ id }) =>
          second.store.call('HSET', second.store.keys.account(id), 'otherEmail', 'another'),
        email: ({ id }) => second.store.call('HSET', second.store.keys.account(id), 'email', freshEmail()),
      };
      for (const [field, change] of Object.entries(changes)) {
        const { account, to, token } = await asked();
        const accountKey = second.store.keys.account(account.id);
        const probe = interrupted(first.store, -1, async () => {});
        const one = await asked();
        await flowsOn(first, mail, {}, probe.store).changeEmail.confirm(one.token, { browser });
        const oneKey = second.store.keys.account(one.account.id);
        const last = probe.sent.findLastIndex(
          ({ command, key }) => command === 'account-move-email' && key === oneKey,
        );
        const pod = interrupted(first.store, last, async () => {
          await change(account);
        });
        const outcome = await flowsOn(first, mail, {}, pod.store).changeEmail.confirm(token, { browser });
        expect(pod.sent[last]).to.deep.equal({ command: 'account-move-email', key: accountKey });
        expect(outcome, field).to.deep.equal({ ok: false, problem: 'outdated' });
        expect((await second.accounts.find(account.id))?.email).to.not.equal(to);
      }
    });

    it('does not tell who asks whether the new address has an account, but tells its owner', async () => {
      const [account, owner] = [await create(), await create()];
      expect(await flows.changeEmail.request(account.id, owner.email, { address })).to.deep.equal({
        ok: true,
      });
      expect(mail.all().map(({ kind, to }) => [kind, to])).to.deep.equal([
        ['address-already-known', owner.email],
      ]);
      const work = (to: string) =>
        commandsOf(first, mail, ({ changeEmail }) => changeEmail.request(account.id, to, { address }));
      expect(await work(freshEmail())).to.deep.equal(await work(owner.email));
    });

    it('refuses what cannot be an address, a look-alike, and the one that it has', async () => {
      const { id, email } = await create();
      const request = (to: string) => flows.changeEmail.request(id, to, { address });
      expect(await request('nobody')).to.deep.equal({ ok: false, problem: 'email-invalid' });
      expect(await request('ada@аррӏе.com')).to.deep.equal({ ok: false, problem: 'email-look-alike' });
      expect(await request(email)).to.deep.equal({ ok: false, problem: 'same-email' });
      expect(await flows.changeEmail.request('nobody', freshEmail(), { address })).to.deep.equal({
        ok: false,
        problem: 'not-found',
      });
      for (let i = 0; i < 5; i++) await request('often@example.com');
      expect(await request('often@example.com')).to.deep.include({ problem: 'too-many-attempts' });
    });

    it('may change the spelling alone', async () => {
      const { id, email } = await create();
      const to = email.replace('person', 'Person');
      await flows.changeEmail.request(id, to, { address });
      const done = await flows.changeEmail.confirm(mail.token('confirm-new-email', to), { browser });
      expect(done.ok && done.account.email).to.equal(to);
      expect((await second.accounts.findByEmail(email))?.id).to.equal(id);
      expect(await second.store.call('PTTL', second.emailKey(email))).to.equal(-1);
    });

    describe('and taking it back', () => {
      it('gives the old address back, ends what is signed in, and mails a link for a new password', async () => {
        const { before, to, undo } = await moved({ password });
        expect(await other.changeEmail.lookUndo(undo, '')).to.deep.equal({
          ok: true,
          from: to,
          to: before.email,
        });
        const undone = await other.changeEmail.undo(undo, { browser });
        expect(undone.ok && undone.account).to.deep.include({
          email: before.email,
          hasPassword: false,
          epoch: before.epoch + 1,
        });
        expect(await expectOneAddress(before.id, [before.email, to])).to.equal(before.email);
        const chosen = 'another password of the owner';
        const reset = await flows.resetPassword.complete(mail.token('reset-password', before.email), {
          browser,
          password: chosen,
        });
        expect(reset.ok).to.equal(true);
        expect((await second.accounts.checkPassword(before.email, chosen)).ok).to.equal(true);
      });

      it('works also after the one who took the account over moved on, and chose a password', async () => {
        const { before, to, undo } = await moved();
        await first.accounts.setPassword(before.id, 'the password of an attacker');
        const further = freshEmail();
        await flows.changeEmail.request(before.id, further, { address });
        const again = await flows.changeEmail.confirm(mail.token('confirm-new-email', further), { browser });
        expect(again.ok && again.account.email).to.equal(further);

        expect((await other.changeEmail.undo(undo, { browser })).ok).to.equal(true);
        expect(await expectOneAddress(before.id, [before.email, to, further])).to.equal(before.email);
        expect(
          (await second.accounts.checkPassword(before.email, 'the password of an attacker')).ok,
        ).to.equal(false);
        // The later change was told to the address in between: that is no way back to the owner's account.
        const later = mail.token('email-changed', to);
        expect(await other.changeEmail.lookUndo(later, browser)).to.deep.equal({
          ok: false,
          problem: 'outdated',
        });
        expect((await other.changeEmail.undo(later, { browser })).ok).to.equal(false);
        expect(await expectOneAddress(before.id, [before.email, to, further])).to.equal(before.email);
      });

      it('gives no way back to the later one of two that are taken back at the same moment', async () => {
        const { before, to, undo } = await moved();
        const further = freshEmail();
        await flows.changeEmail.request(before.id, further, { address });
        await flows.changeEmail.confirm(mail.token('confirm-new-email', further), { browser });
        const later = mail.token('email-changed', to);
        const [own] = await Promise.all([
          flows.changeEmail.undo(undo, { browser }),
          other.changeEmail.undo(later, { browser: 'another' }),
        ]);
        expect(own.ok).to.equal(true);
        expect(await expectOneAddress(before.id, [before.email, to, further])).to.equal(before.email);
      });

      it('stays possible however often the address was changed since', async () => {
        const { before, to, undo } = await moved();
        let [confirmed, refused] = [1, 0];
        for (let i = 0; i < 12; i++) {
          const further = freshEmail();
          await flows.changeEmail.request(before.id, further, { address });
          const done = await flows.changeEmail.confirm(mail.token('confirm-new-email', further), { browser });
          if (done.ok) confirmed += 1;
          else expect([++refused, done.problem][1]).to.equal('too-often');
        }
        expect([confirmed, refused]).to.deep.equal([10, 3]);
        expect((await flows.changeEmail.undo(undo, { browser })).ok).to.equal(true);
        expect(await expectOneAddress(before.id, [before.email, to])).to.equal(before.email);
      });

      it('is done once, wherever the pod is killed', async () => {
        const kills = await killEverywhere(first, mail, {
          prepare: () => moved(),
          step: ({ changeEmail }, { undo }) => changeEmail.undo(undo, { browser }),
          async check({ before, to, undo }) {
            await expectOneAddress(before.id, [before.email, to]);
            // The address that it gets back stays its own for as long as before.
            const left = Number(await second.store.call('PTTL', second.emailKey(before.email)));
            expect(left === -1 || left > 24 * 60 * 60_000).to.equal(true);
            const tries = await Promise.all(
              Array.from({ length: 4 }, (_, i) =>
                (i % 2 ? flows : other).changeEmail.undo(undo, { browser }),
              ),
            );
            for (const undone of tries)
              expect(undone.ok && undone.account).to.deep.include({ email: before.email, epoch: 1 });
            expect(await expectOneAddress(before.id, [before.email, to])).to.equal(before.email);
            expect(mail.to(before.email).filter(({ kind }) => kind === 'reset-password')).to.have.lengthOf(1);
          },
        });
        expect(kills).to.be.greaterThan(12);
      });
    });
  });
}
