import { expect } from 'chai';
import { localeOf } from '../../src/accounts/account-mail.ts';
import type { Account } from '../../src/accounts/accounts.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, openAccounts } from './account-fixture.ts';

describe('changing the profile of an account', () => {
  let topology: Topology;
  let first: AccountFixture;
  let second: AccountFixture;
  let number = 0;

  before(async () => {
    topology = await startStandalone();
    first = await openAccounts(topology.url);
    second = await openAccounts(topology.url, first.prefix);
  });
  after(async () => {
    await Promise.all([first?.close(), second?.close()]);
    await topology?.stop();
  });

  async function create(): Promise<Account> {
    const made = await first.accounts.create({
      email: `person-${++number}@example.com`,
      name: 'Ada',
      nickname: 'Countess',
    });
    if (!made.ok) throw new Error(made.problem);
    return made.account;
  }

  it('sets what is given, takes away what is emptied, and leaves the rest', async () => {
    const { id, version } = await create();
    const outcome = await first.accounts.updateProfile(id, version, {
      name: 'Ada Lovelace',
      nickname: '',
      zoneinfo: 'Europe/London',
    });
    expect(outcome.ok && outcome.account).to.deep.include({
      name: 'Ada Lovelace',
      zoneinfo: 'Europe/London',
      version: version + 1,
      epoch: 0,
    });
    const found = await second.accounts.find(id);
    expect(found).to.deep.equal(outcome.ok && outcome.account);
    expect(found).to.not.have.property('nickname');
    expect((await second.accounts.present(id))?.claims.name).to.equal('Ada Lovelace');
  });

  it('is done by one of twenty who saw the same version', async () => {
    const { id, version } = await create();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? first : second).accounts.updateProfile(id, version, { name: `Ada ${i}` }),
      ),
    );
    const winner = outcomes.findIndex(({ ok }) => ok);
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    for (const outcome of outcomes) {
      if (!outcome.ok) expect(outcome).to.deep.equal({ ok: false, problem: 'changed' });
    }
    expect(await first.accounts.find(id)).to.deep.include({ name: `Ada ${winner}`, version: version + 1 });
  });

  it('changes nothing else, whatever the form carries', async () => {
    const account = await create();
    const carried = {
      name: 'Ada II',
      id: 'other',
      email: 'evil@example.com',
      emailVerified: '1',
      status: 'disabled',
      epoch: '9',
      passwordHash: 'x',
      termsVersion: '9',
    };
    const outcome = await first.accounts.updateProfile(account.id, account.version, carried);
    expect(outcome.ok && outcome.account).to.deep.equal({
      ...account,
      name: 'Ada II',
      version: 2,
      updatedAt: outcome.ok ? outcome.account.updatedAt : 0,
    });
  });

  it('names the fields that hold what they must not', async () => {
    const { id, version } = await create();
    expect(
      await first.accounts.updateProfile(id, version, { website: 'javascript:x', birthdate: '31.12.1815' }),
    ).to.deep.equal({ ok: false, problem: 'profile-invalid', fields: ['website', 'birthdate'] });
    expect((await first.accounts.find(id))?.version).to.equal(version);
    expect(await first.accounts.updateProfile('nobody', 1, { name: 'x' })).to.deep.equal({
      ok: false,
      problem: 'not-found',
    });
  });

  it('holds the language that the person chose for pages and mails', async () => {
    const { id, version } = await create();
    const chosen = await first.accounts.updateProfile(id, version, { locale: 'de' });
    expect(chosen.ok && localeOf(chosen.account)).to.equal('de');
    expect(localeOf({ locale: 'de-AT' })).to.equal('de');
    expect(localeOf({ locale: 'tlh' })).to.equal('en');
    expect(localeOf({})).to.equal('en');
  });
});
