import { expect } from 'chai';
import { type Account, type Accounts, mintAccountId } from '../../src/accounts/accounts.ts';
import { createAdministerAccounts } from '../../src/accounts/administer.ts';
import { createDirectory, type Directory } from '../../src/accounts/directory.ts';
import { createNewPasswords } from '../../src/accounts/new-password.ts';
import type { Store } from '../../src/redis/redis.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';
import {
  type AccountFixture,
  accountsOn,
  before as beforeCommand,
  interrupted,
  Killed,
  moment,
  openAccounts,
} from './account-fixture.ts';
import { createMailbox, flowsOn } from './flow-fixture.ts';

const topologies = { 'one Redis': startStandalone, 'a Redis Cluster': startCluster };

for (const [where, start] of Object.entries(topologies)) {
  describe(`the directory of accounts on ${where}`, () => {
    let topology: Topology;
    /** Two pods; a fresh prefix for each test. */
    let first: AccountFixture;
    let second: AccountFixture;
    let directory: Directory;
    let other: Directory;

    before(async () => {
      topology = await start();
    });
    beforeEach(async () => {
      first = await openAccounts(topology.url);
      second = await openAccounts(topology.url, first.prefix);
      directory = createDirectory(first);
      other = createDirectory(second);
    });
    afterEach(() => Promise.all([first.close(), second.close()]));
    after(() => topology?.stop());

    async function create(
      account: Partial<Parameters<Accounts['create']>[0]> & { email: string },
      accounts: Accounts = first.accounts,
    ): Promise<Account> {
      const made = await accounts.create(account);
      if (!made.ok) throw new Error(made.problem);
      // The next one is younger.
      while (Date.now() <= made.account.createdAt) await new Promise((again) => setImmediate(again));
      return made.account;
    }

    const administer = (pod: AccountFixture = first) =>
      createAdministerAccounts({ ...pod, passwords: createNewPasswords(pod) });

    const on = (store: Store) =>
      createAdministerAccounts({ ...first, store, passwords: createNewPasswords(first) });

    async function emails(query: Parameters<Directory['search']>[0]): Promise<string[]> {
      return (await other.search(query)).accounts.map(({ email }) => email);
    }

    /** Every page of it. */
    async function walk(query: Parameters<Directory['search']>[0]): Promise<string[]> {
      const all: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await other.search({ ...query, ...(cursor === undefined ? {} : { cursor }) });
        all.push(...page.accounts.map(({ email }) => email));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return all;
    }

    const indexOf = () =>
      first.store.call('ZRANGE', first.store.keys.accountIndex(), 0, -1) as Promise<string[]>;

    it('finds by the beginning of an address, a name, and any word in it, in any case', async () => {
      await create({
        email: 'jose.garcia@example.com',
        name: 'José García-Márquez',
        given_name: 'José',
        family_name: 'García-Márquez',
        nickname: 'Pepe',
        preferred_username: 'jgm1985',
      });
      await create({ email: 'yamada@example.jp', name: '山田 太郎' });
      await create({ email: 'cut@example.com', name: '<script>alert(1)</script>' });
      const finds: [text: string, found: string[]][] = [
        ['JOSE.G', ['jose.garcia@example.com']],
        ['josé ga', ['jose.garcia@example.com']],
        ['jose  garcia-mar', ['jose.garcia@example.com']],
        ['Márq', ['jose.garcia@example.com']],
        ['garcía', ['jose.garcia@example.com']],
        ['pep', ['jose.garcia@example.com']],
        ['JGM', ['jose.garcia@example.com']],
        ['山', ['yamada@example.jp']],
        ['太郎', ['yamada@example.jp']],
        ['<SCRIPT', ['cut@example.com']],
        ['arcia', []],
        ['jose.garcia@example.com ', ['jose.garcia@example.com']],
        ['nobody', []],
        ['\u0301', []],
      ];
      for (const [text, found] of finds) expect(await emails({ text }), text).to.deep.equal(found);
    });

    it('finds by a whole id, and no account by a part of it', async () => {
      const { id } = await create({ email: 'ada@example.com', name: 'Ada' });
      expect(await emails({ text: ` ${id} ` })).to.deep.equal(['ada@example.com']);
      expect(await emails({ text: id.slice(0, -1) })).to.deep.equal([]);
      expect(await emails({ text: id, status: 'disabled' })).to.deep.equal([]);
    });

    it('gives each account once, however many of its texts begin so, and every one over all pages', async () => {
      const all: string[] = [];
      for (let i = 0; i < 25; i++) {
        const email = `ada-${String(i).padStart(2, '0')}@example.com`;
        await create({ email, name: `Ada Adams-${i}`, nickname: `adage ${i}` });
        all.push(email);
      }
      for (const count of [1, 4, 25, 200])
        expect((await walk({ text: 'ada', count })).sort()).to.deep.equal(all);
      expect(await walk({ count: 7 })).to.deep.equal(all.toReversed());
      expect(await directory.count()).to.equal(25);
    });

    it('narrows down by status, role and group, alone and with a text, the latest first', async () => {
      for (let i = 0; i < 12; i++) {
        const account = await create({
          email: `p${i}@example.com`,
          name: i % 2 ? 'Odd One' : 'Even One',
          ...(i % 3 === 0 && { roles: ['auditor'] }),
          ...(i % 4 === 0 && { groups: ['staff', 'berlin'] }),
        });
        if (i % 6 === 0) await first.accounts.setStatus(account.id, 'disabled');
      }
      const of = (...numbers: number[]) => numbers.map((i) => `p${i}@example.com`);
      expect(await walk({ role: 'auditor', count: 2 })).to.deep.equal(of(9, 6, 3, 0));
      expect(await walk({ group: 'staff', count: 1 })).to.deep.equal(of(8, 4, 0));
      expect(await walk({ status: 'disabled' })).to.deep.equal(of(6, 0));
      expect(await walk({ status: 'active', count: 3 })).to.deep.equal(of(11, 10, 9, 8, 7, 5, 4, 3, 2, 1));
      expect(await walk({ role: 'auditor', group: 'berlin', status: 'disabled' })).to.deep.equal(of(0));
      expect((await walk({ text: 'odd', role: 'auditor', count: 1 })).sort()).to.deep.equal(of(3, 9));
      expect((await walk({ text: 'one', status: 'active', role: 'auditor' })).sort()).to.deep.equal(of(3, 9));
      expect(await directory.count({ role: 'auditor' })).to.equal(4);
      expect(await directory.count({ status: 'disabled' })).to.equal(2);
      expect(await directory.count({ group: 'nobody' })).to.equal(0);
      expect(await walk({ role: 'audit' })).to.deep.equal([]);
    });

    it('begins anew for a cursor that it did not make, and for one of another query', async () => {
      for (const name of ['Ann', 'Anna', 'Bob']) await create({ email: `${name}@example.com`, name });
      const begun = await directory.search({ text: 'an', count: 1 });
      const cursor = begun.cursor ?? '';
      expect(cursor).to.match(/^[\w-]{20,}$/);
      expect(Buffer.from(cursor, 'base64url').toString('latin1').toLowerCase()).to.not.include('ann');
      expect((await emails({ text: 'an', count: 1, cursor }))[0]).to.not.equal(begun.accounts[0]?.email);
      const tampered = `${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`;
      for (const forged of [tampered, '', 'x', '../..', '\0', '{}', 'A'.repeat(10_000)]) {
        expect(await emails({ text: 'an', count: 1, cursor: forged })).to.deep.equal([
          begun.accounts[0]?.email,
        ]);
      }
      expect(await emails({ text: 'bob', cursor })).to.deep.equal(['Bob@example.com']);
      expect(await emails({ text: 'an', status: 'active', count: 1, cursor })).to.have.lengthOf(1);
    });

    it('follows every change of an account, and forgets one that is deleted', async () => {
      const mail = createMailbox();
      const flows = flowsOn(first, mail);
      const account = await create({ email: 'old@example.com', name: 'Olga Old', emailVerified: true });
      await first.accounts.updateProfile(account.id, account.version, {
        name: 'Nora New',
        given_name: 'Nora',
      });
      expect(await emails({ text: 'olga' })).to.deep.equal([]);
      expect(await emails({ text: 'new' })).to.deep.equal(['old@example.com']);

      await flows.changeEmail.request(account.id, 'new@example.com', { address: '192.0.2.1' });
      const token = mail.token('confirm-new-email', 'new@example.com');
      expect((await flows.changeEmail.confirm(token, { browser: 'b' })).ok).to.equal(true);
      expect(await emails({ text: 'old@' })).to.deep.equal([]);
      expect(await emails({ text: 'new@' })).to.deep.equal(['new@example.com']);

      await administer().update(account.id, undefined, { roles: ['auditor'], groups: ['staff'] });
      expect(await emails({ role: 'auditor', group: 'staff' })).to.deep.equal(['new@example.com']);
      await administer().update(account.id, undefined, { roles: [], email: 'third@example.com' });
      expect(await emails({ role: 'auditor' })).to.deep.equal([]);
      expect(await emails({ group: 'staff' })).to.deep.equal(['third@example.com']);

      await flows.deleteAccount.delete(account.id);
      expect(await indexOf()).to.deep.equal([]);
      expect(await directory.count()).to.equal(0);
      expect(await first.store.call('EXISTS', first.store.keys.accountsChanging())).to.equal(0);
    });

    it('finds by exactly its names of now whoever was renamed by twenty at once', async () => {
      const names = ['Astrid', 'Birgit', 'Carla', 'Dora'];
      for (let round = 0; round < 4; round++) {
        const { id } = await create({ email: `race-${round}@example.com`, name: 'Nobody' });
        const pods = [first, second].map(administer);
        await Promise.all(
          Array.from({ length: 20 }, (_, i) => {
            const name = `${names[i % names.length]} ${round}`;
            return i % 5 === 4
              ? pods[i % 2]?.update(id, undefined, { email: `race-${round}-${i}@example.com` })
              : pods[i % 2]?.update(id, undefined, { profile: { name }, groups: [`g${i % 3}`] });
          }),
        );
        const now = await first.accounts.find(id);
        for (const name of [...names, 'Nobody']) {
          const found = (await other.search({ text: `${name} ${round}` })).accounts.map((one) => one.id);
          expect(found, name).to.deep.equal(now?.name === `${name} ${round}` ? [id] : []);
        }
        for (const group of ['g0', 'g1', 'g2']) {
          const found = (await other.search({ group })).accounts.map((one) => one.id);
          expect(found.includes(id), group).to.equal(now?.groups?.includes(group));
        }
        // And without a search to find out: nothing else is left of it.
        const left = (await indexOf()).filter((entry) => entry.endsWith(id));
        expect(left).to.have.lengthOf(4);
        expect(await emails({ text: now?.email ?? '' })).to.deep.equal([now?.email]);
      }
      expect(await first.store.call('EXISTS', first.store.keys.accountsChanging())).to.equal(0);
    });

    it('loses no account, and finds none by what it is not, wherever a pod is killed in a rename', async () => {
      for (let at = 0; ; at++) {
        const email = `kill-${at}@example.com`;
        const { id } = await create({ email, name: 'Before' });
        const pod = interrupted(first.store, at, async () => {
          throw new Killed();
        });
        const killed = createAdministerAccounts({
          ...first,
          store: pod.store,
          passwords: createNewPasswords(first),
        });
        await killed
          .update(id, undefined, { profile: { name: 'After' } })
          .catch((error: unknown) => expect(error).to.be.instanceOf(Killed));
        const name = (await second.accounts.find(id))?.name ?? '';
        const check = async (when: string) => {
          for (const text of ['before', 'after']) {
            const found = (await walk({ text })).includes(email);
            expect(found, `killed before command ${at}, ${when}: ${text}`).to.equal(
              text === name.toLowerCase(),
            );
          }
        };
        await check('at once');
        await other.sweep(-1);
        await check('swept');
        const left = (await indexOf()).filter((entry) => entry.endsWith(id));
        expect(left).to.have.lengthOf(2);
        if (pod.count() <= at) break;
      }
    });

    it('is not misled by a pod that wakes up when its change was ended by the sweep', async () => {
      const { id } = await create({ email: 'late@example.com', name: 'Before' });
      const commands = interrupted(first.store, -1, async () => {});
      await createAdministerAccounts({
        ...first,
        store: commands.store,
        passwords: createNewPasswords(first),
      }).update(id, undefined, { profile: { name: 'Middle' } });
      const change = commands.sent.findIndex(({ command }) => command === 'account-update');
      const pod = interrupted(first.store, change, async () => {
        await other.sweep(-1);
      });
      const late = createAdministerAccounts({
        ...first,
        store: pod.store,
        passwords: createNewPasswords(first),
      });
      const renamed = await late.update(id, undefined, { profile: { name: 'After' } });
      expect(renamed.ok).to.equal(true);
      expect(await emails({ text: 'middle' })).to.deep.equal([]);
      expect(await emails({ text: 'after' })).to.deep.equal(['late@example.com']);
    });

    it('keeps what another change has just added, when it takes away what was there before', async () => {
      const { id } = await create({ email: 'twice@example.com', name: 'Before' });
      const [added, settled] = [moment(), moment()];
      // The second change adds the name that the first one is about to take away; it is killed when it was made.
      const secondPod = on(
        beforeCommand(
          second.store,
          'account-update',
          async () => {
            added.happen();
            await settled.happened;
          },
          true,
        ),
      );
      let changing: Promise<unknown> = Promise.resolve();
      const firstPod = on(
        beforeCommand(first.store, 'directory-settle', async () => {
          changing = secondPod
            .update(id, undefined, { profile: { name: 'Before' } })
            .catch((error: unknown) => expect(error).to.be.instanceOf(Killed));
          await added.happened;
        }),
      );
      await firstPod.update(id, undefined, { profile: { name: 'After' } });
      settled.happen();
      await changing;
      expect((await first.accounts.find(id))?.name).to.equal('Before');
      expect(await emails({ text: 'before' })).to.deep.equal(['twice@example.com']);
    });

    it('believes what a later change has told, when an earlier one is slow to tell', async () => {
      const { id } = await create({ email: 'slow@example.com', name: 'Before' });
      const slow = on(
        beforeCommand(first.store, 'directory-settle', async () => {
          await administer(second).update(id, undefined, { profile: { name: 'Before' } });
        }),
      );
      await slow.update(id, undefined, { profile: { name: 'After' } });
      expect(await emails({ text: 'before' })).to.deep.equal(['slow@example.com']);
      expect((await indexOf()).filter((entry) => entry.endsWith(id))).to.have.lengthOf(2);
    });

    it('takes an account that is just being made for no stray', async () => {
      // Searches at each moment of a creation, by another pod.
      for (let at = 0; ; at++) {
        const email = `maker-${at}@example.com`;
        const pod = interrupted(first.store, at, async () => {
          await other.search({ text: 'maker' });
        });
        await create({ email, name: 'Maker' }, accountsOn(pod.store, first));
        expect(await walk({ text: email })).to.deep.equal([email]);
        expect((await indexOf()).filter((entry) => entry.includes(`${email}\0`))).to.have.lengthOf(1);
        if (pod.count() <= at) break;
      }
    });

    it('brings accounts from before there was an index in, once, and again when it is told to', async () => {
      const made: string[] = [];
      for (let i = 0; i < 30; i++) {
        const email = `early-${i}@example.com`;
        await create({ email, name: `Early Bird ${i}`, ...(i === 3 && { roles: ['owner'] }) });
        made.push(email);
      }
      const { keys } = first.store;
      await first.store.call('DEL', keys.accountIndex());
      await first.store.call('DEL', keys.accountOwners());
      expect(await emails({ text: 'early' })).to.deep.equal([]);
      const done = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? directory : other).reindexOnce()),
      );
      expect(done.filter((one) => one !== undefined)).to.deep.equal([30]);
      expect((await walk({ text: 'bird' })).sort()).to.deep.equal(made.sort());
      expect(await emails({ role: 'owner' })).to.deep.equal(['early-3@example.com']);
      expect(await first.store.call('SCARD', keys.accountOwners())).to.equal(1);
      expect(await directory.reindexOnce()).to.equal(undefined);

      await first.store.call('DEL', keys.accountIndex());
      const told: number[] = [];
      expect(await directory.reindex((count) => told.push(count))).to.equal(30);
      expect(told.at(-1)).to.equal(30);
      expect((await walk({ text: 'bird' })).sort()).to.deep.equal(made.sort());
    });

    it('stays right while accounts change under a reindex', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 20; i++) ids.push((await create({ email: `m-${i}@example.com`, name: 'Old' })).id);
      const admin = administer();
      await Promise.all([
        other.reindex(),
        ...ids.map((id, i) => admin.update(id, undefined, { profile: { name: `New ${i}` } })),
        directory.reindex(),
      ]);
      expect(await walk({ text: 'old' })).to.deep.equal([]);
      expect(await walk({ text: 'new' })).to.have.lengthOf(20);
    });

    it('meets an entry that leads nowhere once, and takes it away', async () => {
      const { keys } = first.store;
      const gone = mintAccountId();
      const { id } = await create({ email: 'here@example.com', name: 'Here' });
      const planted = [
        `n:strayed\0${gone}`,
        `n:strayed\0${id}`,
        `f:group:strays\0${'0'.repeat(14)}\0${gone}`,
      ];
      const time = (await first.accounts.find(id))?.createdAt ?? 0;
      planted.push(`f:group:strays\0${String(time).padStart(14, '0')}\0${id}`);
      for (const entry of planted) await first.store.call('ZADD', keys.accountIndex(), 0, entry);
      expect(await emails({ text: 'strayed' })).to.deep.equal([]);
      expect(await emails({ group: 'strays' })).to.deep.equal([]);
      expect(await indexOf()).to.have.lengthOf(1);
      expect(await emails({ text: 'here' })).to.deep.equal(['here@example.com']);
    });
  });
}
