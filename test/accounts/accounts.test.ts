import argon2 from 'argon2';
import { expect } from 'chai';
import { type Account, createAccounts, mintAccountId, type NewAccount } from '../../src/accounts/accounts.ts';
import { createPasswordHasher } from '../../src/accounts/password.ts';
import { Unavailable } from '../../src/errors.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, accountsOn, interrupted, openAccounts } from './account-fixture.ts';

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

const password = 'correct horse battery staple';

describe('accounts', () => {
  let topology: Topology;
  let fixture: AccountFixture;
  let number = 0;

  before(async () => {
    topology = await startStandalone();
    fixture = await openAccounts(topology.url);
  });
  after(async () => {
    await fixture?.close();
    await topology?.stop();
  });

  const freshEmail = () => `Person-${++number}@example.com`;

  async function create(more: Partial<NewAccount> = {}): Promise<Account> {
    const made = await fixture.accounts.create({ email: freshEmail(), ...more });
    if (!made.ok) throw new Error(made.problem);
    return made.account;
  }

  const readStored = (id: string) => fixture.store.read(fixture.store.keys.account(id));

  describe('creation', () => {
    it('gives the account with all that was told of it, under an id of 128 random bits', async () => {
      const account = await create({
        name: 'Ada Lovelace',
        given_name: 'Ada',
        password,
        emailVerified: true,
      });
      expect(account.id).to.match(/^[\w-]{22}$/);
      expect(account).to.deep.include({
        email: `Person-${number}@example.com`,
        emailVerified: true,
        name: 'Ada Lovelace',
        given_name: 'Ada',
        hasPassword: true,
        status: 'active',
        epoch: 0,
        version: 1,
      });
      expect(await fixture.accounts.find(account.id)).to.deep.equal(account);
      expect(await fixture.accounts.findByEmail(account.email.toLowerCase())).to.deep.equal(account);
      expect(JSON.stringify(account)).to.not.contain('argon2').and.not.contain('passwordHash');
    });

    const refused: [string, Partial<NewAccount>, object][] = [
      ['an address that is none', { email: 'ada' }, { problem: 'email-invalid' }],
      [
        'a password of 14 characters',
        { password: 'x'.repeat(14) },
        { problem: 'password-too-short', minimumLength: 15 },
      ],
      ['14 characters of two units each', { password: '🔑'.repeat(14) }, { problem: 'password-too-short' }],
      [
        'a password of 1025 characters',
        { password: 'x'.repeat(1025) },
        { problem: 'password-too-long', maximumLength: 1024 },
      ],
      [
        'a profile that pages cannot show safely',
        { picture: 'javascript:alert(1)', name: 'Ada' },
        { problem: 'profile-invalid', fields: ['picture'] },
      ],
    ];
    for (const [what, more, expected] of refused) {
      it(`refuses ${what}, and hashes nothing`, async () => {
        const before = fixture.hasher.load().finished;
        const email = freshEmail();
        expect(await fixture.accounts.create({ email, ...more })).to.deep.include({ ok: false, ...expected });
        expect(fixture.hasher.load().finished).to.equal(before);
        expect(await fixture.accounts.findByEmail(email)).to.equal(undefined);
      });
    }

    it('takes passwords of 15 to 1024 characters, and of 8 where the policy says so', async () => {
      await create({ password: 'x'.repeat(15) });
      await create({ password: 'x'.repeat(1024) });
      const withSecondFactor = createAccounts({ ...fixture, minimumPasswordLength: 8 });
      expect((await withSecondFactor.create({ email: freshEmail(), password: 'x'.repeat(8) })).ok).to.equal(
        true,
      );
      expect(await withSecondFactor.create({ email: freshEmail(), password: 'x'.repeat(7) })).to.deep.equal({
        ok: false,
        problem: 'password-too-short',
        minimumLength: 8,
      });
      expect(() => createAccounts({ ...fixture, minimumPasswordLength: 7 })).to.throw(RangeError);
    });

    it('hashes as much for an address that is taken', async () => {
      const { email } = await create({ password });
      const before = fixture.hasher.load().finished;
      expect(await fixture.accounts.create({ email, password })).to.deep.equal({
        ok: false,
        problem: 'email-taken',
      });
      expect(fixture.hasher.load().finished).to.equal(before + 1);
    });

    it('leaves nothing in Redis that a password could be tried on, nor an address in a key', async () => {
      const { id, email } = await create({ password });
      const stored = await readStored(id);
      expect(stored?.passwordHash).to.be.a('string').and.not.contain('argon2');
      expect(fixture.ring.open('password', id, stored?.passwordHash ?? '')).to.match(/^\$argon2id\$/);
      // Moved to another account it does not open.
      expect(() => fixture.ring.open('password', mintAccountId(), stored?.passwordHash ?? '')).to.throw();
      const keys = (await fixture.store.call('KEYS', '*')) as string[];
      expect(keys.filter((key) => key.toLowerCase().includes(email.toLowerCase()))).to.deep.equal([]);
    });
  });

  describe('password check', () => {
    it('knows the account by any spelling of its address', async () => {
      const account = await create({ password });
      for (const email of [account.email, account.email.toUpperCase(), ` ${account.email.toLowerCase()} `]) {
        expect(await fixture.accounts.checkPassword(email, password)).to.deep.equal({ ok: true, account });
      }
    });

    it('answers the same, after one hash and as many reads, whatever is wrong', async () => {
      const [good, disabled] = [await create({ password }), await create({ password })];
      const passwordless = await create();
      await fixture.accounts.setStatus(disabled.id, 'disabled');
      const tries: Record<string, [string, string]> = {
        'another password': [good.email, `${password}!`],
        'no password': [good.email, ''],
        'an account that does not exist': [freshEmail(), password],
        'an account without a password': [passwordless.email, password],
        'a disabled account with its own password': [disabled.email, password],
        'a disabled account with another': [disabled.email, `${password}!`],
      };
      const commands = new Set<number>();
      for (const [what, [email, typed]] of Object.entries(tries)) {
        const before = fixture.hasher.load().finished;
        const counted = interrupted(fixture.store, -1, async () => {});
        expect(await accountsOn(counted.store, fixture).checkPassword(email, typed), what).to.deep.equal({
          ok: false,
          problem: 'wrong-credentials',
        });
        expect(fixture.hasher.load().finished, what).to.equal(before + 1);
        commands.add(counted.count());
      }
      expect(commands.size).to.equal(1);
    });

    it('hashes once for an address that is none, too', async () => {
      const before = fixture.hasher.load().finished;
      expect((await fixture.accounts.checkPassword('not an address', password)).ok).to.equal(false);
      expect(fixture.hasher.load().finished).to.equal(before + 1);
    });

    it('is refused without a hash when the password is longer than any may be, for every address alike', async () => {
      const { email } = await create({ password });
      const before = fixture.hasher.load().finished;
      for (const address of [email, freshEmail()]) {
        expect(await fixture.accounts.checkPassword(address, 'x'.repeat(1025))).to.deep.equal({
          ok: false,
          problem: 'wrong-credentials',
        });
      }
      expect(fixture.hasher.load().finished).to.equal(before);
    });

    it('works again when the account is enabled again', async () => {
      const { id, email } = await create({ password });
      await fixture.accounts.setStatus(id, 'disabled');
      await fixture.accounts.setStatus(id, 'active');
      expect((await fixture.accounts.checkPassword(email, password)).ok).to.equal(true);
    });
  });

  describe('a hash of older parameters', () => {
    /** An account whose password was hashed long ago. */
    async function createOld() {
      const account = await create({ password });
      const stale = await argon2.hash(password, { memoryCost: 8192, timeCost: 2, parallelism: 1 });
      const sealed = fixture.ring.seal('password', account.id, stale);
      await fixture.store.call('HSET', fixture.store.keys.account(account.id), 'passwordHash', sealed);
      return { account, sealed };
    }

    const currentHash = async (id: string) =>
      fixture.ring.open('password', id, (await readStored(id))?.passwordHash ?? '');

    it('is made anew at the next sign-in, and ends no session', async () => {
      const { account } = await createOld();
      expect((await fixture.accounts.checkPassword(account.email, password)).ok).to.equal(true);
      const renewed = await currentHash(account.id);
      expect(renewed).to.contain('m=47104');
      expect((await fixture.accounts.find(account.id))?.epoch).to.equal(0);
      expect((await fixture.accounts.checkPassword(account.email, password)).ok).to.equal(true);
      expect(await currentHash(account.id)).to.equal(renewed);
    });

    it('stays when the password is wrong or the account disabled', async () => {
      const { account, sealed } = await createOld();
      await fixture.accounts.checkPassword(account.email, `${password}!`);
      await fixture.accounts.setStatus(account.id, 'disabled');
      await fixture.accounts.checkPassword(account.email, password);
      expect((await readStored(account.id))?.passwordHash).to.equal(sealed);
    });

    it('is no reason to refuse a sign-in when it cannot be replaced now', async () => {
      const { account, sealed } = await createOld();
      const pod = interrupted(fixture.store, 3, async () => {
        throw new Unavailable('away');
      });
      expect((await accountsOn(pod.store, fixture).checkPassword(account.email, password)).ok).to.equal(true);
      expect((await readStored(account.id))?.passwordHash).to.equal(sealed);
    });

    it('does not undo a password change made meanwhile', async () => {
      const { account } = await createOld();
      const changed = 'another password entirely';
      // Three reads find the account; the fourth command writes the renewed hash.
      const pod = interrupted(fixture.store, 3, async () => {
        await fixture.accounts.setPassword(account.id, changed);
      });
      expect((await accountsOn(pod.store, fixture).checkPassword(account.email, password)).ok).to.equal(true);
      expect(pod.count()).to.equal(4);
      expect((await fixture.accounts.checkPassword(account.email, changed)).ok).to.equal(true);
      expect((await fixture.accounts.checkPassword(account.email, password)).ok).to.equal(false);
    });
  });

  describe('when it cannot be answered now', () => {
    it('asks for another try, for every address alike, when too many passwords are being checked', async () => {
      const { email } = await create({ password });
      const hasher = createPasswordHasher({ concurrency: 1, queue: 0 });
      const accounts = createAccounts({ ...fixture, hasher });
      const running = hasher.verifyDecoy(password);
      for (const address of [email, freshEmail(), 'not an address']) {
        expect(await thrown(accounts.checkPassword(address, password))).to.be.instanceOf(Unavailable);
      }
      await running;
      expect((await accounts.checkPassword(email, password)).ok).to.equal(true);
    });

    it('decides nothing when a write is not held by as many replicas as required', async () => {
      const strict = await openAccounts(topology.url, fixture.prefix, {
        HOLDFAST_DURABLE_REPLICAS: '1',
        HOLDFAST_DURABLE_TIMEOUT_MS: '10',
      });
      try {
        const draft = { id: mintAccountId(), email: freshEmail() };
        expect(await thrown(strict.accounts.create(draft))).to.be.instanceOf(Unavailable);
        expect(await fixture.accounts.find(draft.id)).to.equal(undefined);
        expect((await fixture.accounts.create(draft)).ok).to.equal(true);
        expect(await thrown(strict.accounts.setPassword(draft.id, password))).to.be.instanceOf(Unavailable);
        expect(await thrown(strict.accounts.setStatus(draft.id, 'active'))).to.be.instanceOf(Unavailable);
      } finally {
        await strict.close();
      }
    });
  });

  describe('changes', () => {
    it('of the password make the old one useless and count the epoch up', async () => {
      const { id, email, updatedAt } = await create({ password });
      const changed = 'another password entirely';
      const outcome = await fixture.accounts.setPassword(id, changed);
      expect(outcome.ok && outcome.account).to.deep.include({ id, epoch: 1, version: 2 });
      expect(outcome.ok && outcome.account.updatedAt).to.be.at.least(updatedAt);
      expect((await fixture.accounts.checkPassword(email, password)).ok).to.equal(false);
      expect((await fixture.accounts.checkPassword(email, changed)).ok).to.equal(true);
      expect(await fixture.accounts.setPassword(id, 'short')).to.deep.include({
        problem: 'password-too-short',
      });
      expect((await fixture.accounts.checkPassword(email, changed)).ok).to.equal(true);
    });

    it('of the password give an account without one its first', async () => {
      const { id, email, hasPassword } = await create();
      expect(hasPassword).to.equal(false);
      await fixture.accounts.setPassword(id, password);
      expect((await fixture.accounts.checkPassword(email, password)).ok).to.equal(true);
    });

    it('of the status: disabled at once for everyone, with the epoch counted up', async () => {
      const { id } = await create();
      expect((await fixture.accounts.present(id))?.epoch).to.be.a('number');
      const disabled = await fixture.accounts.setStatus(id, 'disabled');
      expect(disabled.ok && disabled.account).to.deep.include({ status: 'disabled', epoch: 1 });
      expect((await fixture.accounts.present(id))?.epoch).to.equal(undefined);
      expect(await fixture.accounts.present(id)).to.equal(undefined);
      expect((await fixture.accounts.find(id))?.status).to.equal('disabled');
      const enabled = await fixture.accounts.setStatus(id, 'active');
      expect(enabled.ok && enabled.account).to.deep.include({ status: 'active', epoch: 1, version: 3 });
    });

    it('made at the same moment are all counted', async () => {
      const { id } = await create();
      const changes = Array.from({ length: 10 }, (_, i) =>
        i % 2
          ? fixture.accounts.setPassword(id, `${password} ${i}`)
          : fixture.accounts.setStatus(id, i % 4 ? 'active' : 'disabled'),
      );
      const outcomes = await Promise.all(changes);
      expect(outcomes.every(({ ok }) => ok)).to.equal(true);
      expect(await fixture.accounts.find(id)).to.deep.include({ version: 11, epoch: 8 });
    });

    it('of an account that does not exist change nothing', async () => {
      for (const id of [mintAccountId(), '', '*', 'a}:sessions', '../x', 'x'.repeat(65)]) {
        expect(await fixture.accounts.setPassword(id, password)).to.deep.equal({
          ok: false,
          problem: 'not-found',
        });
        expect(await fixture.accounts.setStatus(id, 'active')).to.deep.equal({
          ok: false,
          problem: 'not-found',
        });
        expect(await fixture.accounts.find(id)).to.equal(undefined);
        expect((await fixture.accounts.present(id))?.epoch).to.equal(undefined);
        expect(await fixture.accounts.present(id)).to.equal(undefined);
      }
    });
  });

  describe('claims', () => {
    it('are the standard ones, without those that have no value', async () => {
      const account = await create({
        emailVerified: true,
        name: 'Ada Lovelace',
        family_name: 'Lovelace',
        picture: 'https://example.com/ada.png',
        birthdate: '1815-12-10',
        zoneinfo: 'Europe/London',
        locale: 'en-GB',
        password,
      });
      expect((await fixture.accounts.present(account.id))?.claims).to.deep.equal({
        sub: account.id,
        email: account.email,
        email_verified: true,
        name: 'Ada Lovelace',
        family_name: 'Lovelace',
        picture: 'https://example.com/ada.png',
        birthdate: '1815-12-10',
        zoneinfo: 'Europe/London',
        locale: 'en-GB',
        updated_at: Math.floor(account.updatedAt / 1000),
      });
    });

    it('tell an address that nobody confirmed as such', async () => {
      const { id } = await create();
      expect((await fixture.accounts.present(id))?.claims?.email_verified).to.equal(false);
    });
  });

  it('put neither address nor password into the log', async () => {
    const { id, email } = await create({ password });
    await fixture.accounts.checkPassword(email, password);
    await fixture.accounts.checkPassword(email, 'the wrong password of a person');
    await fixture.accounts.setPassword(id, `${password} 2`);
    await fixture.accounts.setStatus(id, 'disabled');
    const log = await fixture.readLog();
    expect(log).to.contain('account created').and.contain('password changed').and.contain(id);
    for (const secret of [email.toLowerCase(), password, 'the wrong password', 'argon2']) {
      expect(log.toLowerCase()).to.not.contain(secret);
    }
  });
});

describe('the list of accounts', () => {
  let topology: Topology;
  let fixture: AccountFixture;
  before(async () => {
    topology = await startStandalone();
  });
  beforeEach(async () => {
    fixture = await openAccounts(topology.url);
  });
  afterEach(() => fixture?.close());
  after(() => topology?.stop());

  async function createMany(count: number): Promise<string[]> {
    const made = await Promise.all(
      Array.from({ length: count }, (_, i) => fixture.accounts.create({ email: `many-${i}@example.com` })),
    );
    return made.flatMap((outcome) => (outcome.ok ? [outcome.account.id] : []));
  }

  async function readAll(count: number, between: () => Promise<void> = async () => {}): Promise<Account[]> {
    const all: Account[] = [];
    let cursor: string | undefined;
    do {
      const page = await fixture.accounts.list({ count, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.accounts.length).to.be.at.most(count);
      all.push(...page.accounts);
      ({ cursor } = page);
      await between();
    } while (cursor !== undefined);
    return all;
  }

  it('is empty, and ends, where there are none', async () => {
    expect(await fixture.accounts.list()).to.deep.equal({ accounts: [], cursor: undefined });
  });

  it('has everyone once, the oldest first, in pages of any size, also those of the same millisecond', async () => {
    const ids = await createMany(23);
    expect(ids).to.have.lengthOf(23);
    for (const size of [1, 5, 23, 100]) {
      const all = await readAll(size);
      expect(all.map(({ id }) => id)).to.have.members(ids);
      const times = all.map(({ createdAt }) => createdAt);
      expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
    }
  });

  it('misses nobody when accounts are made while it is read', async () => {
    const ids = await createMany(9);
    let more = 0;
    const all = await readAll(4, async () => {
      if (more < 3) await fixture.accounts.create({ email: `later-${more++}@example.com` });
    });
    expect(all.map(({ id }) => id)).to.include.members(ids);
    expect(new Set(all.map(({ id }) => id)).size).to.equal(all.length);
  });

  it('goes on after an account that is gone by then', async () => {
    const ids = await createMany(6);
    const first = await fixture.accounts.list({ count: 3 });
    const last = first.accounts.at(-1);
    await fixture.store.call('ZREM', fixture.store.keys.accountList(), last?.id ?? '');
    const rest = await fixture.accounts.list({ cursor: first.cursor ?? '' });
    const seen = new Set([...first.accounts, ...rest.accounts].map(({ id }) => id));
    expect(seen).to.have.all.keys(...ids);
  });

  it('skips ids without an account, and forgets them when they are old', async () => {
    const [id = ''] = await createMany(1);
    const list = fixture.store.keys.accountList();
    await fixture.store.call('ZADD', list, 1, 'old-stray', 99_999_999_999_999, 'young-stray');
    expect((await fixture.accounts.list()).accounts.map((account) => account.id)).to.deep.equal([id]);
    expect(await fixture.store.call('ZRANGE', list, 0, -1)).to.deep.equal([id, 'young-stray']);
  });

  it('begins at the start for a cursor that it did not make', async () => {
    const [id = ''] = await createMany(1);
    for (const cursor of ['', 'x', '1.*', '-1.abc', `1e9.${id}`, `${'9'.repeat(40)}.${id}`]) {
      expect((await fixture.accounts.list({ cursor })).accounts).to.have.lengthOf(1);
    }
  });
});
