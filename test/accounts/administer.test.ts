import { expect } from 'chai';
import { TOTP } from 'otpauth';
import { type Account, type Accounts, mintAccountId } from '../../src/accounts/accounts.ts';
import {
  type AccountPatch,
  type AdministerAccounts,
  createAdministerAccounts,
} from '../../src/accounts/administer.ts';
import { createDirectory } from '../../src/accounts/directory.ts';
import { createFactors, type Factors } from '../../src/accounts/factors.ts';
import { createNewPasswords } from '../../src/accounts/new-password.ts';
import type { Store } from '../../src/redis/redis.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';
import {
  type AccountFixture,
  before as beforeCommand,
  interrupted,
  Killed,
  moment,
  openAccounts,
} from './account-fixture.ts';
import { createMailbox, flowsOn } from './flow-fixture.ts';

const topologies = { 'one Redis': startStandalone, 'a Redis Cluster': startCluster };
const password = 'correct horse battery staple';
const otherPassword = 'nine boats in a quiet harbour';

for (const [where, start] of Object.entries(topologies)) {
  describe(`administering accounts on ${where}`, () => {
    let topology: Topology;
    let first: AccountFixture;
    let second: AccountFixture;
    let administer: AdministerAccounts;
    let other: AdministerAccounts;
    let factors: Factors;
    let number = 0;

    before(async () => {
      topology = await start();
    });
    beforeEach(async () => {
      first = await openAccounts(topology.url);
      second = await openAccounts(topology.url, first.prefix);
      administer = administerOn(first);
      other = administerOn(second);
      factors = createFactors({ ...first, config: { issuer: 'https://id.example.com' } });
    });
    afterEach(() => Promise.all([first.close(), second.close()]));
    after(() => topology?.stop());

    function administerOn(pod: AccountFixture, store: Store = pod.store): AdministerAccounts {
      return createAdministerAccounts({ ...pod, store, passwords: createNewPasswords(pod) });
    }

    async function create(account: Partial<Parameters<Accounts['create']>[0]> = {}): Promise<Account> {
      const made = await first.accounts.create({ email: `person-${++number}@example.com`, ...account });
      if (!made.ok) throw new Error(made.problem);
      return made.account;
    }

    it('changes what a patch names, and nothing else, and tells what was before', async () => {
      const account = await create({ name: 'Ada', nickname: 'A', emailVerified: true, roles: ['auditor'] });
      const patch: AccountPatch = {
        profile: { name: 'Ada Lovelace', nickname: '' },
        roles: ['owner', 'auditor', 'owner'],
        groups: ['staff'],
        emailVerified: false,
      };
      const changed = await administer.update(account.id, account.version, patch);
      const { nickname: _gone, ...rest } = account;
      const now = {
        ...rest,
        ...{ name: 'Ada Lovelace', roles: ['auditor', 'owner'], groups: ['staff'], emailVerified: false },
        version: account.version + 1,
      };
      if (!changed.ok) throw new Error(changed.problem);
      expect(changed.before).to.deep.equal(account);
      expect(changed.account).to.deep.equal({ ...now, updatedAt: changed.account.updatedAt });
      expect(await second.accounts.find(account.id)).to.deep.equal(changed.account);

      const cleared = await other.update(account.id, undefined, { groups: [], endsSessions: true });
      if (!cleared.ok) throw new Error(cleared.problem);
      expect(cleared.account).to.not.have.property('groups');
      expect(cleared.account.epoch).to.equal(account.epoch + 1);
    });

    it('refuses what does not fit, what has changed, and who is not there, and changes nothing', async () => {
      const account = await create({ name: 'Ada' });
      const taken = await create();
      const cases: [patch: AccountPatch, problem: string, version?: number][] = [
        [{ profile: { name: 'x\ny' } }, 'profile-invalid'],
        [{ profile: { website: 'javascript:alert(1)' }, roles: ['auditor'] }, 'profile-invalid'],
        [{ email: 'nobody' }, 'email-invalid'],
        [{ email: taken.email.toUpperCase(), roles: ['auditor'] }, 'email-taken'],
        [{ profile: { name: 'Other' } }, 'changed', account.version + 1],
        [{ email: 'free@example.com' }, 'changed', account.version - 1],
        [{ emailVerified: true }, 'changed', 0],
      ];
      for (const [patch, problem, version] of cases) {
        const outcome = await administer.update(account.id, version, patch);
        expect(outcome.ok ? 'ok' : outcome.problem, JSON.stringify(patch)).to.equal(problem);
      }
      expect(await first.accounts.find(account.id)).to.deep.equal(account);
      for (const id of [mintAccountId(), '*', '../x']) {
        const tries = [
          administer.update(id, undefined, { roles: ['auditor'] }),
          administer.setStatus(id, undefined, 'disabled'),
          administer.setPassword(id, password, { mustChange: true }),
          administer.expirePassword(id, undefined),
          administer.removeFactor(id, 'r'),
          administer.resetFactors(id),
        ];
        for (const outcome of await Promise.all(tries)) {
          expect(outcome).to.deep.equal({ ok: false, problem: 'not-found' });
        }
      }
    });

    it('lets one of twenty through that have all seen the same version', async () => {
      const { id, version } = await create({ name: 'Ada' });
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => {
          const on = i % 2 ? administer : other;
          if (i % 4 === 3) return on.update(id, version, { email: `a-${i}@example.com` });
          if (i % 4 === 2) return on.setStatus(id, version, 'disabled');
          return on.update(id, version, { profile: { name: `Ada ${i}` }, emailVerified: true });
        }),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect((await first.accounts.find(id))?.version).to.equal(version + 1);
    });

    it('makes all changes of twenty that name no version, one after another', async () => {
      const { id, version } = await create();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? administer : other).update(id, undefined, { groups: [`g${i}`] }),
        ),
      );
      const versions = outcomes.map((one) => (one.ok ? one.account.version : 0)).sort((a, b) => a - b);
      expect(versions).to.deep.equal(Array.from({ length: 20 }, (_, i) => version + 1 + i));
      for (const one of outcomes) if (one.ok) expect(one.before.version).to.equal(one.account.version - 1);
    });

    it('moves an address at once, frees the old one, and leaves no way back', async () => {
      const mail = createMailbox();
      const flows = flowsOn(first, mail);
      const account = await create({ email: 'first@example.com', password, emailVerified: true });
      await flows.changeEmail.request(account.id, 'thief@example.com', { address: '192.0.2.1' });
      await flows.changeEmail.confirm(mail.token('confirm-new-email', 'thief@example.com'), { browser: 'b' });
      await flows.changeEmail.request(account.id, 'thief2@example.com', { address: '192.0.2.1' });
      await flows.changeEmail.confirm(mail.token('confirm-new-email', 'thief2@example.com'), {
        browser: 'b',
      });

      const moved = await administer.update(account.id, undefined, { email: 'Mine@Example.com' });
      if (!moved.ok) throw new Error(moved.problem);
      expect(moved.before.email).to.equal('thief2@example.com');
      expect(moved.account).to.include({ email: 'Mine@example.com', emailVerified: false });
      expect((await second.accounts.findByEmail('mine@example.com'))?.id).to.equal(account.id);
      expect(await second.accounts.findByEmail('thief2@example.com')).to.equal(undefined);
      expect((await create({ email: 'thief2@example.com' })).id).to.not.equal(account.id);
      // Not even by the link that the thief got for the first of its addresses.
      const undo = mail.token('email-changed', 'thief@example.com');
      expect(await flows.changeEmail.lookUndo(undo, 'b')).to.deep.equal({ ok: false, problem: 'outdated' });
      expect((await first.accounts.checkPassword('mine@example.com', password)).ok).to.equal(true);
    });

    it('moves the address of a disabled account, with all else in the same change', async () => {
      const account = await create({ emailVerified: true });
      await administer.setStatus(account.id, undefined, 'disabled');
      const moved = await administer.update(account.id, account.version + 1, {
        email: 'moved@example.com',
        emailVerified: true,
        profile: { name: 'Moved' },
        endsSessions: true,
      });
      if (!moved.ok) throw new Error(moved.problem);
      expect(moved.account).to.include({ email: 'moved@example.com', emailVerified: true, name: 'Moved' });
      expect(moved.account).to.include({ version: account.version + 2, epoch: account.epoch + 2 });
      const [found] = (await createDirectory(second).search({ text: 'moved@' })).accounts;
      expect(found).to.deep.equal(moved.account);
    });

    it('gives an address to one of twenty accounts that are to have it', async () => {
      const accounts = await Promise.all(Array.from({ length: 20 }, () => create()));
      const outcomes = await Promise.all(
        accounts.map(({ id }, i) =>
          (i % 2 ? administer : other).update(id, undefined, { email: 'wanted@example.com' }),
        ),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      for (const one of outcomes) if (!one.ok) expect(one.problem).to.equal('email-taken');
      const winner = outcomes.findIndex(({ ok }) => ok);
      expect((await first.accounts.findByEmail('wanted@example.com'))?.id).to.equal(accounts[winner]?.id);
    });

    it('leaves an account that one address leads to, wherever a pod is killed in a move', async () => {
      for (let at = 0; ; at++) {
        const account = await create({ email: `from-${at}@example.com` });
        const pod = interrupted(first.store, at, async () => {
          throw new Killed();
        });
        await administerOn(first, pod.store)
          .update(account.id, undefined, { email: `to-${at}@example.com` })
          .catch((error: unknown) => expect(error).to.be.instanceOf(Killed));
        const now = await second.accounts.find(account.id);
        expect((await second.accounts.findByEmail(now?.email ?? ''))?.id, `before ${at}`).to.equal(
          account.id,
        );
        const again = await other.update(account.id, undefined, { email: `to-${at}@example.com` });
        expect(again.ok, `killed before command ${at}`).to.equal(true);
        if (pod.count() <= at) break;
      }
    });

    it('disables and enables, and ends what was signed in when it disables', async () => {
      const { id, epoch } = await create({ password });
      const disabled = await administer.setStatus(id, undefined, 'disabled');
      expect(disabled.ok && disabled.account).to.include({ status: 'disabled', epoch: epoch + 1 });
      expect(disabled.ok && disabled.before.status).to.equal('active');
      const enabled = await administer.setStatus(id, undefined, 'active');
      expect(enabled.ok && enabled.account).to.include({ status: 'active', epoch: epoch + 1 });
    });

    it('sets a password that must be changed, expires one, and both end with one that its person chose', async () => {
      const mail = createMailbox();
      const flows = flowsOn(first, mail);
      const { id, email, epoch } = await create({ password });
      const short = await administer.setPassword(id, 'short', { mustChange: true });
      expect(short).to.include({ ok: false, problem: 'password-too-short' });
      const set = await administer.setPassword(id, otherPassword, { mustChange: true });
      expect(set.ok && set.account).to.include({ mustChangePassword: true, epoch: epoch + 1 });
      const checked = await second.accounts.checkPassword(email, otherPassword);
      expect(checked.ok && checked.account.mustChangePassword).to.equal(true);
      await first.accounts.setPassword(id, password);
      expect(await first.accounts.find(id)).to.not.have.property('mustChangePassword');

      const expired = await administer.expirePassword(id, undefined);
      expect(expired.ok && expired.account).to.include({ mustChangePassword: true, epoch: epoch + 3 });
      expect((await first.accounts.checkPassword(email, password)).ok).to.equal(true);
      await flows.resetPassword.request(email, { address: '192.0.2.1' });
      await flows.resetPassword.settled();
      const token = mail.token('reset-password', email);
      expect(
        (await flows.resetPassword.complete(token, { browser: 'b', password: otherPassword })).ok,
      ).to.equal(true);
      expect(await first.accounts.find(id)).to.not.have.property('mustChangePassword');

      await administer.expirePassword(id, undefined);
      const final = await administer.setPassword(id, password, { mustChange: false });
      expect(final.ok && final.account).to.not.have.property('mustChangePassword');
    });

    async function withTotp(account: Account): Promise<string> {
      const { sealed, uri } = factors.totp.begin(account.id, account.email);
      const totp = new TOTP({ secret: new URL(uri).searchParams.get('secret') ?? '' });
      const confirmed = await factors.totp.confirm(account.id, sealed, totp.generate());
      if (!confirmed.ok) throw new Error(confirmed.problem);
      await factors.recoveryCodes.replace(account.id);
      const now = await first.accounts.find(account.id);
      const trusted = await factors.browsers.trust(account.id, {
        ...{ epoch: now?.epoch ?? 0, isStrong: true, userAgent: undefined },
      });
      expect(trusted).to.not.equal(undefined);
      return confirmed.factor.id;
    }

    it('takes one factor away, with the browsers that were trusted for it, and ends what is signed in', async () => {
      const account = await create();
      const factorId = await withTotp(account);
      const { epoch = 0, version = 0 } = (await first.accounts.find(account.id)) ?? {};
      expect((await administer.removeFactor(account.id, factorId, version - 1)).ok).to.equal(false);
      expect(await administer.removeFactor(account.id, 't:other')).to.include({ problem: 'not-found' });
      expect(await administer.removeFactor(account.id, '')).to.include({ problem: 'not-found' });
      const removed = await administer.removeFactor(account.id, factorId, version);
      expect(removed.ok && removed.account).to.include({ epoch: epoch + 1, version: version + 1 });
      expect(removed.ok && removed.before.version).to.equal(version);
      expect((await factors.list(account.id)).map(({ kind }) => kind)).to.deep.equal(['recovery-codes']);
      const { keys } = first.store;
      expect(await first.store.call('EXISTS', keys.accountBrowsers(account.id))).to.equal(0);
    });

    it('resets all factors, also the last way in, and keeps the address', async () => {
      const account = await create();
      await withTotp(account);
      const passkey = { kind: 'passkey', name: 'Key', createdAt: 1, credentialId: 'x', publicKey: 'x' };
      const { keys } = first.store;
      await first.store.call('HSET', keys.accountFactors(account.id), 'w:x', JSON.stringify(passkey));
      const reset = await administer.resetFactors(account.id);
      expect(reset.ok && reset.account.email).to.equal(account.email);
      expect(await factors.list(account.id)).to.deep.equal([]);
      expect(await first.store.call('EXISTS', keys.accountBrowsers(account.id))).to.equal(0);
      expect((await administer.resetFactors(account.id)).ok).to.equal(true);
    });

    describe('and the last owner', () => {
      const owners = async () =>
        (await createDirectory(second).search({ role: 'owner', status: 'active' })).accounts.map(
          ({ id }) => id,
        );

      it('keeps one of ten that all take the role from each other at the same moment', async () => {
        for (let round = 0; round < 3; round++) {
          const before = await owners();
          const made = await Promise.all(Array.from({ length: 10 }, () => create({ roles: ['owner'] })));
          for (const id of before) await administer.update(id, undefined, { roles: [] });
          const flows = [flowsOn(first, createMailbox()), flowsOn(second, createMailbox())];
          const outcomes = await Promise.all(
            made.map(({ id }, i) => {
              const on = i % 2 ? administer : other;
              if (i % 3 === 0) return on.setStatus(id, undefined, 'disabled');
              if (i % 3 === 1) return flows[i % 2]?.deleteAccount.delete(id);
              return on.update(id, undefined, {
                roles: ['auditor'],
                email: `was-owner-${number}-${i}@example.com`,
              });
            }),
          );
          const refused = outcomes.filter((one) => one && !one.ok);
          expect(refused).to.have.lengthOf(1);
          expect(refused[0]).to.deep.equal({ ok: false, problem: 'last-owner' });
          expect(await owners()).to.have.lengthOf(1);
        }
      });

      it('is refused to be the last one, and let go when there is another', async () => {
        const one = await create({ roles: ['owner'] });
        const lastOwner = { ok: false, problem: 'last-owner' };
        expect(await administer.setStatus(one.id, undefined, 'disabled')).to.deep.equal(lastOwner);
        expect(await first.accounts.setStatus(one.id, 'disabled')).to.deep.equal(lastOwner);
        expect(await administer.update(one.id, undefined, { roles: [] })).to.deep.equal(lastOwner);
        const { deleteAccount } = flowsOn(first, createMailbox(), {
          leave: [async () => expect.fail('something of it was ended')],
        });
        expect(await deleteAccount.delete(one.id)).to.deep.equal(lastOwner);
        expect(await deleteAccount.sweep()).to.equal(0);
        expect(await first.accounts.find(one.id)).to.deep.equal(one);
        // What leaves it an owner is no matter.
        expect((await administer.update(one.id, undefined, { roles: ['owner', 'auditor'] })).ok).to.equal(
          true,
        );

        const two = await create();
        await administer.update(two.id, undefined, { roles: ['owner'] });
        // A disabled owner is none.
        await administer.setStatus(two.id, undefined, 'disabled');
        expect(await administer.update(one.id, undefined, { roles: [] })).to.deep.equal(lastOwner);
        await other.setStatus(two.id, undefined, 'active');
        expect((await administer.update(one.id, undefined, { roles: [] })).ok).to.equal(true);
        expect(await owners()).to.deep.equal([two.id]);
      });

      it('counts an owner again whose demotion came too late', async () => {
        const [one, two] = [await create({ roles: ['owner'] }), await create({ roles: ['owner'] })];
        for (let i = 0; i < 3; i++) {
          const late = await administer.update(one.id, one.version + 7, { roles: [] });
          expect(late).to.include({ problem: 'changed' });
        }
        expect((await administer.update(two.id, undefined, { roles: [] })).ok).to.equal(true);
        expect(await administer.update(one.id, undefined, { roles: [] })).to.include({
          problem: 'last-owner',
        });
      });

      it('does not count an owner again that somebody is about to take the role from', async () => {
        const [one, two] = [await create({ roles: ['owner'] }), await create({ roles: ['owner'] })];
        const [begun, settled] = [moment(), moment()];
        const taker = administerOn(
          second,
          beforeCommand(
            second.store,
            'account-update',
            async () => {
              begun.happen();
              await settled.happened;
            },
            true,
          ),
        );
        let taking: Promise<unknown> = Promise.resolve();
        const renamer = administerOn(
          first,
          beforeCommand(first.store, 'directory-settle', async () => {
            taking = taker
              .update(one.id, undefined, { roles: [] })
              .catch((error: unknown) => expect(error).to.be.instanceOf(Killed));
            await begun.happened;
          }),
        );
        await renamer.update(one.id, undefined, { profile: { name: 'Renamed' } });
        settled.happen();
        await taking;
        // Not looked for before: a search would find out.
        expect(await administer.update(two.id, undefined, { roles: [] })).to.include({
          problem: 'last-owner',
        });
        expect(await owners()).to.deep.equal([two.id]);
      });

      it('is never lost, nor stuck for good, wherever a pod is killed that takes the role', async () => {
        for (let at = 0; ; at++) {
          const [one, two] = [await create({ roles: ['owner'] }), await create({ roles: ['owner'] })];
          for (const id of await owners()) {
            if (id !== one.id && id !== two.id) await administer.update(id, undefined, { roles: [] });
          }
          const pod = interrupted(first.store, at, async () => {
            throw new Killed();
          });
          await administerOn(first, pod.store)
            .update(one.id, undefined, { roles: [] })
            .catch((error: unknown) => expect(error).to.be.instanceOf(Killed));
          // As long as it is not known what became of it, the other one may not go.
          const isOwner = (await owners()).includes(one.id);
          const gone = await other.update(two.id, undefined, { roles: [] });
          expect((await owners()).length, `killed before command ${at}`).to.be.greaterThan(0);
          await createDirectory(second).sweep(-1);
          const later = await other.update(two.id, undefined, { roles: [] });
          expect(gone.ok || later.ok, `killed before command ${at}`).to.equal(isOwner);
          expect(await owners()).to.deep.equal([isOwner ? one.id : two.id]);
          if (pod.count() <= at) break;
        }
      });
    });
  });
}
