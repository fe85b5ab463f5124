import { expect } from 'chai';
import { type Account, mintAccountId } from '../../src/accounts/accounts.ts';
import { Unavailable } from '../../src/errors.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';
import {
  type AccountFixture,
  accountsOn,
  interrupted,
  Killed,
  letExpire,
  openAccounts,
} from './account-fixture.ts';

const topologies = { 'one Redis': startStandalone, 'a Redis Cluster': startCluster };

for (const [where, start] of Object.entries(topologies)) {
  describe(`creating accounts on ${where}`, () => {
    let topology: Topology;
    let first: AccountFixture;
    let second: AccountFixture;
    let number = 0;

    before(async () => {
      topology = await start();
      first = await openAccounts(topology.url);
      second = await openAccounts(topology.url, first.prefix);
    });
    after(async () => {
      await Promise.all([first?.close(), second?.close()]);
      await topology?.stop();
    });

    const freshEmail = () => `person-${++number}@example.com`;

    async function listed(): Promise<Account[]> {
      return (await second.accounts.list({ count: 1000 })).accounts;
    }

    /** Whatever else happened: one account has the address, it is whole, and it is listed once. */
    async function expectOneAccount(email: string): Promise<Account> {
      const account = await second.accounts.findByEmail(email);
      if (!account) throw new Error('no account has the address');
      expect(await second.accounts.find(account.id)).to.deep.equal(account);
      expect((await second.accounts.present(account.id))?.epoch).to.be.a('number');
      expect((await listed()).filter((one) => one.email === email)).to.deep.equal([account]);
      expect(await second.store.call('PTTL', second.emailKey(email))).to.equal(-1);
      expect(await second.store.call('PTTL', second.store.keys.account(account.id))).to.equal(-1);
      return account;
    }

    async function isCreated(
      fixture: AccountFixture,
      account: { id?: string; email: string },
    ): Promise<boolean> {
      const outcome = await fixture.accounts.create(account);
      if (!outcome.ok) expect(outcome.problem).to.equal('email-taken');
      return outcome.ok;
    }

    /** How many commands one creation sends; a pod can be killed before each of them, and after the last. */
    async function countCommands(): Promise<number> {
      const probe = interrupted(first.store, -1, async () => {});
      await accountsOn(probe.store, first).create({ email: freshEmail() });
      expect(probe.count()).to.be.greaterThan(4);
      return probe.count();
    }

    async function createKilledAt(command: number, account: { id?: string; email: string }): Promise<void> {
      const pod = interrupted(first.store, command, async () => {
        throw new Killed();
      });
      const error = await accountsOn(pod.store, first)
        .create(account)
        .catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Killed);
    }

    it('makes exactly one of twenty that want the same address at the same moment', async () => {
      const email = freshEmail();
      const passwords = Array.from({ length: 20 }, (_, i) => `this is the password number ${i}`);
      const outcomes = await Promise.all(
        passwords.map((password, i) =>
          (i % 2 ? first : second).accounts.create({ email: i % 3 ? email : email.toUpperCase(), password }),
        ),
      );
      const made = outcomes.flatMap((outcome, i) => (outcome.ok ? [{ account: outcome.account, i }] : []));
      expect(made).to.have.lengthOf(1);
      for (const outcome of outcomes) {
        if (!outcome.ok) expect(outcome).to.deep.equal({ ok: false, problem: 'email-taken' });
      }
      const [winner] = made;
      const signedIn = await first.accounts.checkPassword(email, passwords[winner?.i ?? -1] ?? '');
      expect(signedIn.ok && signedIn.account).to.deep.equal(winner?.account);
      expect(
        (await first.accounts.checkPassword(email, passwords[winner?.i === 0 ? 1 : 0] ?? '')).ok,
      ).to.equal(false);
      expect((await listed()).filter((one) => one.email.toLowerCase() === email)).to.have.lengthOf(1);
    });

    it('is completed by a second try, wherever the pod was killed', async () => {
      const commands = await countCommands();
      for (let at = 0; at < commands; at++) {
        const draft = { id: mintAccountId(), email: freshEmail() };
        await createKilledAt(at, draft);
        expect(await isCreated(second, draft), `killed before command ${at}`).to.equal(true);
        const account = await expectOneAccount(draft.email);
        expect(account.id).to.equal(draft.id);
      }
    });

    it('gives the same account however often it is tried again', async () => {
      const draft = { id: mintAccountId(), email: freshEmail() };
      const tries = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (i % 2 ? first : second).accounts.create(draft)),
      );
      const account = await expectOneAccount(draft.email);
      for (const outcome of tries) expect(outcome).to.deep.equal({ ok: true, account });
      expect(await second.accounts.create(draft)).to.deep.equal({ ok: true, account });
      // Not even a try that is killed puts at risk what the account has.
      await createKilledAt(1, draft);
      expect(await second.store.call('PTTL', second.emailKey(draft.email))).to.equal(-1);
    });

    it('shows nothing or a whole account, wherever the pod was killed', async () => {
      const commands = await countCommands();
      for (let at = 0; at < commands; at++) {
        const draft = { id: mintAccountId(), email: freshEmail() };
        await createKilledAt(at, draft);
        // Seen by id or in the list before anybody asks by the address.
        const found = await second.accounts.find(draft.id);
        expect((await second.accounts.present(draft.id))?.epoch !== undefined).to.equal(found !== undefined);
        expect((await listed()).some(({ id }) => id === draft.id)).to.equal(found !== undefined);
        expect((await second.accounts.present(draft.id))?.claims?.sub).to.equal(found?.id);
        if (found) expect(await expectOneAccount(draft.email)).to.deep.equal(found);
        // What nobody may see runs out by itself.
        else expect(await second.store.call('PTTL', second.store.keys.account(draft.id))).to.not.equal(-1);
      }
    });

    it('leaves the address to the next when the killed pod got no further than the reservation', async () => {
      const draft = { id: mintAccountId(), email: freshEmail() };
      await createKilledAt(1, draft);
      const key = second.emailKey(draft.email);
      expect(await second.store.readText(key)).to.equal(draft.id);
      expect(await second.store.call('PTTL', key)).to.be.within(1, 60_000);

      expect(await second.accounts.findByEmail(draft.email)).to.equal(undefined);
      expect(await isCreated(second, { email: draft.email })).to.equal(false);
      await letExpire(second.store, [key]);
      expect(await isCreated(second, { email: draft.email })).to.equal(true);
      expect((await expectOneAccount(draft.email)).id).to.not.equal(draft.id);
    });

    it('blocks an address for no longer than the reservation, wherever the pod was killed', async () => {
      const commands = await countCommands();
      for (let at = 0; at < commands; at++) {
        const draft = { id: mintAccountId(), email: freshEmail() };
        await createKilledAt(at, draft);
        await letExpire(second.store, [second.emailKey(draft.email), second.store.keys.account(draft.id)]);
        const isNew = await isCreated(second, { email: draft.email });
        const account = await expectOneAccount(draft.email);
        // Taken means taken: by the account of the killed pod, and by nothing that is not there.
        expect(account.id === draft.id).to.equal(!isNew);
      }
    });

    it('of a killed pod is completed by whoever asks for the address, while the reservation holds', async () => {
      const commands = await countCommands();
      let completed = 0;
      for (let at = 2; at < commands; at++) {
        const draft = { id: mintAccountId(), email: freshEmail() };
        await createKilledAt(at, draft);
        expect(await isCreated(second, { email: draft.email })).to.equal(false);
        const stored = await second.store.read(second.store.keys.account(draft.id));
        if (!stored) continue;
        completed += 1;
        expect((await expectOneAccount(draft.email)).id).to.equal(draft.id);
      }
      expect(completed).to.be.greaterThan(2);
    });

    it('gives way to another when the pod slept through its reservation', async () => {
      const commands = await countCommands();
      let gaveWay = 0;
      for (let at = 1; at < commands; at++) {
        const draft = { id: mintAccountId(), email: freshEmail() };
        let isOther = false;
        const pod = interrupted(first.store, at, async () => {
          await letExpire(second.store, [second.emailKey(draft.email)]);
          isOther = await isCreated(second, { email: draft.email });
        });
        const outcome = await accountsOn(pod.store, first).create(draft);
        expect(outcome.ok).to.equal(!isOther);
        if (!outcome.ok) expect(outcome.problem).to.equal('email-taken');
        gaveWay += isOther ? 1 : 0;
        const account = await expectOneAccount(draft.email);
        expect(account.id === draft.id).to.equal(!isOther);
        if (isOther) expect(await second.accounts.find(draft.id)).to.equal(undefined);
      }
      expect(gaveWay).to.be.within(1, commands - 2);
    });

    it('asks to be tried again when the reservation ran out and nobody took the address', async () => {
      const draft = { id: mintAccountId(), email: freshEmail() };
      const pod = interrupted(first.store, 1, () => letExpire(second.store, [second.emailKey(draft.email)]));
      const error = await accountsOn(pod.store, first)
        .create(draft)
        .catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Unavailable);
      expect(await second.accounts.find(draft.id)).to.equal(undefined);
      expect(await isCreated(second, draft)).to.equal(true);
      await expectOneAccount(draft.email);
    });

    it('does not lose the address to one who looked before its account was written', async () => {
      const draft = { id: mintAccountId(), email: freshEmail() };
      await createKilledAt(1, draft);
      const other = { id: mintAccountId(), email: draft.email };
      // The other has found a reservation without an account when the first try is completed.
      const pod = interrupted(first.store, 4, async () => {
        expect(await isCreated(second, draft)).to.equal(true);
      });
      expect(await accountsOn(pod.store, first).create(other)).to.deep.equal({
        ok: false,
        problem: 'email-taken',
      });
      expect(pod.sent.map(({ command }) => command)).to.deep.equal([
        ...['account-hold-email', 'readText', 'PTTL', 'read'],
        'account-hold-email',
      ]);
      expect((await expectOneAccount(draft.email)).id).to.equal(draft.id);
    });

    it('is answered only after the address, the list and the account are held durably', async () => {
      const id = mintAccountId();
      const email = freshEmail();
      const pod = interrupted(first.store, -1, async () => {});
      await accountsOn(pod.store, first).create({ id, email });
      const { keys } = first.store;
      for (const key of [first.emailKey(email), keys.accountList(), keys.account(id)]) {
        const commands = pod.sent.filter((one) => one.key === key).map(({ command }) => command);
        expect(commands.at(-1), commands.join(', ')).to.equal('settle');
      }
    });

    it('frees an address that is held for good by an account that is not there', async () => {
      const email = freshEmail();
      await second.store.call('SET', second.emailKey(email), mintAccountId());
      expect(await second.accounts.findByEmail(email)).to.equal(undefined);
      expect(await isCreated(first, { email })).to.equal(true);
      await expectOneAccount(email);
    });

    it('does not take an address that merely points at an account for that account’s own', async () => {
      const [email, other] = [freshEmail(), freshEmail()];
      const made = await first.accounts.create({ email, password: 'a password for the first' });
      if (!made.ok) throw new Error(made.problem);
      await second.store.call('SET', second.emailKey(other), made.account.id);
      expect(await second.accounts.findByEmail(other)).to.equal(undefined);
      expect((await second.accounts.checkPassword(other, 'a password for the first')).ok).to.equal(false);
      expect(await isCreated(second, { email: other })).to.equal(true);
      expect((await expectOneAccount(email)).id).to.equal(made.account.id);
      expect((await expectOneAccount(other)).id).to.not.equal(made.account.id);
    });

    it('makes a reservation permanent when it meets one of an account that is there', async () => {
      const email = freshEmail();
      await isCreated(first, { email });
      await second.store.call('PEXPIRE', second.emailKey(email), 60_000);
      expect((await second.accounts.findByEmail(email))?.email).to.equal(email);
      const { id } = await expectOneAccount(email);

      await second.accounts.setStatus(id, 'disabled');
      await second.store.call('PEXPIRE', second.emailKey(email), 60_000);
      expect((await second.accounts.findByEmail(email))?.status).to.equal('disabled');
      expect(await second.store.call('PTTL', second.emailKey(email))).to.equal(-1);
    });

    it('refuses an id that has another address', async () => {
      const id = mintAccountId();
      await isCreated(first, { id, email: freshEmail() });
      const error = await first.accounts
        .create({ id, email: freshEmail() })
        .catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Error).and.not.instanceOf(Unavailable);
    });
  });
}
